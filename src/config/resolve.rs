//! From the tables of the file to [`Settings`]: what belongs together is checked together here.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::directory;
use super::notify;
use super::rules;
use super::table::Table;
use super::tenant;
use super::values;
use super::watch;
use crate::model::group::ScopeGroup;
use crate::model::location::UsageLocation;
use crate::model::rule::{Rule, Who};
use crate::model::settings::{
    AnchorSource, DirectorySettings, Existing, GuardSettings, LocationSettings, LocationSource, LogFormat, LogSettings,
    Mode, Settings, WorkSettings,
};

/// The settings; `None` when anything is missing or wrong, which then is in the report.
pub(super) fn settings(root: &Table<'_>) -> Option<Settings> {
    let mode = root.choice("mode").map(|mode| if mode == "apply" { Mode::Apply } else { Mode::Observe });
    let store = root.path("store");
    let directories = directory::directories(root);
    let tenant = root.table("tenant").and_then(|table| tenant::tenant(&table));
    let location = root.table("usage_location").and_then(|table| location(&table));
    let reach = directories.as_ref().map(|directories| rules::Reach::of(directories));
    let rules = rules::rules(root, reach.as_ref());
    let guard = root.table("guard").and_then(|table| guard(&table, reach.as_ref()));
    let work = root.table("work").and_then(|table| work(&table));
    let seats = root.table("seats").and_then(|table| notify::seats(&table));
    let alarm = root.table("alarm").and_then(|table| notify::alarm(&table));
    let targets = notify::targets(root);
    let heartbeat = notify::heartbeat(root);
    let keep = root.table("audit").and_then(|table| table.duration("keep"));
    let watch = root.table("watch").and_then(|table| watch::watch(&table));
    let log = root.table("log").and_then(|table| log(&table));
    let (mut directories, location, rules, guard) = (directories?, location?, rules?, guard?);
    for directory in &mut directories {
        directory.attributes = attributes(&directory.anchor, &location, &rules);
        directory.attributes.extend(guard.protected.iter().flat_map(Who::attributes));
    }
    for group in rules.iter().map(|rule| &rule.who).chain(&guard.protected).flat_map(Who::groups) {
        // The domain of a group is the innermost one: a child's DN lies within its parent's.
        let ScopeGroup::Directory(group) = group else { continue };
        let holds = |directory: &&mut DirectorySettings| directory.root().is_some_and(|root| group.is_within(&root));
        let innermost = directories.iter_mut().filter(holds).max_by_key(|directory| directory.domain.len());
        if let Some(directory) = innermost {
            directory.groups.insert(group);
        }
    }
    let groups_matter = directories.iter().any(|directory| !directory.groups.is_empty());
    directories.iter_mut().for_each(|directory| directory.groups_matter = groups_matter);
    let mut settings = Settings {
        mode: mode?,
        store: store?,
        directories,
        tenant: tenant?,
        location,
        rules,
        guard,
        work: work?,
        seats: seats?,
        alarm: alarm?,
        notify: targets?,
        heartbeat: heartbeat?,
        keep: keep?,
        watch: watch?,
        log: log?,
        digest: String::new(),
    };
    // Debug names every field and hides secrets, so nothing can be forgotten here.
    settings.digest = super::sha256_hex(&format!("{settings:?}"));
    Some(settings)
}

/// All that must be read of an account to judge it.
fn attributes(anchor: &AnchorSource, location: &LocationSettings, rules: &[Rule]) -> BTreeSet<String> {
    let anchor = match anchor {
        AnchorSource::Auto => None,
        AnchorSource::Attribute(name) => Some(name.clone()),
    };
    let sources = location.attributes().map(str::to_owned);
    rules.iter().flat_map(Rule::attributes).chain(sources).chain(anchor).collect()
}

