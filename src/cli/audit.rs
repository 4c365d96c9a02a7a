//! `seatsync audit` and `seatsync audit verify`

use std::collections::BTreeSet;
use std::io::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::output::{self, line, time};
use super::{Common, Failure, Place, Unmet, explain, request, skus};
use crate::model::fault::exit;
use crate::model::identity::SkuId;
use crate::model::license::Catalog;
use crate::store::{AuditCheck, AuditFault, AuditFilter, AuditHead, AuditKind, AuditRow, Store};

/// What `audit` takes.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Verify that the audit is what was written: each row carries the hash of the one before.
    Verify(Verify),
}

/// What of the audit is listed.
#[derive(Debug, clap::Args)]
struct List {
    /// About this person: a UPN, sAMAccountName, objectGUID or Entra id; of somebody long gone, the name then.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Of this kind; may be given several times.
    #[arg(long, value_name = "WORD", value_parser = AuditKind::WORDS)]
    kind: Vec<String>,
    /// Then or later, such as 2026-09-01 or 2026-09-01T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = request::date)]
    since: Option<Timestamp>,
    /// Before then.
    #[arg(long, value_name = "DATE", value_parser = request::date)]
    until: Option<Timestamp>,
    /// For the sake of this rule.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// About this product, by part number or GUID.
    #[arg(long, value_name = "SKU")]
    sku: Option<String>,
    /// Of this request, by Graph's request-id or our client-request-id.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Asked for by this operator: the beginning of the name in the operating system.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The newest so many only. Without it the table shows 200, and an export has all.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Print JSON lines, one object for each row.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV with a header.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    place: Place,
}

/// What `audit verify` takes.
#[derive(Debug, clap::Args)]
struct Verify {
    /// What was the newest row once, as an earlier verification or the log (event audit-head) said: NUMBER:HASH.
    #[arg(long, value_name = "HEAD")]
    head: Option<AuditHead>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Rows that a table shows where nothing else is said.
const SHOWN: usize = 200;

/// A row as it is exported. The names are stable.
#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    at: Timestamp,
    kind: &'a str,
    person: Option<i64>,
    subject: Option<&'a str>,
    by: Option<&'a str>,
    rules: BTreeSet<String>,
    skus: BTreeSet<SkuId>,
    config: Option<&'a str>,
    client_request_id: Option<&'a str>,
    request_id: Option<&'a str>,
    hash: &'a str,
    detail: &'a Value,
}

const COLUMNS: [&str; 13] = [
    "id",
    "at",
    "kind",
    "person",
    "subject",
    "by",
    "rules",
    "skus",
    "config",
    "client_request_id",
    "request_id",
    "hash",
    "detail",
];

impl<'a> Line<'a> {
    fn of(row: &'a AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            kind: &row.kind,
            person: row.person.map(|person| person.0),
            subject: row.subject.as_deref(),
            by: row.by(),
            rules: row.rules(),
            skus: row.skus(),
            config: row.config.as_deref(),
            client_request_id: row.client_request_id.as_deref(),
            request_id: row.request_id.as_deref(),
            hash: &row.hash,
            detail: &row.detail,
        }
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        [
            self.id.to_string(),
            self.at.to_string(),
            self.kind.to_owned(),
            self.person.map(|person| person.to_string()).unwrap_or_default(),
            text(self.subject),
            text(self.by),
            self.rules.iter().cloned().collect::<Vec<_>>().join(" "),
            self.skus.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            text(self.config),
            text(self.client_request_id),
            text(self.request_id),
            self.hash.to_owned(),
            self.detail.to_string(),
        ]
    }
}

/// Lists the audit, or verifies it.
pub(super) async fn run(common: &Common, args: Args) -> Result<(), Failure> {
    match args.command {
        Some(Command::Verify(verify)) => verified(common, verify).await,
        None => list(common, args.list).await,
    }
}

async fn list(common: &Common, args: List) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let catalog = store.catalog().await?;
    let filter = filter(&store, &catalog, &args).await?;
    let mut form = match (args.json, args.csv) {
        (true, _) => Form::Json,
        (_, true) => Form::csv(),
        _ => {
            table(&store.newest_audit(args.limit.unwrap_or(SHOWN), filter).await?, &catalog);
            return Ok(());
        }
    };
    if let Some(limit) = args.limit {
        form.print(&store.newest_audit(limit, filter).await?)?;
        return Ok(());
    }
    let mut after = Some(0);
    while let Some(from) = after {
        let rows;
        (rows, after) = store.audit_after(from, filter.clone()).await?;
        form.print(&rows)?;
    }
    Ok(())
}

