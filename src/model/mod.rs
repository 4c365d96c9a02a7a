//! The nouns every room shares, stored or not. No IO, no clock, no randomness: time and seeds come in as arguments.
//!
//! A *person* joins directory accounts and a tenant user by [`identity::Anchor`]; an *entitlement* is a person and a
//! SKU. Everything else here describes what was read ([`account`], [`user`], [`license`]), what is wanted ([`rule`],
//! [`settings`]) or where it stands ([`standing`], [`plan`], [`verdict`], [`watermark`]).

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod account;
pub mod certificate;
pub mod dn;
pub mod effect;
pub mod expiry;
pub mod fault;
pub mod filter;
pub mod group;
pub mod identity;
pub mod journey;
pub mod judgement;
pub mod license;
pub mod location;
pub mod matches;
pub mod newcomer;
pub mod notice;
pub mod person;
pub mod plan;
pub mod reasoning;
pub mod request;
pub mod rule;
#[cfg(test)]
pub(crate) mod sample;
pub mod seats;
pub mod secret;
pub mod settings;
pub mod shrink;
pub mod spelling;
pub mod standing;
pub mod synchronization;
pub mod text;
pub mod trap;
pub mod user;
pub mod verdict;
pub mod watermark;
