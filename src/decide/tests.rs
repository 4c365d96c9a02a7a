//! The decision as a table, and what holds of every decision.

mod allotting;
mod binding;
mod changing;
mod grouping;
mod locating;
mod properties;
mod reasoning;
mod scene;
mod standing;
mod unbound;
