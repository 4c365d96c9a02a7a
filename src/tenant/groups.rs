//! Reading groups: all members of one, which give licenses, and which a user is in.
//!
//! "Get group", "List group transitive members", "List groups" and "List a user's direct memberships" of Microsoft Graph v1.0.
//! A group's members are believed only when they were followed to the last page: half of them would look like a group that
//! people left.

use std::collections::{BTreeMap, BTreeSet};

use super::error::TenantError;
use super::wire::{self, GroupItem};
use super::{Fetched, Graph, http};
use crate::model::group::{GroupReading, LicensingGroup};
use crate::model::identity::{GroupId, SkuId, UserId};

/// A member of more groups than this is not looked up: nobody is.
const MOST_GROUPS: usize = 999;

/// `visibility` of a group whose members only those with Member.Read.Hidden see.
const HIDDEN: &str = "HiddenMembership";

impl Graph {
    /// A group and all users in it and in the groups within it (`transitiveMembers`, which flattens them and knows circles),
    /// read to its end. `on_page` is told how many were read so far.
    ///
    /// Whether hidden members are refused or left out without `Member.Read.Hidden` is not documented: a group that hides its
    /// members and shows none counts as [`GroupReading::Hidden`].
    pub async fn group(&self, id: GroupId, on_page: impl Fn(usize)) -> Result<GroupReading, TenantError> {
        let fetched = self.get(&self.url(&format!("/groups/{id}?$select=id,displayName,visibility"))).await?;
        if !fetched.ok() {
            return if fetched.is_absent() { Ok(GroupReading::Missing) } else { Err(forbidden(fetched.failure())) };
        }
        let group = wire::group(&fetched.body).map_err(|reason| fetched.unreadable(reason))?;
        if GroupId::from(group.id) != id {
            return Err(fetched.unreadable("it is about another group"));
        }
        let name = group.name.unwrap_or_else(|| id.to_string());
        let first = format!("/groups/{id}/transitiveMembers/microsoft.graph.user?$select=id&$top=999");
        let mut members = BTreeSet::new();
        self.pages(&first, |page| {
            members.extend(page.into_iter().map(|member| UserId::from(member.id)));
            on_page(members.len());
        })
        .await?;
        let hides = group.visibility.is_some_and(|visibility| visibility.eq_ignore_ascii_case(HIDDEN));
        Ok(if members.is_empty() && hides {
            GroupReading::Hidden { name }
        } else {
            GroupReading::Complete { name, members }
        })
    }

    /// The groups that give one of these products, with all they give. One request for each product: a listing of all groups
    /// would be many pages, and this filter needs no advanced query.
    pub async fn licensing_groups(&self, products: &BTreeSet<SkuId>) -> Result<Vec<LicensingGroup>, TenantError> {
        let mut found = BTreeMap::new();
        for sku in products {
            let first = format!(
                "/groups?$filter=assignedLicenses/any(x:x/skuId%20eq%20{sku})&$select=id,displayName,assignedLicenses&$top=999"
            );
            self.pages(&first, |page| found.extend(page.into_iter().map(licensing).map(|group| (group.id, group))))
                .await?;
        }
        Ok(found.into_values().collect())
    }

    /// The groups that up to [`super::BATCH`] users are in directly: group-based licensing gives a nested group's members
    /// nothing. In the order asked for; `Ok(None)` is a user Graph does not know, or not yet.
    pub async fn groups_of(
        &self,
        users: &[UserId],
    ) -> Result<Vec<Result<Option<BTreeSet<GroupId>>, TenantError>>, TenantError> {
        let path =
            |user: &UserId| format!("/users/{user}/memberOf/microsoft.graph.group?$select=id&$top={MOST_GROUPS}");
        let answers = self.read_batch(&users.iter().map(path).collect::<Vec<_>>(), None).await.map_err(forbidden)?;
        Ok(answers.into_iter().map(|answer| direct_groups(&answer?)).collect())
    }

    async fn pages(&self, first: &str, mut take: impl FnMut(Vec<GroupItem>)) -> Result<(), TenantError> {
        let mut at = self.url(first);
        loop {
            let fetched = self.get(&at).await?;
            if !fetched.ok() {
                // What is gone now was there when the reading began.
                let expired = fetched.is_absent() || fetched.error().has("Directory_ExpiredPageToken");
                return Err(if expired { TenantError::ListingExpired } else { forbidden(fetched.failure()) });
            }
            let page = wire::groups(&fetched.body).map_err(|reason| fetched.unreadable(reason))?;
            take(page.items);
            match page.next {
                None => return Ok(()),
                Some(next) if !self.owns(&next) => return Err(TenantError::ForeignPage(http::host_of(&next))),
                Some(next) if next == at => return Err(fetched.unreadable("its next page is itself")),
                Some(next) => at = next,
            }
        }
    }
}

fn licensing(group: GroupItem) -> LicensingGroup {
    let name = group.name.unwrap_or_else(|| group.id.to_string());
    LicensingGroup { id: group.id.into(), name, licenses: group.licenses }
}

fn direct_groups(fetched: &Fetched) -> Result<Option<BTreeSet<GroupId>>, TenantError> {
    if fetched.is_absent() {
        return Ok(None);
    }
    if !fetched.ok() {
        return Err(forbidden(fetched.failure()));
    }
    let page = wire::groups(&fetched.body).map_err(|reason| fetched.unreadable(reason))?;
    match page.next {
        Some(_) => Err(fetched.unreadable(format!("a user is in more than {MOST_GROUPS} groups"))),
        None => Ok(Some(page.items.into_iter().map(|group| GroupId::from(group.id)).collect())),
    }
}

/// Groups have a permission of their own.
fn forbidden(error: TenantError) -> TenantError {
    match error {
        TenantError::Forbidden(detail) => TenantError::GroupsForbidden(detail),
        error => error,
    }
}
