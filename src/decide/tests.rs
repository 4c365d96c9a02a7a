//! The decision as a table, and what holds of every decision.

mod scene;
mod standing;
