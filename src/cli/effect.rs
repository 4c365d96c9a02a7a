//! The effect of an edited configuration, as `plan` shows it.

use serde_json::{Value, json};

use super::output::{count, line};
use crate::model::effect::{Effect, Fate, LicenseEffect, RuleChange, RuleEffect};
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
            rules.iter().for_each(|effect| line(&format!("  rule {}", rule(effect))));
            licenses.iter().for_each(|effect| line(&format!("  {}", license(effect, catalog))));
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

fn rule(effect: &RuleEffect) -> String {
    let persons = |number: u64| count(number, "person");
    let parts = [
        (effect.dropped, format!("drops {} from scope", persons(effect.dropped))),
        (effect.added_as_baseline, format!("adds {} as baseline", effect.added_as_baseline)),
        (effect.added_to_license, format!("adds {} who would be licensed", effect.added_to_license)),
        (effect.added_otherwise, format!("adds {} for whom nothing is to be written", effect.added_otherwise)),
        (effect.become_baseline, format!("makes {} baseline of those it means already", effect.become_baseline)),
    ];
    let said: Vec<String> = parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
    let said = if said.is_empty() { "means whom it meant".to_owned() } else { said.join(", ") };
    let change = match effect.change {
        RuleChange::New => " (new)",
        RuleChange::Removed => " (removed)",
        RuleChange::Edited => " (edited)",
        RuleChange::Same => "",
    };
    format!("{}{change}: {said}", effect.rule)
}

fn license(effect: &LicenseEffect, catalog: &Catalog) -> String {
    let (product, persons) = (catalog.name(effect.sku), count(effect.persons, "license"));
    match effect.fate {
        Fate::Given => format!("{product}: {persons} to be given"),
        Fate::Changed => format!("{product}: {persons} to get other plans"),
        Fate::Exchanged { with } => format!("{product}: {persons} to be exchanged for {}", catalog.name(with)),
        Fate::TakenBack => format!("{product}: {persons} to be taken back"),
        Fate::Lapsed => format!("{product}: {persons} that no rule wants any more, which stay (lapsed)"),
        Fate::Dismissed => format!("{product}: not wanted any more for {} without it", count(effect.persons, "person")),
        Fate::Baseline => format!("{product}: {} without it left alone as baseline", count(effect.persons, "person")),
        Fate::Refused => {
            format!("{product}: {persons} to be given, once somebody has done what `users` says (refused)")
        }
    }
}
