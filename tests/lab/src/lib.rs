//! A directory and a tenant over one world, for tests, the demo and for hands.
//!
//! Nothing here is shared with the product: what both must agree on is Microsoft's behaviour alone.

pub mod directory;
pub mod tenant;
