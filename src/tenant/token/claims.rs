//! What an access token says of itself: pure, and for a diagnosis only.
//!
//! "Access tokens in the Microsoft identity platform": a token is for Graph alone to understand, its form may change, and a
//! client must not decide by it. So whatever is not understood here is no error.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::Token;

/// The claims a diagnosis looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenClaims {
    /// `roles`: the application permissions it was issued with.
    pub roles: BTreeSet<String>,
    /// `appid`: whose it is.
    pub app: Option<String>,
}

impl Token {
    /// What it says of itself, where that can be understood.
    pub fn claims(&self) -> Option<TokenClaims> {
        read(self.secret.expose_secret())
    }
}

/// Reads a token's claims; `None` when it is not the kind of token whose claims are known. A token without any permission
/// has no `roles` at all, so another claim must show that it is one.
fn read(token: &str) -> Option<TokenClaims> {
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let app = claims.get("appid").or_else(|| claims.get("azp")).and_then(Value::as_str);
    let roles = match claims.get("roles") {
        None => app.map(|_| BTreeSet::new())?,
        Some(Value::Array(roles)) => roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect(),
        Some(_) => return None,
    };
    Some(TokenClaims { roles, app: app.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn roles_are_read_where_the_token_is_of_a_known_kind() {
        for (claims, roles) in [
            (r#"{"appid":"a","roles":["User.Read.All"]}"#, Some(vec!["User.Read.All"])),
            (r#"{"roles":["A","B"]}"#, Some(vec!["A", "B"])),
            (r#"{"azp":"a"}"#, Some(vec![])),
            ("{}", None),
            (r#"{"roles":"A"}"#, None),
            ("[]", None),
            ("no json", None),
        ] {
            let found = read(&token(claims)).map(|claims| claims.roles.into_iter().collect::<Vec<_>>());
            assert_eq!(found, roles.map(|roles| roles.into_iter().map(str::to_owned).collect()), "{claims}");
        }
        for opaque in ["", "opaque", "a.b", "a.b.c", "a.b.c.d", "..."] {
            assert_eq!(read(opaque), None, "{opaque}");
        }
    }
}
