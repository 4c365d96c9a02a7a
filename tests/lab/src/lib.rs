//! A directory and a tenant over one world, for tests, the demo and for hands.
//!
//! Nothing here is shared with the product: what both must agree on is Microsoft's behaviour alone.

pub mod directory;
pub mod tenant;
pub mod webhook;

#[cfg(test)]
mod test_client {
    /// A client that needs no TLS and unpacks nothing. In one build with the product its HTTP library has no crypto provider
    /// of its own, and would unpack.
    pub(crate) fn http() -> reqwest::Client {
        // A second test's call finds the provider installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_gzip().build().expect("a client")
    }
}
