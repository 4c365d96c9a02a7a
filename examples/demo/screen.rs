//! What is seen: plain lines in columns, with colours where a person looks at a terminal.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use seatsync::store::{Report, Store};

use super::stage::{PRODUCT, Stage};
use super::{Failure, PATIENCE};

/// What became of somebody.
#[derive(Clone, Copy)]
pub enum Mark {
    Noticed,
    Appeared,
    Ready,
    Located,
    Licensed,
    Waits,
    Excluded,
}

impl Mark {
    /// The word, and the colour (ECMA-48 SGR) it is said in.
    fn look(self) -> (&'static str, &'static str) {
        match self {
            Self::Noticed => ("noticed", "2"),
            Self::Appeared => ("appeared", "0"),
            Self::Ready => ("ready", "0"),
            Self::Located => ("located", "36"),
            Self::Licensed => ("licensed", "1;32"),
            Self::Waits => ("waits", "33"),
            Self::Excluded => ("left alone", "35"),
        }
    }
}

/// Standard output.
pub struct Screen {
    began: Instant,
    colours: bool,
}

impl Screen {
    pub fn new() -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { began: Instant::now(), colours }
    }

    pub fn title(&self) {
        println!("{}", self.paint("1", "seatsync: the real agent, on a directory and a tenant of its own"));
        println!("Both are made up for this run and live in this process. Nothing leaves this machine.");
    }

    pub fn stage(&self, stage: &Stage) {
        let (accounts, url) = (stage.directory.accounts().len(), stage.tenant.url());
        let (users, sku) = stage.tenant.view(|view| (view.users().count(), view.sku(PRODUCT)));
        let (seats, free) = sku.map_or((0, 0), |sku| (sku.prepaid_units.enabled, sku.available));
        println!();
        self.fact("directory", &format!("corp.example.test, {accounts} accounts  {}", self.dim(&stage.ldaps())));
        self.fact("tenant", &format!("contoso.onmicrosoft.com, {users} users  {}", self.dim(&url)));
        self.fact("licenses", &format!("{seats} seats of {PRODUCT}, {free} of them free"));
        self.fact("agent", &format!("looks at both every {} (the default is 10 s)", stage.polls));
    }

    /// Waits until the agent knows both sides, and says what it met.
    pub async fn first_contact(&self, store: &Store) -> Result<(), Failure> {
        self.scene("First contact");
        let deadline = Instant::now() + PATIENCE;
        let report = loop {
            let report = store.report().await?;
            if report.acquainted {
                break report;
            }
            if Instant::now() > deadline {
                return Err(format!("first contact does not come to an end: {:?}", report.troubles).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let count =
            |counts: &std::collections::BTreeMap<String, u64>, word: &str| counts.get(word).copied().unwrap_or(0);
        let (present, excluded) = (count(&report.presence, "present"), count(&report.presence, "excluded"));
        self.plain(&format!("{present} people are in both, {excluded} accounts are disabled, expired or the system's"));
        self.plain(&format!(
            "{} have the license already; {} lack it and were there before: left alone, but counted",
            count(&report.standing, "satisfied"),
            lacking(&report),
        ));
        Ok(())
    }

    pub fn scene(&self, name: &str) {
        println!("\n{}", self.paint("1", name));
    }

    /// What others do.
    pub fn news(&self, text: &str) {
        println!("{}  {}", self.time(), self.paint("1", text));
    }

    /// What seatsync makes of it.
    pub fn line(&self, name: &str, mark: Mark, text: &str) {
        let (word, colour) = mark.look();
        let word = self.paint(colour, &format!("{word:<10}"));
        println!("{}    {name:<18}  {word}  {}", self.time(), self.dim_unless(mark, text));
    }

    pub fn plain(&self, text: &str) {
        println!("{}  {text}", self.time());
    }

    pub fn command(&self, arguments: &[&str]) {
        println!("\n{}", self.paint("1", &format!("$ seatsync {}", arguments.join(" "))));
    }

    pub fn fact(&self, name: &str, text: &str) {
        println!("  {name:<10}  {text}");
    }

    pub fn keep(&self, stage: &Stage) {
        let config = stage.config.display();
        self.scene("Still running, until Ctrl-C");
        self.fact("configure", &config.to_string());
        self.fact("ask", &format!("cargo run -q -- --config {config} status"));
        self.fact("", "or users, explain ada, include intune --unlicensed, pause, resume");
        if let Some(address) = stage.directory.control_addr() {
            let eva = r#"{"name": "Eva Novak", "sam": "eva", "upn": "eva@corp.example.test", "c": "CZ"}"#;
            self.fact("join", &format!("curl -s http://{address}/lab/accounts --json '{eva}'"));
        }
        let url = stage.tenant.url();
        self.fact("seats", &format!("curl -s -X PATCH {url}/lab/skus/{PRODUCT} --json '{{\"enabled\": 600}}'"));
        self.fact("look", &format!("curl -s {url}/lab/state; tests/lab/README.md has the rest"));
    }

    /// Since the start, so that times can be compared.
    fn time(&self) -> String {
        let seconds = self.began.elapsed().as_secs();
        self.dim(&format!("{:>3}:{:02}", seconds / 60, seconds % 60))
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn dim_unless(&self, mark: Mark, text: &str) -> String {
        if matches!(mark, Mark::Noticed) { self.dim(text) } else { text.to_owned() }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// How many lack a license although a rule wants it, because they were there before.
pub fn lacking(report: &Report) -> u64 {
    report.baseline_without_license.values().sum()
}
