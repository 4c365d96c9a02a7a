//! `seatsync notify`

use serde::Serialize;

use super::{Common, Failure, Unmet, output};
use crate::clock::Clock;
use crate::model::notice::{Matter, Notice, Phase};
use crate::model::settings::WebhookSettings;
use crate::notify::{NotifyError, Webhook, shaped};
use crate::tls::{self, Roots};

/// What `notify` does.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Send a test message to each [[notify]] target, and a sign of life to the heartbeat's, and show what each answers.
    #[command(after_help = super::examples::NOTIFY_TEST)]
    Test(Test),
}

/// What `notify test` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Only the target of this id.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What one target answered.
#[derive(Debug, Serialize)]
struct Line {
    /// `notify` id, or `heartbeat`.
    target: String,
    /// Whether it took the message.
    ok: bool,
    /// What it said, or why it could not.
    answer: String,
    /// The error's code.
    code: Option<&'static str>,
    /// What to do.
    remedy: Option<String>,
    #[serde(skip)]
    exit: u8,
}

/// Runs it; returns the exit status: that of the first target that failed.
pub(super) async fn run(common: &Common, command: Command) -> Result<u8, Failure> {
    let Command::Test(Test { id, json }) = command;
    let settings = common.settings()?;
    let wanted = |name: &str| id.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(name));
    let mut lines = Vec::new();
    for target in settings.notify.iter().filter(|target| wanted(&target.id)) {
        let notice = test(&target.id);
        let body = shaped(target.shape, &notice, &settings.tenant.id.to_string());
        let sent = match webhook(&target.webhook) {
            Ok(webhook) => webhook.post(&body).await.map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        lines.push(line(&target.id, sent));
    }
    if let Some(heartbeat) = settings.heartbeat.as_ref().filter(|_| wanted("heartbeat")) {
        let sent = match webhook(&heartbeat.webhook) {
            Ok(webhook) => webhook.beat(heartbeat.post).await.map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        lines.push(line("heartbeat", sent));
    }
    if lines.is_empty() {
        let what = match id {
            Some(id) => format!("no [[notify]] has the id \"{id}\""),
            None => "the configuration has neither [[notify]] nor [heartbeat]".to_owned(),
        };
        return Err(Unmet::not_found(what, "See `seatsync config example`.").into());
    }
    if json {
        output::json(&lines)?;
    } else {
        lines.iter().for_each(show);
    }
    Ok(lines.iter().find(|line| !line.ok).map_or(0, |line| line.exit))
}

fn test(target: &str) -> Notice {
    Notice {
        matter: Matter::Test,
        state: Phase::Begins,
        about: Some(target.to_owned()),
        title: "A test of seatsync's notices".to_owned(),
        text: "Messages of seatsync reach you here.".to_owned(),
        todo: "There is nothing to do.".to_owned(),
        at: Clock::system().now(),
    }
}

fn webhook(settings: &WebhookSettings) -> Result<Webhook, Failure> {
    let tls = tls::client_config(&Roots::SystemAnd(settings.ca_file.clone()))?;
    Ok(Webhook::new(settings, &tls).map_err(|error: NotifyError| error)?)
}

fn line(target: &str, sent: Result<crate::notify::Answer, Failure>) -> Line {
    let target = target.to_owned();
    match sent {
        Ok(answer) => {
            let said = if answer.said.is_empty() { String::new() } else { format!(", \"{}\"", answer.said) };
            let answer = format!("{} answered with status {}{said}", answer.host, answer.status);
            Line { target, ok: true, answer, code: None, remedy: None, exit: 0 }
        }
        Err(failure) => {
            let fault = failure.fault();
            let (code, remedy) = (Some(fault.code()), Some(fault.advice()));
            Line { target, ok: false, answer: fault.to_string(), code, remedy, exit: fault.exit_status() }
        }
    }
}

fn show(line: &Line) {
    let code = line.code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let word = if line.ok { "ok" } else { "fail" };
    output::line(&format!("{word:<6}{}: {}{code}", line.target, line.answer));
    if let Some(remedy) = &line.remedy {
        output::line(&format!("      > {remedy}"));
    }
}
