//! `seatsync-lab directory`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

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
        certificate: args.tls_cert.zip(args.tls_key),
        recycle_bin: args.recycle_bin,
        hide_deleted_objects: args.hide_deleted_objects,
        ..DirectoryOptions::default()
    })
    .await?;
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
    if let Some(address) = directory.starttls_addr() {
        writeln!(out, "listening on ldap://{address} (StartTLS)")?;
    }
    if let Some(address) = directory.control_addr() {
        writeln!(out, "control on http://{address}")?;
    }
    out.flush()
}
