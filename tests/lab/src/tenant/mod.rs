//! The tenant.
