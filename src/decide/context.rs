//! What decisions are made with.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::bind::BoundRule;
use crate::model::group::LicensingGroup;
use crate::model::identity::GroupId;
use crate::model::judgement::Contact;
use crate::model::license::Catalog;
use crate::model::matches::RuleSet;
use crate::model::rule::{Dn, Who};
use crate::model::settings::{Existing, LocationSettings};

/// What is the same for everyone in one pass of judging.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Rules, tied to the tenant's products.
    pub rules: &'a [BoundRule],
    /// The ids and digests of these rules.
    pub rule_set: RuleSet,
    /// What the tenant has bought.
    pub catalog: &'a Catalog,
    /// How a location is found.
    pub location: &'a LocationSettings,
    /// Digest of what is read of the directory.
    pub coverage: &'a str,
    /// Below which DNs the directory is read.
    pub bases: &'a [Dn],
    /// When we first met this tenant.
    pub contact: Contact,
    /// Whom nothing is done about.
    pub protected: &'a [Who],
    /// What happens to those who were there before.
    pub existing: Existing,
    /// The licenses that groups are to give, where they are waited for.
    pub expecting: Option<Expecting<'a>>,
    /// Tolerated difference of clocks.
    pub clock_skew: SignedDuration,
    /// Now.
    pub now: Timestamp,
}

/// What groups are to give, and how long that is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Expecting<'a> {
    /// How long.
    pub grace: SignedDuration,
    /// The groups that give a product of interest; `None` while they were never listed.
    pub groups: Option<&'a BTreeMap<GroupId, LicensingGroup>>,
}
