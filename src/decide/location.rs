//! Which usage location a person should have.

use crate::model::account::Account;
use crate::model::judgement::LocationWish;
use crate::model::location::UsageLocation;
use crate::model::plan::LocationWrite;
use crate::model::settings::LocationSettings;
use crate::model::standing::Reason;
use crate::model::user::User;

/// Decides it: a location that is set stays unless the operator asked otherwise.
pub(super) fn wish(user: &User, account: &Account, settings: &LocationSettings) -> LocationWish {
    if user.usage_location.is_some() && !(settings.overwrite && settings.write) {
        return LocationWish::Keep;
    }
    let mut wrong = Vec::new();
    let found = settings.from.iter().find_map(|name| {
        let text = account.attributes.get(name)?.first()?;
        match text.parse::<UsageLocation>() {
            Ok(location) => Some((location, name.clone())),
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                None
            }
        }
    });
    let found = found.or_else(|| settings.default.map(|location| (location, "default".to_owned())));
    match found {
        Some((to, _)) if user.usage_location == Some(to) => LocationWish::Keep,
        Some((to, source)) if settings.write => {
            LocationWish::Set(LocationWrite { to, from: user.usage_location, source })
        }
        None if user.usage_location.is_some() => LocationWish::Keep,
        found => LocationWish::Missing(missing(found.is_some(), &wrong, settings)),
    }
}

fn missing(found: bool, wrong: &[String], settings: &LocationSettings) -> Reason {
    let text = if found {
        "the user has no usage location and usage_location.write is false: let something else set it".to_owned()
    } else {
        let tried = settings.from.join(", ");
        let wrong = if wrong.is_empty() { String::new() } else { format!(" ({})", wrong.join("; ")) };
        format!("none of {tried} holds a country code{wrong} and usage_location.default is not set: fill one of them")
    };
    Reason::new("no-usage-location", text)
}
