//! `seatsync-lab tenant`.

use std::{error::Error, io::Write, net::SocketAddr, path::PathBuf};

use super::{Tenant, World};

/// Arguments of `seatsync-lab tenant`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on, for login, Graph and control alike; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// World file; the embedded Contoso if absent.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
}

/// Runs the tenant until interrupted.
///
/// # Errors
/// When the world, the address or the directory's options are unusable.
pub async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let world = match &args.world {
        Some(path) => World::load(path)?,
        None => World::contoso(),
    };
    let tenant = Tenant::start_at(world, args.listen).await?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", tenant.url())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    tenant.shutdown();
    Ok(())
}
