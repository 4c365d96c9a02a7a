//! The suite: what a user of seatsync would notice, against the lab over real sockets and, where asked for, a real domain
//! controller. One binary, one module per capability.

mod architecture;
mod bench;
mod commands;
mod contract;
mod controllers;
mod crash;
mod credentials;
mod daemon;
mod doctor;
mod documented;
mod excluded;
mod failures;
mod feeds;
mod first_contact;
mod groups;
mod guard;
mod holders;
mod joining;
mod leaving;
mod notices;
mod products;
mod rules;
mod samba;
mod seats;
mod secrets;
mod sign_in;
mod steady;
mod stopping;
mod thousand;
mod throttling;
mod untold;
mod wire;
