//! Reading users: a complete listing, what changed since, and one at a time.
//!
//! "List users", "user: delta" and "Get a user" of Microsoft Graph v1.0. A reading is complete only when it was followed to its
//! last page: pages may be short or empty and still have a next one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::TenantError;
use super::wire::{self, USER_SELECT, Users};
use super::{Fetched, Graph, http};
use crate::model::identity::UserId;
use crate::model::user::{UserNews, UserPage};

/// Where the changes of users were last read to: opaque, and good for seven days.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeltaLink(String);

impl DeltaLink {
    /// Takes a link that was stored.
    #[must_use]
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeltaLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Graph {
    /// A link from which on changes are told, without telling what is there now (`$deltatoken=latest`).
    ///
    /// Taken *before* a listing, so that what changes while it runs is told afterwards.
    pub async fn delta_start(&self) -> Result<DeltaLink, TenantError> {
        let first = self.url(&format!("/users/delta?$select={USER_SELECT}&$deltatoken=latest"));
        let mut delta = self.follow(Reading::start(first));
        while delta.next_page().await?.is_some() {}
        delta.finish()
    }

    /// A listing of all users, to be read page by page.
    #[must_use]
    pub fn listing(&self) -> Listing {
        let first = self.url(&format!("/users?$top=999&$select={USER_SELECT}"));
        Listing { graph: self.clone(), reading: Reading::start(first) }
    }

    /// What changed since a link was given, to be read page by page.
    ///
    /// A link of another host (the configured address changed) is not followed: reading it says
    /// [`TenantError::ResyncRequired`].
    #[must_use]
    pub fn delta(&self, link: &DeltaLink) -> Delta {
        self.follow(Reading { stored: true, ..Reading::start(link.0.clone()) })
    }

    fn follow(&self, reading: Reading) -> Delta {
        Delta { graph: self.clone(), reading, link: None }
    }
}

impl Fetched {
    /// A single user, as read; `None` when Graph says that there is none.
    pub(super) fn user(&self, id: UserId) -> Result<Option<UserNews>, TenantError> {
        if self.ok() {
            let news = wire::user(&self.body).map_err(|reason| self.unreadable(reason))?;
            return if news.id == id { Ok(Some(news)) } else { Err(self.unreadable("it is about another user")) };
        }
        if self.is_absent() { Ok(None) } else { Err(self.failure()) }
    }
}

/// A listing under way.
#[derive(Debug)]
pub struct Listing {
    graph: Graph,
    reading: Reading,
}

impl Listing {
    /// The next page; `None` once the listing is complete.
    ///
    /// After an error the same page may be asked for again, except after [`TenantError::ListingExpired`], which asks for
    /// a new listing. A listing is no snapshot: a user may come twice.
    pub async fn next_page(&mut self) -> Result<Option<UserPage>, TenantError> {
        let Some((fetched, users)) = self.reading.page(&self.graph).await? else { return Ok(None) };
        self.reading.advance(&fetched, &self.graph, users.next)?;
        Ok(Some(users.page))
    }
}

/// A reading of changes under way.
#[derive(Debug)]
pub struct Delta {
    graph: Graph,
    reading: Reading,
    link: Option<DeltaLink>,
}

impl Delta {
    /// The next page; `None` once all changes are read. Changes may come more than once and out of order.
    ///
    /// After an error the same page may be asked for again, except after [`TenantError::ResyncRequired`], which asks for
    /// everything anew, and [`TenantError::ListingExpired`], which asks for this delta from its link on.
    pub async fn next_page(&mut self) -> Result<Option<UserPage>, TenantError> {
        let Some((fetched, users)) = self.reading.page(&self.graph).await? else { return Ok(None) };
        if users.next.is_none() {
            let link = users.delta.ok_or_else(|| fetched.unreadable("it has neither a next page nor a delta link"))?;
            if !self.graph.owns(&link) {
                return Err(TenantError::ForeignPage(http::host_of(&link)));
            }
            self.link = Some(DeltaLink(link));
        }
        self.reading.advance(&fetched, &self.graph, users.next)?;
        Ok(Some(users.page))
    }

    /// Where to go on next time. To be stored with, never before, what the pages brought; an error before the last page.
    pub fn finish(self) -> Result<DeltaLink, TenantError> {
        self.link.ok_or(TenantError::DeltaUnfinished)
    }
}

/// Where a reading of several pages stands.
#[derive(Debug)]
struct Reading {
    /// The page to fetch; `None` after the last.
    at: Option<String>,
    /// It begins with a link from the store.
    stored: bool,
    /// No page was read yet.
    first: bool,
}

impl Reading {
    fn start(url: String) -> Self {
        Self { at: Some(url), stored: false, first: true }
    }

    async fn page(&mut self, graph: &Graph) -> Result<Option<(Fetched, Users)>, TenantError> {
        let Some(url) = &self.at else { return Ok(None) };
        if self.stored && !graph.owns(url) {
            return Err(TenantError::ResyncRequired);
        }
        let fetched = graph.get(url).await?;
        if !fetched.ok() {
            return Err(self.broken_off(&fetched));
        }
        let users = wire::users(&fetched.body).map_err(|reason| fetched.unreadable(reason))?;
        Ok(Some((fetched, users)))
    }

    /// Goes to the next page, whose address is complete and sent as it is, but only to Graph.
    fn advance(&mut self, fetched: &Fetched, graph: &Graph, next: Option<String>) -> Result<(), TenantError> {
        if let Some(next) = &next {
            if !graph.owns(next) {
                return Err(TenantError::ForeignPage(http::host_of(next)));
            }
            if self.at.as_ref() == Some(next) {
                return Err(fetched.unreadable("its next page is itself"));
            }
        }
        self.at = next;
        self.first = false;
        Ok(())
    }

    fn broken_off(&self, fetched: &Fetched) -> TenantError {
        let error = fetched.error();
        let from_store = self.stored && self.first;
        if fetched.status == 410 || error.wants_resync() {
            // A listing has no state beyond its own pages.
            return if self.stored { TenantError::ResyncRequired } else { TenantError::ListingExpired };
        }
        let expired = error.has("Directory_ExpiredPageToken");
        // What Graph says of a delta token that it cannot read is not on record; being stuck with it would be worse than
        // reading everything once more.
        let about_token = fetched.status == 400 && error.text().contains("token");
        match (from_store, expired || about_token) {
            (true, true) => TenantError::ResyncRequired,
            (false, _) if expired => TenantError::ListingExpired,
            _ => fetched.failure(),
        }
    }
}
