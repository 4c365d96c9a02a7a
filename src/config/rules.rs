//! `[[license]]`: the rules, whom they are about, and the digest that tells an edited rule from an unchanged one.

use std::fmt::Write as _;

use toml::Spanned;

use super::table::Table;
use super::values;
use crate::model::rule::{Adopt, Dn, OnLeave, Plans, Rule, Who};
use crate::model::settings::DirectorySettings;

/// What of the directory the rules can reach.
pub(super) struct Reach {
    bases: Vec<Dn>,
    domains: Vec<Dn>,
    anchor: String,
}

impl Reach {
    /// Of all domains.
    pub fn of(directories: &[DirectorySettings]) -> Self {
        let bases =
            directories.iter().flat_map(|directory| &directory.bases).filter_map(|base| Dn::parse(base)).collect();
        let anchors: Vec<_> = directories.iter().map(|directory| format!("{:?}", directory.anchor)).collect();
        let domains = directories.iter().filter_map(DirectorySettings::root).collect();
        Self { bases, domains, anchor: anchors.join(" ") }
    }
}

/// All rules, in the order of the file; `None` when something about them is wrong. `reach` is `None` when `[directory]` is
/// wrong: the rules are checked all the same.
pub(super) fn rules(root: &Table<'_>, reach: Option<&Reach>) -> Option<Vec<Rule>> {
    let tables = root.tables("license")?;
    if tables.is_empty() {
        root.wrong("license", "there is no rule", "add a [[license]] with at least \"id\" and \"sku\"");
        return None;
    }
    let mut seen: Vec<String> = Vec::new();
    for table in &tables {
        let Some(id) = table.parse("id", values::identifier).map(Spanned::into_inner) else { continue };
        if seen.iter().any(|before| before.eq_ignore_ascii_case(&id)) {
            table.wrong("id", "\"id\" is another rule's too", "each rule needs a name of its own, whatever its case");
        }
        seen.push(id);
    }
    let rules: Vec<_> = tables.iter().map(|table| rule(table, reach)).collect();
    rules.into_iter().collect()
}

fn rule(table: &Table<'_>, reach: Option<&Reach>) -> Option<Rule> {
    let id = table.parse("id", values::identifier).map(Spanned::into_inner);
    let sku = table.text("sku").map(Spanned::into_inner);
    let switched = switched(table);
    let unless_has_plan = plans(table, "unless_has_plan");
    let priority = table.number("priority");
    let who = match table.has("who") {
        true => table.table("who").and_then(|table| who(&table, reach)),
        false => Some(Who::Everyone),
    };
    let ready = table.parse_if_any("ready", values::filter);
    let on_leave = on_leave(table);
    let adopt = table.choice("adopt").map(|adopt| match adopt {
        "merge" => Adopt::Merge,
        "enforce" => Adopt::Enforce,
        _ => Adopt::Leave,
    });
    let usage_location = table.parse_if_any("usage_location", values::location);
    let (delay, include_disabled) = (table.duration("delay"), table.flag("include_disabled"));
    let keep_free = table.number("keep_free");
    let mut rule = Rule {
        id: id?.into(),
        sku: sku?,
        plans: switched?,
        unless_has_plan,
        who: who?,
        ready: ready?,
        include_disabled: include_disabled?,
        delay: delay?,
        adopt: adopt?,
        on_leave: on_leave?,
        usage_location: usage_location?,
        keep_free: keep_free?,
        priority: priority?,
        digest: "".into(),
    };
    rule.digest = digest(&rule, reach?).into();
    Some(rule)
}

fn switched(table: &Table<'_>) -> Option<Plans> {
    let (off, only) = (plans(table, "disable_plans")?, plans(table, "only_plans")?);
    match (off.is_empty(), only.is_empty()) {
        (_, true) => Some(Plans::AllBut(off)),
        (true, false) => Some(Plans::Only(only)),
        (false, false) => {
            table.wrong("only_plans", "\"only_plans\" and \"disable_plans\" exclude each other", "keep one of them");
            None
        }
    }
}

fn on_leave(table: &Table<'_>) -> Option<OnLeave> {
    let reclaims = table.choice("on_leave") == Some("reclaim");
    for key in ["grace", "reclaim"].into_iter().filter(|key| !table.has("on_leave") && table.has(key)) {
        table.wrong(
            key,
            format!("\"{key}\" means nothing without on_leave = \"reclaim\""),
            "add that, or leave this out",
        );
    }
    let (grace, which) = (table.duration("grace"), table.choice("reclaim"));
    match reclaims {
        true => Some(OnLeave::Reclaim { grace: grace?, any_direct: which? == "any-direct" }),
        false => Some(OnLeave::Keep),
    }
}

