//! Which certificate proves who we are: one of a file, or one of the store that Windows keeps for the machine.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a certificate and its private key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// In PEM files.
    Files {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with its private key; may be the same.
        key: PathBuf,
    },
    /// In `LocalMachine\My` of Windows; the key need not be exportable.
    Machine(Thumbprint),
}

/// What Windows calls a certificate by: SHA-1 over its DER. A name, and no proof of anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint([u8; 20]);

/// A text that is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a SHA-1 thumbprint of 40 hexadecimal digits")]
pub struct NoThumbprint;

/// `LEFT-TO-RIGHT MARK`: Windows' dialog puts one before the thumbprint, and it is copied along unseen.
const MARK: char = '\u{200e}';

impl Thumbprint {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for Thumbprint {
    type Err = NoThumbprint;

    /// As people copy it: in capitals or not, its bytes apart by blanks or colons or not at all.
    fn from_str(text: &str) -> Result<Self, NoThumbprint> {
        let written = text.chars().filter(|c| !c.is_whitespace() && !matches!(*c, ':' | MARK));
        let digits: Option<Vec<u8>> = written.map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
        let digits = digits.filter(|digits| digits.len() == 40).ok_or(NoThumbprint)?;
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_thumbprint_is_taken_as_it_is_copied() {
        let plain = "0123456789ABCDEF0123456789ABCDEF01234567";
        for text in [
            "0123456789abcdef0123456789abcdef01234567",
            "\u{200e}01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 67",
            "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67",
            " 0123456789ABCDEF\u{a0}0123456789ABCDEF\t01234567\u{200e}\n",
        ] {
            let print: Thumbprint = text.parse().unwrap();
            assert_eq!(print.to_string(), plain, "{text:?}");
            assert_eq!(print.bytes()[..2], [0x01, 0x23]);
        }
        for text in [
            "",
            "0123456789abcdef0123456789abcdef0123456",
            "0123456789abcdef0123456789abcdef012345678",
            "0123456789abcdef0123456789abcdef0123456g",
            "0123-4567-89ab-cdef-0123-4567-89ab-cdef-0123-4567",
            "１123456789abcdef0123456789abcdef01234567",
        ] {
            assert_eq!(text.parse::<Thumbprint>(), Err(NoThumbprint), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_thumbprint_comes_back_as_it_was_shown(bytes: [u8; 20]) {
            prop_assert_eq!(Thumbprint(bytes).to_string().parse(), Ok(Thumbprint(bytes)));
        }

        #[test]
        fn whatever_is_written_is_taken_or_refused(text: String) {
            let _ = text.parse::<Thumbprint>();
        }
    }
}
