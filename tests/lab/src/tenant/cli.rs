//! `seatsync-lab tenant`.

use std::{error::Error, io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    Tenant, World,
    clock::parse_span,
    follow::{FollowOptions, Follower},
};

/// Where the password is looked for without `--bind-password-file`.
const PASSWORD_VARIABLE: &str = "LAB_BIND_PASSWORD";

/// Arguments of `seatsync-lab tenant`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on, for login, Graph and control alike; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// World file; the embedded Contoso if absent.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Plays Entra Connect for this directory, for example ldaps://dc1.corp.example.test:636.
    #[arg(long, value_name = "URL", requires_all = ["bind_user", "base"])]
    follow: Option<String>,
    /// Whom to bind as, UPN or DN.
    #[arg(long, value_name = "USER", requires = "follow")]
    bind_user: Option<String>,
    /// File with the password; without it LAB_BIND_PASSWORD is taken.
    #[arg(long, value_name = "FILE", requires = "follow")]
    bind_password_file: Option<PathBuf>,
    /// Where the accounts are, for example DC=corp,DC=example,DC=test.
    #[arg(long, value_name = "DN", requires = "follow")]
    base: Option<String>,
    /// PEM file of the CA of the directory's certificate.
    #[arg(long, value_name = "FILE", requires = "follow")]
    ca: Option<PathBuf>,
    /// How long after it was first seen an account becomes a user (seconds, or 2s, 15m).
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = parse_span, requires = "follow")]
    delay: Duration,
    /// Time from one read of the directory to the next.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_span, requires = "follow")]
    every: Duration,
}

impl Args {
    fn follow_options(&self) -> Result<Option<FollowOptions>, Box<dyn Error>> {
        let Some(url) = self.follow.clone() else {
            return Ok(None);
        };
        let password = match &self.bind_password_file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
            None => std::env::var(PASSWORD_VARIABLE)
                .map_err(|_| format!("give --bind-password-file or set {PASSWORD_VARIABLE}"))?,
        };
        Ok(Some(FollowOptions {
            url,
            bind_user: self.bind_user.clone().unwrap_or_default(),
            bind_password: password,
            base: self.base.clone().unwrap_or_default(),
            ca: self.ca.clone(),
            delay: self.delay,
            every: self.every,
        }))
    }
}

/// Runs the tenant until interrupted.
///
/// # Errors
/// When the world, the address or the directory's options are unusable.
pub async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let follow = args.follow_options()?;
    let world = match &args.world {
        Some(path) => World::load(path)?,
        None => World::contoso(),
    };
    let tenant = Tenant::start_at(world, args.listen).await?;
    let follower = follow.map(|options| Follower::start(&tenant, options)).transpose()?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", tenant.url())?;
    out.flush()?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        () = complain(follower.as_ref()) => {}
    }
    tenant.shutdown();
    Ok(())
}

/// Says on standard error each time reading the directory begins to fail, for another reason or again.
async fn complain(follower: Option<&Follower>) {
    let Some(follower) = follower else {
        return std::future::pending().await;
    };
    let mut said = None;
    loop {
        let progress = follower.wait_until(|progress| progress.error != said).await;
        match &progress.error {
            Some(error) => eprintln!("cannot read the directory: {error}"),
            None => eprintln!("reading the directory again"),
        }
        said = progress.error;
    }
}
