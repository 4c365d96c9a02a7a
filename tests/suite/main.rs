//! The suite: what a user of seatsync would notice, against the lab over real sockets and, where asked for, a real domain
//! controller. One binary, one module per capability.

mod architecture;
#[allow(dead_code, reason = "modules come one by one")]
mod bench;
mod credentials;
mod joining;
