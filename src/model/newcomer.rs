//! A user of the tenant who is yet to be made.

use std::fmt;
use std::str::FromStr;

use super::location::UsageLocation;

/// Whom to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// `displayName`; neither empty nor longer than 256 characters.
    pub display_name: String,
    /// `userPrincipalName`.
    pub upn: NewUpn,
    /// `usageLocation`.
    pub location: UsageLocation,
}

/// A user principal name that Entra takes for a new user ("user resource type", `userPrincipalName`): letters, digits and
/// `'.-_!#^~` before the `@`, at most 64 of them, 113 characters in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpn {
    text: String,
    at: usize,
}

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpnError {
    /// Not one `@` with something on both sides.
    #[error("it is not of the form name@domain")]
    Form,
    /// The part before the `@` holds something else.
    #[error("before the @ there may be letters, digits and '.-_!#^~ only, no dot first, last or twice in a row")]
    Local,
    /// The part after the `@` is no domain name.
    #[error("what follows the @ is no domain name")]
    Domain,
    /// Too long.
    #[error("it is longer than 113 characters, or than 64 before the @")]
    Long,
}

impl NewUpn {
    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`, which is the `mailNickname`, too.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

impl fmt::Display for NewUpn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for NewUpn {
    type Err = UpnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(UpnError::Form)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(UpnError::Form);
        }
        let dotted = |part: &str| part.starts_with('.') || part.ends_with('.') || part.contains("..");
        let named = |part: &str, more: &[u8]| {
            !dotted(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        if !named(local, b"'.-_!#^~") {
            return Err(UpnError::Local);
        }
        if !named(domain, b".-") || !domain.contains('.') {
            return Err(UpnError::Domain);
        }
        if local.len() > 64 || text.len() > 113 {
            return Err(UpnError::Long);
        }
        Ok(Self { text: text.to_owned(), at: local.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_entra_takes_pass() {
        let name: NewUpn = " eva.o'hara@corp.example.test ".parse().unwrap();
        assert_eq!((name.local(), name.domain()), ("eva.o'hara", "corp.example.test"));
        let long = format!("{}@contoso.com", "a".repeat(65));
        for (wrong, error) in [
            ("", UpnError::Form),
            ("eva", UpnError::Form),
            ("@contoso.com", UpnError::Form),
            ("eva@", UpnError::Form),
            ("eva@a@contoso.com", UpnError::Form),
            ("eva berg@contoso.com", UpnError::Local),
            ("eva..berg@contoso.com", UpnError::Local),
            ("eva/../x@contoso.com", UpnError::Local),
            ("åsa@contoso.com", UpnError::Local),
            ("eva@contoso", UpnError::Domain),
            ("eva@contoso.com/x", UpnError::Domain),
            (&long, UpnError::Long),
        ] {
            assert_eq!(wrong.parse::<NewUpn>(), Err(error), "{wrong}");
        }
    }
}