fn plans(table: &Table<'_>, name: &str) -> Option<Vec<String>> {
    let plans = table.parse_each(name, |text| Ok(text.to_owned()))?;
    for (i, plan) in plans.iter().enumerate() {
        if plans[..i].iter().any(|before| before.get_ref().eq_ignore_ascii_case(plan.get_ref())) {
            table.context.report.add(plan.span(), format!("\"{name}\" names this plan twice"), None);
        }
    }
    Some(plans.into_iter().map(Spanned::into_inner).collect())
}

pub(super) fn who(table: &Table<'_>, reach: Option<&Reach>) -> Option<Who> {
    let given: Vec<&str> = ["ou", "filter", "group", "entra_group", "cloud_domain", "any", "all", "not"]
        .into_iter()
        .filter(|key| table.has(key))
        .collect();
    let [key] = given[..] else {
        if given.is_empty() && table.has_unknown() {
            return None;
        }
        table.wrong(
            "",
            "\"who\" needs exactly one key in each { … }",
            "combine several with { any = [{ … }, …] } or { all = [{ … }, …] }",
        );
        return None;
    };
    match key {
        "ou" => table.parse(key, |text| ou(text, reach)).map(|dn| Who::Ou(dn.into_inner())),
        "filter" => table.parse(key, values::filter).map(|filter| Who::Filter(filter.into_inner())),
        "group" => table.parse(key, |text| group(text, reach)).map(|dn| Who::Group(dn.into_inner())),
        "entra_group" => table.parse(key, values::guid).map(|id| Who::EntraGroup(id.into_inner().into())),
        "cloud_domain" => table.parse(key, values::dns_name).map(|name| Who::CloudDomain(name.into_inner())),
        "not" => who(&table.table(key)?, reach).map(|part| Who::Not(Box::new(part))),
        _ => {
            let tables = table.tables(key)?;
            if tables.is_empty() {
                table.wrong(key, format!("\"{key}\" is empty"), "leave \"who\" out to mean everyone");
            }
            let parts: Vec<_> = tables.iter().map(|table| who(table, reach)).collect();
            let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
            Some(if key == "any" { Who::Any(parts) } else { Who::All(parts) })
        }
    }
}

/// A DN that lies in, or around, one of the bases.
fn ou(text: &str, reach: Option<&Reach>) -> Result<Dn, values::Wrong> {
    let (_, dn) = values::dn(text)?;
    let reachable = |reach: &Reach| reach.bases.iter().any(|base| dn.is_within(base) || base.is_within(&dn));
    if !reach.is_none_or(reachable) {
        return Err(values::Wrong::new("lies outside of every base, so it would match nobody")
            .hint("correct it, or add it to \"bases\" in [directory]"));
    }
    Ok(dn)
}

/// A DN of a domain that is followed: members may be elsewhere, the group is read where it is.
fn group(text: &str, reach: Option<&Reach>) -> Result<Dn, values::Wrong> {
    let (_, dn) = values::dn(text)?;
    if !reach.is_none_or(|reach| reach.domains.iter().any(|domain| dn.is_within(domain))) {
        return Err(values::Wrong::new("lies in no domain that is followed, so it cannot be read")
            .hint("correct it, or add a [[directory]] for its domain"));
    }
    Ok(dn)
}

/// Names whom a rule matches and with which product, and nothing else: when it changes, whom the rule then newly matches is
/// baseline. Its form is kept from release to release; a test pins it.
fn digest(rule: &Rule, reach: &Reach) -> String {
    let lower = |names: &[String]| {
        let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        names.sort();
        names
    };
    let mut bases: Vec<String> = reach.bases.iter().map(|base| format!("{base:?}")).collect();
    bases.sort();
    let mut text = format!(
        "rule 1\nid {:?}\nsku {:?}\nunless {:?}\nwho {:?}\nbases {bases:?}\nanchor {}\n",
        rule.id,
        rule.sku.to_lowercase(),
        rule.unless_has_plan.as_deref().map(lower),
        rule.who,
        reach.anchor,
    );
    if let Some(ready) = &rule.ready {
        let _ = writeln!(text, "ready {ready:?}");
    }
    if rule.include_disabled {
        text.push_str("disabled too\n");
    }
    super::sha256_hex(&text)
}
