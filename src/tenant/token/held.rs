//! The token in use: when it is renewed, who waits for it, and what a failure means for those who wait. Pure but for the
//! log line of a renewal that failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::model::fault::{Class, Fault as _};
use crate::tenant::error::TenantError;
use crate::tenant::login::Grant;

/// How long before its end a long-lived token is renewed.
const EARLY: Duration = Duration::from_secs(300);
/// How long a failed early renewal is left alone while the old token still serves.
const PAUSE: Duration = Duration::from_secs(30);

/// What is held, and what became of the last attempt.
#[derive(Default)]
pub(super) struct State {
    held: Option<Arc<Token>>,
    renew_at: Option<Instant>,
    failed: Option<(Instant, TenantError)>,
    closed_until: Option<Instant>,
}

/// A token in use.
pub(in crate::tenant) struct Token {
    /// What goes into the header.
    pub secret: SecretString,
    expires: Instant,
}

impl State {
    /// Forgets a token, unless it was replaced meanwhile.
    pub fn discard(&mut self, token: &Arc<Token>) {
        if self.held.as_ref().is_some_and(|held| Arc::ptr_eq(held, token)) {
            self.held = None;
        }
    }

    /// What can be answered without asking: the token while it is young, the failure of an attempt that was under way
    /// when the caller came, or that the endpoint wants to be left alone.
    pub fn ready(&self, asked: Instant, now: Instant) -> Option<Result<Arc<Token>, TenantError>> {
        let usable = self.held.as_ref().filter(|token| now < token.expires);
        if let Some(token) = usable
            && self.renew_at.is_some_and(|at| now < at)
        {
            return Some(Ok(Arc::clone(token)));
        }
        if let Some(until) = self.closed_until.filter(|until| now < *until) {
            return Some(match usable {
                Some(token) => Ok(Arc::clone(token)),
                None => Err(TenantError::LoginThrottled { after: Some(until - now) }),
            });
        }
        match &self.failed {
            Some((ended, error)) if *ended >= asked => Some(Err(error.clone())),
            _ => None,
        }
    }

    /// Takes in what an attempt brought. `began` counts for the lifetime, so that the way there and back is not forgotten.
    pub fn take(
        &mut self,
        began: Instant,
        ended: Instant,
        fetched: Result<Grant, TenantError>,
    ) -> Result<Arc<Token>, TenantError> {
        let error = match fetched {
            Ok(grant) => {
                let token = Arc::new(Token { secret: grant.token, expires: began + grant.lifetime });
                *self = Self {
                    held: Some(Arc::clone(&token)),
                    renew_at: Some(began + fresh_for(grant.lifetime)),
                    ..Self::default()
                };
                return Ok(token);
            }
            Err(error) => error,
        };
        if let TenantError::LoginThrottled { after: Some(after) } = &error {
            self.closed_until = Some(ended + *after);
        }
        if let Some(token) = self.held.as_ref().filter(|token| ended < token.expires) {
            tracing::warn!(code = error.code(), %error, "the access token could not be renewed yet; the old one still serves");
            let pause = if error.class() == Class::Heals { PAUSE } else { EARLY };
            self.renew_at = Some(ended + error.retry_after().unwrap_or_default().max(pause));
            return Ok(Arc::clone(token));
        }
        self.failed = Some((ended, error.clone()));
        Err(error)
    }
}

/// For how long a token is used before it is renewed.
fn fresh_for(lifetime: Duration) -> Duration {
    if lifetime > EARLY * 2 { lifetime - EARLY } else { lifetime / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::login::LoginFault;

    fn grant(seconds: u64) -> Result<Grant, TenantError> {
        Ok(Grant { token: "token".to_owned().into(), lifetime: Duration::from_secs(seconds) })
    }

    fn refusal() -> TenantError {
        TenantError::Login { fault: LoginFault::SecretWrong, detail: "no".into() }
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn renewed_five_minutes_early_or_at_half_of_a_short_life() {
        let start = Instant::now();
        for (life, renewed) in [(3600, 3300), (601, 301), (600, 300), (60, 30), (0, 0)] {
            let mut state = State::default();
            assert!(state.ready(start, start).is_none());
            state.take(start, start, grant(life)).ok().unwrap();
            if renewed > 0 {
                assert!(state.ready(start, after(start, renewed - 1)).unwrap().is_ok(), "{life}");
            }
            assert!(state.ready(start, after(start, renewed)).is_none(), "{life}");
        }
    }

    #[test]
    fn who_waited_shares_the_failure_and_who_comes_later_asks_anew() {
        let start = Instant::now();
        let mut state = State::default();
        assert!(state.take(start, after(start, 2), Err(refusal())).is_err());
        assert_eq!(state.ready(after(start, 1), after(start, 2)).unwrap().err(), Some(refusal()));
        assert!(state.ready(after(start, 3), after(start, 3)).is_none());
    }

    #[test]
    fn a_closed_login_endpoint_is_left_alone() {
        let start = Instant::now();
        let mut state = State::default();
        let closed = TenantError::LoginThrottled { after: Some(Duration::from_secs(60)) };
        assert!(state.take(start, start, Err(closed)).is_err());
        let rest = state.ready(after(start, 20), after(start, 20)).unwrap().err().unwrap();
        assert_eq!(rest.retry_after(), Some(Duration::from_secs(40)));
        assert!(state.ready(after(start, 60), after(start, 60)).is_none());
    }

    #[test]
    fn the_old_token_serves_while_renewal_fails() {
        let start = Instant::now();
        let mut state = State::default();
        state.take(start, start, grant(3600)).ok().unwrap();
        let (early, late) = (after(start, 3400), after(start, 3600));
        let down = TenantError::LoginUnavailable { detail: "x".into(), after: None };
        assert!(state.take(early, early, Err(down.clone())).is_ok());
        assert!(state.ready(early, after(start, 3420)).unwrap().is_ok());
        assert!(state.ready(after(start, 3431), after(start, 3431)).is_none());
        assert!(state.take(late, late, Err(down)).is_err());
    }
}
