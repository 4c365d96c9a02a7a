//! What benchmarks stand on: the lab in a process of its own, a configuration that points at it, and what the kernel counts.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use seatsync::config::{self, Environment};
use seatsync::model::settings::Settings;
use seatsync_lab::directory::Directory;
use seatsync_lab::tenant::Tenant;
use tempfile::TempDir;

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Says where a lab is, for the process that started this one.
pub fn introduce(directory: &Directory, tenant: &Tenant) {
    let (ca, port) = (directory.ca_pem().replace('\n', "|"), directory.ldaps_addr().port());
    println!("{port}\n{}\n{}\n{ca}", tenant.url(), tenant.tenant_id());
    println!("{}\n{}", directory.bind_user(), directory.bind_password());
}

/// The words that the process which started this one says; the end of them is the end.
pub fn words() -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let (words, heard) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|word| words.send(word)));
    heard
}

/// The lab in a process of its own; it ends with this.
pub struct Lab {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Lab {
    /// Starts this program again, with these words for its arguments.
    pub fn start(words: &[&str]) -> Outcome<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (asks, answers) = (child.stdin.take(), child.stdout.take());
        let (asks, answers) = asks.zip(answers).ok_or("no pipes")?;
        Ok(Self { child, asks, answers: BufReader::new(answers) })
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Says a word, and returns the numbers it answers with.
    pub fn counters(&mut self, word: &str) -> Outcome<Vec<u64>> {
        writeln!(self.asks, "{word}")?;
        Ok(self.line()?.split(' ').map(str::parse).collect::<Result<_, _>>()?)
    }

    /// Settings that point at it, their files below a directory that is returned, `seatsync.toml` among them.
    pub fn settings(&mut self, more: &More) -> Outcome<(Settings, TempDir)> {
        let (port, url, tenant) = (self.line()?, self.line()?, self.line()?);
        let (ca, user, password) = (self.line()?.replace('|', "\n"), self.line()?, self.line()?);
        let files = tempfile::tempdir()?;
        write(files.path(), "ca.pem", &ca)?;
        write(files.path(), "bind", &password)?;
        let site =
            Site { servers: format!("ldaps://localhost:{port}"), ca: "ca.pem".into(), user, bases: String::new() };
        Ok((settings(files.path(), &site, &url, &tenant, more)?, files))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn write(files: &Path, name: &str, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(files.join(name), text)?;
    std::fs::set_permissions(files.join(name), std::fs::Permissions::from_mode(0o600))
}

/// Where a directory is and who may read it.
pub struct Site {
    pub servers: String,
    pub ca: PathBuf,
    pub user: String,
    pub bases: String,
}

/// What a benchmark configures for itself.
#[derive(Default)]
pub struct More {
    pub mode: &'static str,
    /// Keys of `[directory]`.
    pub directory: &'static str,
    /// Keys of `[tenant]`.
    pub tenant: &'static str,
    /// Tables.
    pub tables: &'static str,
}

/// Writes a configuration, and reads it.
pub fn settings(files: &Path, site: &Site, url: &str, tenant: &str, more: &More) -> Outcome<Settings> {
    let More { mode, directory, tenant: of_tenant, tables } = more;
    let Site { servers, ca, user, bases } = site;
    write(files, "secret", "lab-secret")?;
    let text = format!(
        r#"mode = "{mode}"
store = "seatsync.db"
[directory]
domain = "corp.example.test"
servers = ["{servers}"]
ca_file = "{}"
bind = {{ method = "simple", user = "{user}", password = {{ file = "bind" }} }}
{directory}
{bases}
[tenant]
id = "{tenant}"
client_id = "11111111-1111-1111-1111-111111111111"
login_url = "{url}"
graph_url = "{url}"
credential = {{ method = "secret", secret = {{ file = "secret" }} }}
{of_tenant}
{tables}
[[license]]
id = "intune"
sku = "EMS"
"#,
        ca.display()
    );
    write(files, "seatsync.toml", &text)?;
    Ok(config::load(&files.join("seatsync.toml"), &Environment::default())?)
}

/// What the kernel says of a process's memory, in KiB; of this one, its name is `self`.
pub fn memory(process: &str, what: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with(what)).ok_or("the kernel does not say")?;
    Ok(line.split_whitespace().nth(1).ok_or("the kernel does not say")?.parse()?)
}