fn location(table: &Table<'_>) -> Option<LocationSettings> {
    let from = table.parse_each("from", values::attribute);
    let default = table.parse("default", values::location).map(Spanned::into_inner);
    let overwrite = table.flag("overwrite");
    let write = table.flag("write");
    if overwrite == Some(true) && write == Some(false) {
        table.wrong(
            "overwrite",
            "\"overwrite\" contradicts write = false",
            "nothing is overwritten when nothing is written",
        );
    }
    let tables = if table.has("source") { table.tables("source") } else { Some(Vec::new()) };
    let sources: Option<Vec<_>> = tables.map(|tables| tables.iter().map(location_source).collect());
    if from.as_ref().is_some_and(Vec::is_empty) && !table.has("source") && !table.has("default") && write == Some(true)
    {
        let hint = "name attributes in \"from\", a country in \"default\", or write = false";
        table.wrong("from", "there is nowhere to take a usage location from", hint);
    }
    Some(LocationSettings {
        from: from?.into_iter().map(code_in).chain(sources?.into_iter().collect::<Option<Vec<_>>>()?).collect(),
        default,
        overwrite: overwrite?,
        write: write?,
    })
}

/// An attribute whose values are country codes.
fn code_in(name: Spanned<String>) -> LocationSource {
    LocationSource::Attribute { name: name.into_inner(), map: BTreeMap::new() }
}

fn location_source(table: &Table<'_>) -> Option<LocationSource> {
    match (table.has("attribute"), table.has("ou")) {
        (true, false) => {
            let name = table.parse("attribute", values::attribute);
            let map = if table.has("values") { table.parse_each("values", meaning) } else { Some(Vec::new()) };
            let map = map?.into_iter().map(Spanned::into_inner).collect();
            Some(LocationSource::Attribute { name: name?.into_inner(), map })
        }
        (false, true) => {
            let base = table.parse("ou", values::dn);
            let location = table.needs("location").then(|| table.parse("location", values::location)).flatten();
            let (text, base) = base?.into_inner();
            Some(LocationSource::Ou { base, text, location: location?.into_inner() })
        }
        _ => {
            let hint = "write { attribute = …, values = […] } or { ou = …, location = … }";
            table.wrong("", "a source is either an attribute or an OU", hint);
            None
        }
    }
}

/// `value = location`, the value in lower case.
fn meaning(text: &str) -> Result<(String, UsageLocation), values::Wrong> {
    let (value, code) = text
        .rsplit_once('=')
        .ok_or_else(|| values::Wrong::new("is no value and country").hint("write \"Berlin HQ = DE\""))?;
    Ok((value.trim().to_lowercase(), values::location(code.trim())?))
}

fn guard(table: &Table<'_>, reach: Option<&rules::Reach>) -> Option<GuardSettings> {
    let existing = table.choice("existing");
    let assignments_per_day = table.number("assignments_per_day");
    let changes_per_day = table.number("changes_per_day");
    let removals_per_day = table.number("removals_per_day");
    let shrink_percent = table.number("shrink_percent");
    let protected: Option<Vec<_>> = match table.has("protected") {
        true => table.tables("protected").and_then(|tables| tables.iter().map(|who| rules::who(who, reach)).collect()),
        false => Some(Vec::new()),
    };
    Some(GuardSettings {
        existing: if existing? == "license" { Existing::License } else { Existing::Leave },
        assignments_per_day: assignments_per_day?,
        changes_per_day: changes_per_day?,
        removals_per_day: removals_per_day?,
        shrink_percent: shrink_percent?,
        protected: protected?,
    })
}

fn work(table: &Table<'_>) -> Option<WorkSettings> {
    let retry_first = table.duration("retry_first");
    let retry_max = table.duration("retry_max");
    if let (Some(first), Some(max)) = (retry_first, retry_max)
        && first > max
    {
        let at = if table.has("retry_first") { "retry_first" } else { "retry_max" };
        table.wrong(
            at,
            "\"retry_first\" is longer than \"retry_max\"",
            "the wait begins with the first and grows to the second",
        );
    }
    let concurrency = table.number("concurrency");
    let quota = table.number("quota");
    let quota_window = table.duration("quota_window");
    let confirm_after = table.duration("confirm_after");
    let patience = table.duration("patience");
    let clock_skew = table.duration("clock_skew");
    Some(WorkSettings {
        retry_first: retry_first?,
        retry_max: retry_max?,
        concurrency: concurrency?,
        quota: quota?,
        quota_window: quota_window?,
        confirm_after: confirm_after?,
        patience: patience?,
        clock_skew: clock_skew?,
    })
}

fn log(table: &Table<'_>) -> Option<LogSettings> {
    let format = table.choice("format");
    let level = table.parse("level", values::log_level);
    Some(LogSettings {
        format: match format? {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            "journald" => LogFormat::Journald,
            _ => LogFormat::Auto,
        },
        level: level?.into_inner(),
    })
}
