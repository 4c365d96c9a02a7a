//! `seatsync doctor`

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Common, Failure, Unmet, output, pilot};
use crate::clock::Clock;
use crate::config::ConfigError;
use crate::doctor::{self, Check, Examination, Grant, State};
use crate::model::fault::exit;
use crate::model::settings::Settings;
use crate::system;

/// What `doctor` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the directory's side: controllers, sign-in, rights, bases, whom rules mean.
    #[arg(long)]
    directory: bool,
    /// Only the tenant's side: network, login, permissions, products.
    #[arg(long)]
    tenant: bool,
    /// Examine nothing, but give one real license to this user by a rule, and wait until it is seen to work: a UPN,
    /// sAMAccountName, objectGUID or Entra id.
    #[arg(long, value_name = "USER", conflicts_with_all = ["tenant", "directory"], help_heading = "Pilot")]
    pilot: Option<String>,
    /// By the rule of this id, not by the first that means the user.
    #[arg(long, value_name = "RULE", requires = "pilot", help_heading = "Pilot")]
    rule: Option<String>,
    /// Write for this one user even in mode "observe", while no agent runs.
    #[arg(long, requires = "pilot", help_heading = "Pilot")]
    write: bool,
    /// Wait so long for it to work, such as 90s or 5m.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = wait, requires = "pilot", help_heading = "Pilot")]
    wait: Duration,
    /// Also write what somebody who shall help needs to see to this new file: the report, the state, the configuration's outline
    /// and the audit's last rows, with pseudonyms in place of names and without secrets.
    #[arg(long, value_name = "FILE", conflicts_with = "pilot")]
    bundle: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn wait(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|wait| Duration::try_from(wait).ok());
    parsed.ok_or_else(|| "not a time such as 90s or 5m".to_owned())
}

/// Lines are no wider than this.
const WIDTH: usize = 100;

/// Examines, or flies the pilot. Returns the exit status.
pub(super) async fn run(common: &Common, args: Args) -> Result<u8, Failure> {
    if let Some(user) = args.pilot {
        let order = pilot::Order { user, rule: args.rule, write: args.write, wait: args.wait, json: args.json };
        return pilot::run(common, &order).await.map(|()| 0);
    }
    let all = !args.directory && !args.tenant;
    let loaded = common.settings();
    let examination = examine(common, &loaded, all || args.directory, all || args.tenant).await;
    if args.json {
        output::json(&as_json(&examination))?;
    } else {
        print(&examination);
    }
    if let Some(file) = &args.bundle {
        let bundle = doctor::bundle(&common.config, &loaded, &examination, &Clock::system()).await;
        write(file, &bundle)?;
        if !args.json {
            output::line(&format!("{}: written; read it before you pass it on", file.display()));
        }
    }
    Ok(examination.exit_status())
}

/// Writes a new file that only its owner may read.
fn write(file: &Path, bundle: &serde_json::Value) -> Result<(), Failure> {
    use std::io::Write as _;
    let text = format!("{bundle:#}\n");
    let written = system::create_private(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let what = format!("{} cannot be written: {error}", file.display());
        Unmet {
            what,
            advice: "Name a new file where you may write.",
            code: "bundle-unwritable",
            status: exit::CANNOT_CREATE,
        }
        .into()
    })
}

async fn examine(
    common: &Common,
    loaded: &Result<Settings, ConfigError>,
    directory: bool,
    tenant: bool,
) -> Examination {
    let mut examination =
        Examination { checks: vec![doctor::configuration(&common.config, loaded)], ..Examination::default() };
    let Ok(settings) = loaded else { return examination };
    examination.checks.extend([
        doctor::store(settings),
        doctor::disk(settings),
        doctor::agent(settings),
        doctor::listen(settings),
    ]);
    examination.checks.extend(doctor::notify(settings));
    let clock = Clock::system();
    if directory {
        examination.checks.extend(doctor::directory(settings, &clock).await);
    }
    if tenant {
        let Examination { checks, grant } = doctor::tenant(settings, &clock).await;
        examination.checks.extend(checks);
        examination.grant = grant;
    }
    examination
}

fn as_json(examination: &Examination) -> serde_json::Value {
    let mut value = serde_json::to_value(examination).unwrap_or_default();
    for state in [State::Ok, State::Warn, State::Fail, State::Skipped] {
        value["counts"][state.word()] = examination.count(state).into();
    }
    value["exit"] = examination.exit_status().into();
    value
}

fn print(examination: &Examination) {
    for check in &examination.checks {
        for text in lines(check) {
            output::line(&text);
        }
    }
    if let Some(grant) = &examination.grant {
        grant_lines(grant).iter().for_each(|text| output::line(text));
    }
    let count = |state: State, word: &str| match examination.count(state) {
        0 => None,
        number => Some(format!("{number} {word}")),
    };
    let counts = [
        count(State::Fail, "failed"),
        count(State::Warn, "to look at"),
        count(State::Skipped, "skipped"),
        count(State::Ok, "ok"),
    ];
    output::line("");
    output::line(&counts.into_iter().flatten().collect::<Vec<_>>().join(", "));
}

/// State, topic, what was found; below it, indented, what to do.
fn lines(check: &Check) -> Vec<String> {
    let about = check.about.as_ref().map(|about| format!("{about}: ")).unwrap_or_default();
    let code = check.code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let head = format!("{:<8}{:<14}", check.state.word(), check.topic.word());
    let mut lines = wrapped(&head, &format!("{about}{}{code}", check.found));
    if let Some(remedy) = &check.remedy {
        lines.extend(wrapped(&format!("{:22}> ", ""), remedy));
    }
    lines
}

fn grant_lines(grant: &Grant) -> Vec<String> {
    let mut lines = vec![String::new(), format!("To grant {}:", grant.permissions.join(", "))];
    lines.extend(wrapped("  ", &grant.portal));
    lines.push("  In PowerShell, with the module Microsoft.Graph:".to_owned());
    lines.extend(grant.powershell.iter().map(|line| format!("    {line}")));
    lines
}

/// Text after a head, broken between words; later lines begin where the first one's text does.
fn wrapped(head: &str, text: &str) -> Vec<String> {
    let indent = head.chars().count();
    let mut lines = Vec::new();
    let mut line = head.to_owned();
    let mut fresh = true;
    for word in text.split_whitespace() {
        if !fresh && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        line.push_str(word);
        fresh = false;
    }
    lines.push(line);
    lines
}
