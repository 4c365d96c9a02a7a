//! Workload identity federation: another issuer's token in a file, read anew for each exchange ("Workload identity
//! federation"; the webhook of Azure AD Workload Identity renews the file in place).

use std::path::Path;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::read_file;
use crate::tenant::error::TenantError;
use crate::tenant::login::Grant;

/// No token is longer, in bytes.
const LIMIT: u64 = 64 * 1024;

/// For how long a federated credential that Entra does not know is taken for one that it does not know yet.
const BECOMES_EFFECTIVE: Duration = Duration::from_mins(10);

/// The token as it stands in the file now.
pub(super) fn assertion(path: &Path) -> Result<SecretString, TenantError> {
    let wrong = |detail: &str| TenantError::CredentialFile { path: path.to_owned(), detail: detail.into() };
    let text = String::from_utf8(read_file(path, LIMIT)?).map_err(|_| wrong("it holds no token"))?;
    let token = text.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token { Ok(token.to_owned().into()) } else { Err(wrong("it holds no token")) }
}

/// Bears with a federated credential that was only just made.
#[derive(Default)]
pub(super) struct Patience {
    since: Option<Instant>,
}

impl Patience {
    /// What an attempt means, in the light of those before it.
    pub fn judge(&mut self, now: Instant, fetched: Result<Grant, TenantError>) -> Result<Grant, TenantError> {
        match fetched {
            Err(TenantError::Login { fault, detail }) if fault.is_federation() => {
                let since = *self.since.get_or_insert(now);
                Err(match now.duration_since(since) < BECOMES_EFFECTIVE {
                    true => TenantError::FederationPending { fault, detail },
                    false => TenantError::Login { fault, detail },
                })
            }
            Ok(grant) => {
                self.since = None;
                Ok(grant)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fault::{Class, Fault as _};
    use crate::tenant::login::LoginFault;

    #[test]
    fn an_unknown_federated_credential_is_waited_for_but_not_for_ever() {
        let (start, mut patience) = (Instant::now(), Patience::default());
        let mut class = |seconds| {
            let error = TenantError::Login { fault: LoginFault::FederationIssuer, detail: "no".into() };
            patience.judge(start + Duration::from_secs(seconds), Err(error)).unwrap_err().class()
        };
        assert_eq!(
            [class(0), class(300), class(599), class(600), class(9000)].map(|class| class == Class::Heals),
            [true, true, true, false, false]
        );
        let grant = Grant { token: "t".to_owned().into(), lifetime: Duration::from_secs(1) };
        assert!(patience.judge(start, Ok(grant)).is_ok());
        let other = TenantError::Login { fault: LoginFault::AppUnknown, detail: "no".into() };
        assert_eq!(patience.judge(start, Err(other.clone())).unwrap_err(), other);
    }
}
