//! seatsync follows on-premises Active Directory and gives each newly synced user of Entra a usage location and a
//! license.
//!
//! ```text
//! domain controllers ──► directory ─┐                          ┌─► audit
//!                                   ├─► store ─► decide ─► allot ─► intent ─► apply ─► outcome ─► store
//! Entra / Graph ───────► tenant ────┘            (pure)   (pure)            (Graph)
//! ```
//!
//! Two feeds, one store, one pure decision, one guarded way out. The modules stand here in the order of that flow;
//! imports run one way: `model` ← {`decide`, `config`, `store`, `directory`, `tenant`, `notify`, `tls`, `observe`} ← `apply` ← `agent` ←
//! {`service`, `watch`, `doctor`} ← `cli`.

#![cfg_attr(not(windows), forbid(unsafe_code))]
#![cfg_attr(windows, deny(unsafe_code))]

pub mod agent;
pub mod apply;
pub mod cli;
pub mod clock;
pub mod config;
pub mod decide;
pub mod directory;
pub mod doctor;
pub mod model;
pub mod notify;
pub mod observe;
pub mod service;
pub mod store;
pub mod system;
pub mod tenant;
pub mod tls;
pub mod vitals;
pub mod watch;