async fn filter(store: &Store, catalog: &Catalog, args: &List) -> Result<AuditFilter, Failure> {
    let mut filter = AuditFilter {
        kinds: args.kind.iter().cloned().collect(),
        since: args.since,
        until: args.until,
        rule: args.rule.clone(),
        request_id: args.request_id.clone(),
        by: args.by.clone(),
        ..AuditFilter::default()
    };
    if let Some(name) = &args.user {
        if store.find_people(name).await?.is_empty() {
            filter.subject = Some(name.trim().to_owned());
        } else {
            filter.person = Some(request::find(store, name).await?);
        }
    }
    if let Some(name) = &args.sku {
        // One that the tenant no longer has is known by its id.
        filter.sku = Some(match name.trim().parse() {
            Ok(id) => id,
            Err(_) => skus::named(catalog, name)?.id,
        });
    }
    Ok(filter)
}

fn table(rows: &[AuditRow], catalog: &Catalog) {
    let mut table = output::table(["when", "what", "whom", "details", "by", "request-id"]);
    for row in rows {
        let by = row.by().map_or_else(|| row.rules().into_iter().collect::<Vec<_>>().join(" "), str::to_owned);
        output::row(
            &mut table,
            [
                time(row.at),
                row.kind.clone(),
                row.subject.clone().unwrap_or_default(),
                explain::detail(row, catalog),
                by,
                row.request_id.clone().unwrap_or_default(),
            ],
        );
    }
    output::show(&table);
}

/// How an export is written.
enum Form {
    Json,
    Csv(Box<csv::Writer<Vec<u8>>>),
}

impl Form {
    fn csv() -> Self {
        let mut csv = csv::Writer::from_writer(Vec::new());
        // Into memory; it cannot fail.
        let _ = csv.write_record(COLUMNS);
        Self::Csv(Box::new(csv))
    }

    /// Prints some rows. A reader that went away, such as `head`, ends the command quietly.
    fn print(&mut self, rows: &[AuditRow]) -> Result<(), Failure> {
        let mut text = Vec::new();
        let lines = rows.iter().map(Line::of);
        match self {
            Self::Json => {
                for line in lines {
                    serde_json::to_writer(&mut text, &line).map_err(|error| output::unwritable(&error))?;
                    text.push(b'\n');
                }
            }
            Self::Csv(csv) => {
                for line in lines {
                    csv.write_record(line.cells()).map_err(|error| output::unwritable(&error))?;
                }
                let written = std::mem::replace(csv, Box::new(csv::Writer::from_writer(Vec::new())));
                text = (*written).into_inner().map_err(|error| output::unwritable(error.error()))?;
            }
        }
        if std::io::stdout().lock().write_all(&text).is_err() {
            std::process::exit(0);
        }
        Ok(())
    }
}

async fn verified(common: &Common, args: Verify) -> Result<(), Failure> {
    let store = common.joined_store(&args.place)?;
    let check = store.verify_audit(args.head.clone()).await?;
    if args.json {
        output::json(&check)?;
    } else {
        in_words(&check).iter().for_each(|text| line(text));
    }
    verdict(&check, args.head.as_ref())
}

fn in_words(check: &AuditCheck) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(checkpoint) = &check.checkpoint {
        let (upto, at) = (checkpoint.head.id, time(checkpoint.at));
        lines.push(format!("rows up to {upto} were removed by retention, last on {at}"));
    }
    lines.push(format!("{} fit each other", output::count(check.rows, "row")));
    if check.fault.is_none()
        && let Some(head) = &check.head
    {
        lines.push(format!("head {head}"));
    }
    lines
}

/// What ends the command with another status than 0.
fn verdict(check: &AuditCheck, known: Option<&AuditHead>) -> Result<(), Failure> {
    let what = match &check.fault {
        None if check.compared == Some(false) => {
            let what = format!("row {} was removed by retention", known.map(|head| head.id).unwrap_or_default());
            return Err(Unmet::not_found(what, "Compare with a head that is not as old.").into());
        }
        None => return Ok(()),
        Some(AuditFault::Altered { id }) => format!("row {id} was altered"),
        Some(AuditFault::Unchained { id }) => {
            format!("row {id} does not follow the row before it: rows between them were removed, added or replaced")
        }
        Some(AuditFault::UnsaidCheckpoint { id }) => {
            format!("the rows before row {id} are gone, and no row says that retention removed them")
        }
        Some(AuditFault::Replaced { id }) => format!("row {id} is not the one it was"),
        Some(AuditFault::Shortened { id }) => {
            format!(
                "row {id}, which was the newest once, is gone: the newest rows were removed, or an older copy put back"
            )
        }
    };
    Err(Unmet {
        what: format!("the audit is not what was written: {what}"),
        advice: "Somebody changed the store beside seatsync, or the disk did: keep a copy of it and compare with backups.",
        code: "audit-broken",
        status: exit::STORE,
    }
    .into())
}
