//! Which usage location a person should have.

use crate::model::account::Account;
use crate::model::judgement::LocationWish;
use crate::model::location::UsageLocation;
use crate::model::plan::LocationWrite;
use crate::model::rule::Dn;
use crate::model::settings::{LocationSettings, LocationSource};
use crate::model::standing::Reason;
use crate::model::user::User;

/// Decides it: a location that is set stays unless the operator asked otherwise. `instead` is what the deciding rule has in
/// the place of the default. A user who never came from a directory has no account.
pub(super) fn wish(
    user: &User,
    account: Option<&Account>,
    instead: Option<(UsageLocation, &str)>,
    settings: &LocationSettings,
) -> LocationWish {
    if user.usage_location.is_some() && !(settings.overwrite && settings.write) {
        return LocationWish::Keep;
    }
    let mut wrong = Vec::new();
    let found = settings.from.iter().find_map(|source| match read(source, account?)? {
        Ok(found) => Some(found),
        Err(problem) => {
            wrong.push(problem);
            None
        }
    });
    let found = found
        .or_else(|| instead.map(|(location, rule)| (location, format!("rule {rule}"))))
        .or_else(|| settings.default.map(|location| (location, "default".to_owned())));
    match found {
        Some((to, _)) if user.usage_location == Some(to) => LocationWish::Keep,
        Some((to, source)) if settings.write => {
            LocationWish::Set(LocationWrite { to, from: user.usage_location, source })
        }
        None if user.usage_location.is_some() => LocationWish::Keep,
        found => LocationWish::Missing(missing(found.is_some(), &wrong, settings)),
    }
}

/// What a source says of an account, if anything, and which it is.
fn read(source: &LocationSource, account: &Account) -> Option<Result<(UsageLocation, String), String>> {
    match source {
        LocationSource::Ou { base, text, location } => {
            let inside = Dn::parse(&account.dn).is_some_and(|dn| dn.is_within(base));
            inside.then(|| Ok((*location, text.clone())))
        }
        LocationSource::Attribute { name, map } => {
            let text = account.attributes.get(name)?.first()?;
            let location = match map.is_empty() {
                true => text.parse::<UsageLocation>().map_err(|error| format!("{name}: {error}")),
                false => map.get(&text.trim().to_lowercase()).copied().ok_or_else(|| {
                    let text: String = text.chars().take(40).collect();
                    format!("{name}: {text:?} is not in its map")
                }),
            };
            Some(location.map(|location| (location, name.clone())))
        }
    }
}

fn missing(found: bool, wrong: &[String], settings: &LocationSettings) -> Reason {
    let text = if found {
        "the user has no usage location and usage_location.write is false: let something else set it".to_owned()
    } else {
        let tried: Vec<&str> = settings.attributes().collect();
        let tried = tried.join(", ");
        let wrong = if wrong.is_empty() { String::new() } else { format!(" ({})", wrong.join("; ")) };
        format!("none of {tried} holds a country code{wrong} and usage_location.default is not set: fill one of them")
    };
    Reason::new("no-usage-location", text)
}
