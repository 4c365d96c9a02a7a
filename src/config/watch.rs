//! `[watch]`: how the service can be watched.

use std::net::SocketAddr;

use toml::Spanned;

use super::table::Table;
use super::values::Wrong;
use crate::model::settings::WatchSettings;

/// `[watch]`.
pub(super) fn watch(table: &Table<'_>) -> Option<WatchSettings> {
    let listen = table.parse("listen", listen).map(Spanned::into_inner);
    Some(WatchSettings { listen: listen? })
}

fn listen(text: &str) -> Result<Option<SocketAddr>, Wrong> {
    if text == "off" {
        return Ok(None);
    }
    let address = text.parse().map_err(|_| {
        Wrong::new("is no address with a port").hint("write \"127.0.0.1:10707\", \"[::1]:10707\" or \"off\"")
    })?;
    Ok(Some(address))
}
