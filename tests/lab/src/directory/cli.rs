//! `seatsync-lab directory`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Directory, DirectoryOptions};

/// Serves a directory until interrupted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to serve LDAPS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6360")]
    pub listen: SocketAddr,
    /// Where to serve plain LDAP with StartTLS
    #[arg(long, value_name = "ADDR")]
    pub starttls_listen: Option<SocketAddr>,
    /// Where to serve the control API
    #[arg(long, value_name = "ADDR")]
    pub control: Option<SocketAddr>,
    /// Where to serve DNS, over UDP
    #[arg(long, value_name = "ADDR")]
    pub dns: Option<SocketAddr>,
    /// How many domain controllers the domain has; the others listen on 127.0.0.2 and so on
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub dcs: usize,
    /// How often they replicate, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub replicate: u64,
    /// Foreign changes a second
    #[arg(long, value_name = "RATE", default_value_t = 0)]
    pub noise: u32,
    /// How many people the domain has
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub accounts: usize,
    /// Where all chance comes from: the same seed makes the same people
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Certificate chain, PEM; without one the lab makes its own authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Writes the certificate authority to trust here, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_out: Option<PathBuf>,
    /// Turns the recycle bin on
    #[arg(long)]
    pub recycle_bin: bool,
    /// Hides Deleted Objects from the service account
    #[arg(long)]
    pub hide_deleted_objects: bool,
}

/// Serves until the process is told to stop.
pub async fn run(args: Args) -> io::Result<()> {
    let ca_out = args.ca_out.clone();
    let directory = Directory::start(DirectoryOptions {
        accounts: args.accounts,
        seed: args.seed,
        listen: args.listen,
        starttls_listen: args.starttls_listen,
        control_listen: args.control,
        dns_listen: args.dns,
        certificate: args.tls_cert.zip(args.tls_key),
        recycle_bin: args.recycle_bin,
        hide_deleted_objects: args.hide_deleted_objects,
        ..DirectoryOptions::default().dcs(args.dcs)
    })
    .await?;
    directory.replicate_every(Some(Duration::from_secs(args.replicate.max(1))));
    directory.noise_per_second(args.noise);
    if let Some(path) = ca_out {
        std::fs::write(&path, directory.ca_pem())?;
    }
    announce(&directory)?;
    tokio::signal::ctrl_c().await?;
    directory.shutdown().await;
    Ok(())
}

fn announce(directory: &Directory) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on ldaps://{}", directory.ldaps_addr())?;
    for more in directory.dcs().skip(1) {
        writeln!(out, "listening on ldaps://{} ({})", more.ldaps_addr(), more.fqdn())?;
    }
    if let Some(address) = directory.starttls_addr() {
        writeln!(out, "listening on ldap://{address} (StartTLS)")?;
    }
    if let Some(address) = directory.dns_addr() {
        writeln!(out, "dns on {address}")?;
    }
    if let Some(address) = directory.control_addr() {
        writeln!(out, "control on http://{address}")?;
    }
    out.flush()
}
