//! The lab's tenant: Microsoft's login, Graph v1.0 and a control API on one plain HTTP address.
//!
//! Start reading at [`Tenant`] (the handle tests hold) and [`World`] (what the tenant is made of). A request goes
//! `server` → `exchange` (log, gates, faults, latency) → `login` or `graph` → `state`, and back the same way.
//!
//! Texts, codes and headers are those that public material shows Microsoft answering with; where it does not, the doc
//! comment says that the text is assumed.

mod access_token;
pub mod cli;
mod clock;
mod connection;
mod control;
mod counters;
mod countries;
mod credentials;
mod device;
mod encoding;
mod exchange;
mod fault;
pub mod follow;
mod front;
mod gate;
mod graph;
mod group;
mod handle;
mod knobs;
mod language;
mod license;
mod licensing;
mod login;
mod matching;
mod metadata;
mod new_user;
mod person;
mod properties;
mod reply;
mod request_log;
mod server;
mod shared;
mod sku;
mod state;
mod storm;
mod throttling;
mod view;
mod world;

#[cfg(test)]
mod tests;

pub use counters::{Counters, UserCounters, WriteCount};
pub use credentials::{AppCertificate, FederatedCredential, Issuer, TestKey};
pub use fault::{Fault, Then};
pub use front::TlsFront;
pub use gate::{Gate, GateReport, Held, Hold};
pub use group::{GroupView, NewGroup};
pub use handle::Tenant;
pub use knobs::{Concurrency, DeltaShape, ExpiredDelta, HiddenMembers, Knobs};
pub use language::Language;
pub use license::LicenseChange;
pub use matching::Match;
pub use metadata::{Metadata, MetadataRequest};
pub use new_user::{NewLicense, NewUser};
pub use request_log::RequestRecord;
pub use sku::{PrepaidUnits, ServicePlan, Sku};
pub use storm::Storm;
pub use throttling::{Limit, RetryAfter, Throttling};
pub use view::{LicenseView, SkuView, StateView, UserView, View};
pub use world::{App, Dependency, Exclusion, Organization, World, WorldError};
