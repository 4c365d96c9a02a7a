//! When something is suddenly too small to be believed: pure.

/// Whether what is left is suspiciously small: nothing at all always, else where more than a few, and more than that share in
/// percent, are missing.
#[must_use]
pub fn is_shrunk(left: u64, missing: u64, percent: u32) -> bool {
    const FEW: u64 = 10;
    (left == 0 && missing > 0) || missing > FEW && missing * 100 > (left + missing) * u64::from(percent)
}
