//! Reading what became of writes: after an unknown outcome, and until an accepted license is seen to work. Reads go by
//! twenty, as writes do.

use super::round::Hand;
use crate::clock::later;
use crate::decide::next_confirmation;
use crate::observe::Event;
use crate::store::{Settled, StoreError};
use crate::tenant::{BATCH, TenantError};

/// Licenses that are read back in one turn.
const AT_ONCE: u32 = 200;

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
    /// When users cannot be read, or the store fails; the rest is settled later.
    pub async fn settle(&self) -> Result<usize, ReadError> {
        let unknown = self.store.to_settle(self.clock.now()).await?;
        let mut settled = 0;
        for intents in unknown.chunks(BATCH) {
            self.pulse.works();
            let asked = self.clock.now();
            let users: Vec<_> = intents.iter().map(|intent| intent.user).collect();
            let Some(read) = self.read(self.graph.users(&users)).await else { break };
            let mut trouble = read.as_ref().err().cloned();
            let read = read.unwrap_or_else(|error| vec![Err(error); intents.len()]);
            for (intent, news) in intents.iter().zip(read) {
                match news {
                    Ok(news) => {
                        self.store.absorb_user(news, asked, self.clock.now()).await?;
                        let seen = self.store.settle(intent.clone(), &self.config, self.clock.now()).await?;
                        let (name, visible) = (intent.name.clone(), seen == Settled::Visible);
                        Event::WriteSettled { name, visible }.emit();
                        settled += 1;
                    }
                    Err(error) => {
                        let wait = error.retry_after().unwrap_or(self.work.retry_first);
                        self.store.settle_later(intent.id, later(asked, wait)).await?;
                        trouble = trouble.or(Some(error));
                    }
                }
            }
            if let Some(error) = trouble {
                return Err(error.into());
            }
        }
        Ok(settled)
    }

    /// Reads accepted licenses back that no feed has shown yet. Whether they work is judged with everything else.
    ///
    /// # Errors
    /// When users cannot be read, or the store fails; the rest is read back later.
    pub async fn confirm(&self) -> Result<usize, ReadError> {
        let due = self.store.to_confirm(AT_ONCE, self.work.confirm_after, self.clock.now()).await?;
        let mut read = 0;
        for confirmations in due.chunks(BATCH) {
            self.pulse.works();
            let asked = self.clock.now();
            let users: Vec<_> = confirmations.iter().map(|confirmation| confirmation.user).collect();
            let Some(users) = self.read(self.graph.users(&users)).await else { break };
            for (confirmation, news) in confirmations.iter().zip(users?) {
                let now = self.clock.now();
                self.store.absorb_user(news?, asked, now).await?;
                let next = next_confirmation(confirmation.accepted, self.work.confirm_after, now);
                self.store.confirm_later(*confirmation, next).await?;
                read += 1;
            }
        }
        Ok(read)
    }
}
