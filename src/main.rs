//! seatsync.
fn main() {}
