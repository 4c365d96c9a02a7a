//! Work for one entitlement alone, for a command that holds the lease while no agent runs.

use super::work::Turn;
use super::{Agent, AgentError, is_fatal};
use crate::model::identity::{PersonId, SkuId};

impl Agent {
    /// Reads both sides and judges everyone about whom there is news, as a turn does before it writes.
    ///
    /// # Errors
    /// When either side cannot be read, or the store fails.
    pub async fn catch_up(&self) -> Result<(), AgentError> {
        let (directory, tenant) = tokio::join!(self.directories_once(), self.tenant_once());
        directory?;
        tenant?;
        // A group that cannot be read makes its rules unusable, which is said of whomever they mean.
        match self.groups_once().await {
            Err(error) if is_fatal(&error) => return Err(error),
            _ => {}
        }
        self.judge_all(&mut Turn::default()).await?;
        Ok(())
    }

    /// One turn of work in which nothing but this product for this person is written, whatever the mode: under the guard, with
    /// intent and audit, and not while paused or halted. It waits for no group that may give it. What became of earlier writes is read for everyone.
    ///
    /// # Errors
    /// As a turn of work.
    pub async fn turn_for(&self, person: PersonId, sku: SkuId) -> Result<Turn, AgentError> {
        let mut turn = Turn { acquainted: self.judge_all(&mut Turn::default()).await?, ..Turn::default() };
        if turn.acquainted && self.grace().is_some() {
            self.store.expect_no_longer(person, sku, &self.settings.digest, self.clock.now()).await?;
        }
        if turn.acquainted && self.store.halted(self.clock.now()).await?.is_none() {
            self.act(&mut turn, Some((person, sku))).await?;
        }
        Ok(turn)
    }
}
