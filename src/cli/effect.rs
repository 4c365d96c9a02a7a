//! The effect of an edited configuration, as `plan` shows it.

use serde_json::{Value, json};

use super::output::line;
use crate::model::effect::{Effect, LicenseEffect};
use crate::model::license::Catalog;

/// Prints it.
pub(super) fn print(effect: &Effect, catalog: &Catalog) {
    match effect {
        Effect::NeedsScan { missing } => {
            line("effect of the edited configuration: needs a scan, what it reads was not read yet");
            missing.iter().for_each(|what| line(&format!("  {what}")));
            line("what follows is worked out after reading all of the directory into the throw-away copy");
        }
        Effect::Known { rules, licenses, unusable } => {
            line("effect of the edited configuration on everyone who is known, before anything is read anew:");
            rules.iter().for_each(|effect| line(&format!("  {effect}")));
            licenses.iter().for_each(|effect| line(&format!("  {}", effect.told(catalog))));
            unusable.iter().for_each(|problem| line(&format!("  not in here: {problem}")));
            if rules.is_empty() && licenses.is_empty() {
                line("  nothing changes for anybody");
            }
        }
    }
    line("");
}

/// For programs: as the effect is, with names of products beside their ids.
pub(super) fn as_json(effect: &Effect, catalog: &Catalog) -> Value {
    let license = |license: &LicenseEffect| {
        let mut value = json!(license);
        value["product"] = json!(catalog.name(license.sku));
        value
    };
    let mut value = json!(effect);
    if let Effect::Known { licenses, .. } = effect {
        value["licenses"] = licenses.iter().map(license).collect();
    }
    value
}
