//! Which requests a fault or a gate is about.

use serde::{Deserialize, Serialize};

use super::exchange::Call;

/// Which requests a fault or a gate is about; everything by default. Items of a `$batch` are requests too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Match {
    /// HTTP method, any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A piece of path and query (`assignLicense`, `users/delta`, `/token`), or with `*` a pattern for the whole of it
    /// (`/v1.0/users?*skiptoken=*`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Object id or UPN of the user the request addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A piece of the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Only items of a `$batch` (true) or only whole requests (false).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_batch: Option<bool>,
    /// Lets that many matching requests pass first.
    pub skip: u64,
    /// Then takes only every so many-th of them: 0 and 1 mean each.
    pub every: u64,
    /// Takes that many in all; absent means without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// A [`Match`] with what it has seen.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pub(super) rule: Match,
    seen: u64,
    pub(super) taken: u64,
}

impl Match {
    /// Requests with that method and piece of path.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: Some(method.to_owned()), ..Self::path(path) }
    }

    /// Requests whose path and query contain that, or with `*` fit it as a whole.
    #[must_use]
    pub fn path(path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..Self::default() }
    }

    /// The same for one user, by object id or UPN.
    #[must_use]
    pub fn user(mut self, user: impl ToString) -> Self {
        self.user = Some(user.to_string());
        self
    }

    /// The same with that in the body.
    #[must_use]
    pub fn body(mut self, piece: &str) -> Self {
        self.body = Some(piece.to_owned());
        self
    }

    /// The same at most that often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// The same once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// The same after letting that many pass.
    #[must_use]
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// The same, only each n-th.
    #[must_use]
    pub fn every(mut self, every: u64) -> Self {
        self.every = every;
        self
    }

    /// The same, for items of a `$batch` alone, or for whole requests alone.
    #[must_use]
    pub fn in_batch(mut self, in_batch: bool) -> Self {
        self.in_batch = Some(in_batch);
        self
    }

    fn fits(&self, call: &Call) -> bool {
        let user = |wanted: &str| {
            call.user.as_ref().is_some_and(|user| {
                user.id.to_string().eq_ignore_ascii_case(wanted) || user.upn.eq_ignore_ascii_case(wanted)
            })
        };
        self.method.as_deref().is_none_or(|method| call.method.as_str().eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|path| fits_path(path, &call.target()))
            && self.user.as_deref().is_none_or(user)
            && self.body.as_deref().is_none_or(|piece| String::from_utf8_lossy(&call.body).contains(piece))
            && self.in_batch.is_none_or(|wanted| wanted == call.batch_item.is_some())
    }
}

fn fits_path(pattern: &str, target: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return target.contains(pattern);
    };
    let Some(mut left) = target.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

impl Matcher {
    pub(super) fn new(rule: Match) -> Self {
        Self { rule, seen: 0, taken: 0 }
    }

    /// Whether this request is one of those meant; counts it.
    pub(super) fn takes(&mut self, call: &Call) -> bool {
        if self.exhausted() || !self.rule.fits(call) {
            return false;
        }
        self.seen += 1;
        let past = self.seen.checked_sub(self.rule.skip).filter(|past| *past > 0);
        let takes = past.is_some_and(|past| past.is_multiple_of(self.rule.every.max(1)));
        self.taken += u64::from(takes);
        takes
    }

    pub(super) fn exhausted(&self) -> bool {
        self.rule.times.is_some_and(|times| self.taken >= times)
    }
}

#[cfg(test)]
mod tests {
    use super::fits_path;

    #[test]
    fn a_star_makes_a_whole_pattern() {
        let target = "/v1.0/users?$top=999&$skiptoken=abc";
        assert!(fits_path("skiptoken", target) && fits_path("/v1.0/users?*skiptoken=*", target));
        assert!(!fits_path("/users?*", target) && !fits_path("*delta*", target) && fits_path("*abc", target));
    }
}
