//! The directory.
pub mod world;
