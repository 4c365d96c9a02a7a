//! What an edited configuration does to those who are known, worked out from what was read so far, on a copy of the store.

use super::work::Turn;
use super::{Agent, AgentError};
use crate::decide::{license_effects, rule_effects};
use crate::directory::coverages;
use crate::model::effect::Effect;
use crate::model::rule::Dn;
use crate::model::settings::DirectorySettings;

impl Agent {
    /// Judges everyone by this configuration, reading nothing, and says what is different then: for a throw-away copy of the
    /// store. `None` when it was judged with this very configuration last, or before both sides were read for the first time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn effect(&self) -> Result<Option<Effect>, AgentError> {
        let Some(contact) = self.store.contact().await? else { return Ok(None) };
        let judged_with = self.store.judged_with().await?;
        if judged_with.is_none_or(|digest| digest == self.settings.digest) {
            return Ok(None);
        }
        let missing = self.unread().await?;
        if !missing.is_empty() {
            return Ok(Some(Effect::NeedsScan { missing }));
        }
        let before = self.store.picture().await?;
        let mut turn = Turn::default();
        self.judge_known(contact, &mut turn).await?;
        let after = self.store.picture().await?;
        Ok(Some(Effect::Known {
            rules: rule_effects(&before, &after, &self.settings.rules),
            licenses: license_effects(&before, &after),
            unusable: turn.unusable,
        }))
    }

    /// What this configuration reads of the directory and was not read, as far as that can be told: nothing, if it asks
    /// what was asked last.
    async fn unread(&self) -> Result<Vec<String>, AgentError> {
        let read = self.store.coverage().await?;
        let asked = coverages(&self.settings.directories);
        let mut missing = Vec::new();
        for directory in &self.settings.directories {
            let domain = &directory.domain;
            match read.get(domain) {
                None => missing.push(format!("{domain} was not read to its end, or never")),
                Some(coverage) if asked.get(domain) == Some(coverage) => {}
                Some(coverage) => missing.extend(self.unread_of(directory, coverage).await?),
            }
        }
        Ok(missing)
    }

    async fn unread_of(&self, directory: &DirectorySettings, read: &str) -> Result<Vec<String>, AgentError> {
        let domain = &directory.domain;
        let met = self.store.attributes_met(domain).await?;
        let unmet: Vec<&String> = directory.attributes.iter().filter(|name| !met.contains(*name)).collect();
        let added = added(directory, &unmet, read);
        let mut missing: Vec<String> = added
            .as_ref()
            .unwrap_or(&unmet)
            .iter()
            .map(|name| format!("{domain}: no account was read with {name}, which {} for", self.asking(name)))
            .collect();
        if added.is_some() {
            return Ok(missing);
        }
        let bases = directory.bases.iter().filter_map(|base| Dn::parse(base)).collect();
        let bases = self.store.without_accounts(bases).await?;
        missing.extend(bases.iter().map(|base| format!("{domain}: no account was read below {base}")));
        if missing.is_empty() {
            missing.push(format!("{domain}: other bases or attributes are read than by the configuration before"));
        }
        Ok(missing)
    }

    /// Who asks for an attribute, with the verb.
    fn asking(&self, attribute: &str) -> String {
        let rules = self.settings.rules.iter().filter(|rule| rule.attributes().contains(attribute));
        let ids: Vec<&str> = rules.map(|rule| &*rule.id).collect();
        match ids.as_slice() {
            [] => "usage_location asks".to_owned(),
            [one] => format!("rule {one} asks"),
            several => format!("rules {} ask", several.join(", ")),
        }
    }
}

/// The attributes, of those that no account has, without which exactly that was asked which was read, if there are such: an
/// attribute that was read may have no values.
fn added<'a>(directory: &DirectorySettings, unmet: &[&'a String], read: &str) -> Option<Vec<&'a String>> {
    const MOST: usize = 10;
    if unmet.len() > MOST {
        return None;
    }
    let chosen = |bits: usize| {
        let chosen = unmet.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0);
        chosen.map(|(_, name)| *name).collect::<Vec<_>>()
    };
    let asked = |without: &Vec<&String>| {
        let mut before = directory.clone();
        before.attributes.retain(|name| !without.contains(&name));
        coverages(&[before]).into_values().next()
    };
    (1..1 << unmet.len()).map(chosen).find(|without| asked(without).as_deref() == Some(read))
}
