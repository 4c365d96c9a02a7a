//! Reading what became of writes: after an unknown outcome, and until an accepted license is seen to work.

use super::round::Hand;
use crate::clock::later;
use crate::decide::next_confirmation;
use crate::observe::Event;
use crate::store::{LicenseOutcome, StoreError};
use crate::tenant::TenantError;

/// Licenses that are read back in one turn.
const AT_ONCE: u32 = 100;

/// A room's error while reading.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tenant's.
    #[error(transparent)]
    Tenant(#[from] TenantError),
}

impl Hand {
    /// Settles calls of unknown outcome: reads first, and concludes from that. Returns how many were settled.
    ///
    /// # Errors
    /// When a user cannot be read, or the store fails; the rest is settled later.
    pub async fn settle(&self) -> Result<usize, ReadError> {
        let unknown = self.store.to_settle(self.clock.now()).await?;
        let mut settled = 0;
        for intent in unknown {
            let asked = self.clock.now();
            let Some(news) = self.read(self.graph.user(intent.user)).await else { break };
            let news = match news {
                Ok(news) => news,
                Err(error) => {
                    let wait = error.retry_after().unwrap_or(self.work.retry_first);
                    self.store.settle_later(intent.id, later(asked, wait)).await?;
                    return Err(error.into());
                }
            };
            self.store.absorb_user(news, asked, self.clock.now()).await?;
            let name = intent.name.clone();
            let seen = self.store.settle(intent, &self.config, self.clock.now()).await?;
            let visible = seen == LicenseOutcome::Visible;
            Event::WriteSettled { name, visible }.emit();
            settled += 1;
        }
        Ok(settled)
    }

    /// Reads accepted licenses back. Whether they work is judged with everything else.
    ///
    /// # Errors
    /// When a user cannot be read, or the store fails; the rest is read back later.
    pub async fn confirm(&self) -> Result<usize, ReadError> {
        let due = self.store.to_confirm(AT_ONCE, self.clock.now()).await?;
        let mut read = 0;
        for confirmation in due {
            let asked = self.clock.now();
            let Some(news) = self.read(self.graph.user(confirmation.user)).await else { break };
            let news = news?;
            let now = self.clock.now();
            self.store.absorb_user(news, asked, now).await?;
            self.store.confirm_later(confirmation, next_confirmation(confirmation.accepted, now)).await?;
            read += 1;
        }
        Ok(read)
    }
}
