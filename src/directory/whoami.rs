//! The account that is signed in, as the directory knows it.

use ldap3::{Scope, ldap_escape};

use super::entry::shown;
use super::error::{DirectoryError, Step};
use super::raw::Raw;
use super::wire::{Ask, Wire};
use crate::model::expiry::Expiry;
use crate::model::rule::Dn;

/// Constructed from the password policy that holds for the account, fine-grained ones included (MS-ADTS 3.1.1.4.5.40).
const EXPIRY: &str = "msDS-UserPasswordExpiryTimeComputed";

/// The account that signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Where it stands, on one line.
    pub dn: String,
    /// When its password ends; `None` when it never does, or nobody says so.
    pub password: Option<Expiry>,
}

/// The account with this sign-in name; `None` when it is not told.
pub(super) async fn own(wire: &mut Wire, domain: &str, user: &str) -> Result<Option<Own>, DirectoryError> {
    let own = Dn::parse(user).filter(|_| user.contains('=')).map(|_| user);
    let filter = own.map_or_else(|| filter(user), |_| "(objectClass=user)".to_owned());
    let ask = Ask {
        base: own.unwrap_or(domain),
        scope: if own.is_some() { Scope::Base } else { Scope::Subtree },
        filter: &filter,
        attributes: vec![EXPIRY.to_owned()],
        controls: Vec::new(),
        step: Step::Search(own.unwrap_or(domain).to_owned()),
    };
    let mut found = Vec::new();
    let asked = wire.ask(ask, |tag| {
        found.push(Raw::read(tag).map_err(|error| error.to_string())?);
        Ok(())
    });
    match asked.await {
        // It is a courtesy: what the controller does not want to say is left unsaid.
        Ok(_) | Err(DirectoryError::Answer { .. }) => {}
        Err(error) => return Err(error),
    }
    // Two accounts with one name: whose it is cannot be told.
    let [account] = &found[..] else { return Ok(None) };
    let password = account.text(EXPIRY).and_then(|text| text.parse().ok()).and_then(Expiry::of_password);
    Ok(Some(Own { dn: shown(&account.dn), password }))
}

/// Finds the account of a UPN, an implicit UPN or principal, or `DOMAIN\name` (MS-ADTS 5.1.1.1.1).
fn filter(user: &str) -> String {
    let name = match (user.split_once('\\'), user.split_once('@')) {
        (Some((_, name)), _) | (None, Some((name, _))) => name,
        (None, None) => user,
    };
    let (user, name) = (ldap_escape(user), ldap_escape(name));
    format!("(|(userPrincipalName={user})(sAMAccountName={name}))")
}

#[cfg(test)]
mod tests {
    use ldap3::parse_filter;
    use proptest::prelude::*;

    use super::*;
    use crate::directory::question::among;
    use crate::model::filter::{Filter, escaped};

    proptest! {
        /// As the library that sends it understands it: two assertions, each of that one value.
        #[test]
        fn no_name_can_change_the_question(user in "[*()\\\\\x00,;+\"<>#=@ \\r\\n\u{2028}a-zäß中]{0,16}") {
            let name = match user.split_once('\\') {
                Some((_, name)) => name,
                None => user.split('@').next().unwrap_or_default(),
            };
            let expected = Filter::Or(vec![
                Filter::Equals("userprincipalname".into(), user.clone()),
                Filter::Equals("samaccountname".into(), name.to_owned()),
            ]);
            prop_assert_eq!(Filter::parse(&filter(&user)), Ok(expected));
            let equality = |value: &str| parse_filter(format!("(ou={})", escaped(value))).map(|tag| format!("{tag:?}"));
            let plain = equality("").unwrap();
            let built = equality(&user).unwrap();
            // The same shape as that of an empty value, with the very bytes in it.
            let bytes = format!("inner: {:?}", user.as_bytes());
            prop_assert_eq!(built.replace(&bytes, "inner: []"), plain);
            let asked = parse_filter(among(&format!("(cn={})", escaped(&user))));
            prop_assert!(asked.is_ok(), "{:?}", asked);
        }
    }

    #[test]
    fn every_form_of_a_name_finds_the_account() {
        for (user, name) in [
            ("svc@corp.example.test", "svc"),
            ("svc@CORP.EXAMPLE.TEST", "svc"),
            ("CORP\\svc", "svc"),
            ("CORP\\s*c", "s\\2ac"),
        ] {
            assert!(filter(user).ends_with(&format!("(sAMAccountName={name}))")), "{}", filter(user));
        }
    }
}
