//! A secret that may change while the agent runs.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

/// Where a secret is. It is read each time it is needed, so that a renewed one counts without a restart.
#[derive(Clone)]
pub struct SecretSource(Arc<Read>);

type Read = dyn Fn() -> Result<SecretString, String> + Send + Sync;

impl SecretSource {
    /// A source that is read in this way. What is wrong is said without the secret, as a predicate: "cannot be read: …".
    pub fn new(read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The secret as it is now; never empty.
    ///
    /// # Errors
    /// What is wrong with the place it should be in.
    pub fn read(&self) -> Result<SecretString, String> {
        (self.0)()
    }
}

/// Neither the secret nor its place: both may change without another configuration.
impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSource")
    }
}
