//! What the operator wants: who gets which product, with which plans.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
pub use super::dn::Dn;
use super::filter::Filter;
use super::group::{GroupsOf, ScopeGroup};
use super::identity::GroupId;
use super::location::UsageLocation;
use super::user::User;

/// What stands in the place of a rule's id where an operator assigned a product by hand. No rule can be called so.
pub const BY_HAND: &str = "(by hand)";

/// One `[[license]]` of the configuration, as written; `decide/bind` ties it to what the tenant has bought.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Stable name, chosen by the operator.
    pub id: Arc<str>,
    /// Part number or id of the product.
    pub sku: String,
    /// Which of its plans are on.
    pub plans: Plans,
    /// Whoever has one of these plans from whatever source needs no license. `None`: the product's Intune plan, unless the
    /// rule turns that off.
    pub unless_has_plan: Option<Vec<String>>,
    /// Whom it is about.
    pub who: Who,
    /// Nobody before the account matches this, too: what other systems write when they are done with it.
    pub ready: Option<Filter>,
    /// Accounts and users that are disabled, or whose account has expired, are given it like others.
    pub include_disabled: bool,
    /// How long the license is put off once someone is to be given it.
    pub delay: Duration,
    /// What happens to those who hold the product directly with other plans.
    pub adopt: Adopt,
    /// What happens to the license of those whom the rule no longer means.
    pub on_leave: OnLeave,
    /// The usage location of those for whom no source has one, instead of the default for all.
    pub usage_location: Option<UsageLocation>,
    /// Seats of the product that this rule leaves to others.
    pub keep_free: u32,
    /// Where two rules want one product, or a seat is short, the smaller number goes first.
    pub priority: i32,
    /// Digest of all of the above and of what is read of the directory: tells an edit of the configuration from an event.
    pub digest: Arc<str>,
}

/// Which plans of its product a rule turns on; names or ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plans {
    /// All but these.
    AllBut(Vec<String>),
    /// These alone.
    Only(Vec<String>),
}

/// What a rule does about a direct license with other plans than it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopt {
    /// It stays.
    Leave,
    /// The plans that the rule names are turned off (or on, where it names those that are on); all others stay.
    Merge,
    /// The plans become those of the rule.
    Enforce,
}

/// What a rule does about the license of someone whom it no longer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLeave {
    /// It stays.
    Keep,
    /// It is taken back.
    Reclaim {
        /// After so long; who returns meanwhile keeps it.
        grace: Duration,
        /// Not only what we gave: any direct license of the product.
        any_direct: bool,
    },
}

/// Whom a rule is about: among synced, enabled, known persons, and with [`Who::CloudDomain`] users who were never synced.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// Everyone within the bases.
    Everyone,
    /// Everyone below this DN.
    Ou(Dn),
    /// Everyone whose stored attributes match.
    Filter(Filter),
    /// Every member of this group of the directory, and of the groups within it. The DN only says which group was meant when
    /// it was first found.
    Group(Dn),
    /// Every member of this group of the tenant, and of the groups within it.
    EntraGroup(GroupId),
    /// Users who never came from a directory, with a user principal name in this domain, in lower case.
    CloudDomain(String),
    /// At least one of these.
    Any(Vec<Who>),
    /// Each of these.
    All(Vec<Who>),
    /// Everyone else.
    Not(Box<Who>),
}

/// Of whom it is asked whether a rule means them.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The account that speaks for the person; `None` for a user who never came from a directory.
    pub account: Option<&'a Account>,
    /// Where that account stands, taken apart once for all rules; `None` when its DN cannot be.
    pub place: Option<&'a Dn>,
    /// The user, once there is one.
    pub user: Option<&'a User>,
    /// The groups that rules name and the user is in.
    pub groups: GroupsOf<'a>,
}

impl Who {
    /// Whether the subject is meant. A filter that cannot be answered (an attribute that is missing where it matters) means
    /// no, as it does on a domain controller. A user without account is meant only by a rule that names the user's domain.
    #[must_use]
    pub fn includes(&self, subject: &Subject<'_>) -> bool {
        self.is_about(subject) && self.judge(subject) == Some(true)
    }

    /// Whether the subject is meant, wherever it came from: a user without account by the groups it is in, too.
    #[must_use]
    pub fn covers(&self, subject: &Subject<'_>) -> bool {
        self.judge(subject) == Some(true)
    }

    /// Whether the rule is about such subjects at all: those with an account, and users of a domain that it names.
    #[must_use]
    pub fn is_about(&self, subject: &Subject<'_>) -> bool {
        subject.account.is_some() || self.names_domain_of(subject)
    }

    /// Three-valued, so that `not` of an undefined filter does not become true (RFC 4511, 4.5.1.7). What asks for an account
    /// is undefined where there is none.
    fn judge(&self, subject: &Subject<'_>) -> Option<bool> {
        match self {
            Self::Everyone => subject.account.map(|_| true),
            Self::Ou(base) => subject.account.map(|_| subject.place.is_some_and(|dn| dn.is_within(base))),
            Self::Filter(filter) => matches(filter, subject.account?),
            Self::Group(group) => Some(subject.groups.has_directory(group)),
            Self::EntraGroup(group) => Some(subject.groups.has_tenant(*group)),
            Self::CloudDomain(domain) => Some(subject.account.is_none() && is_of(subject.user, domain)),
            Self::Any(parts) => any_of(parts.iter().map(|part| part.judge(subject))),
            Self::All(parts) => {
                any_of(parts.iter().map(|part| part.judge(subject).map(|answer| !answer))).map(|any| !any)
            }
            Self::Not(part) => part.judge(subject).map(|answer| !answer),
        }
    }

    /// Whether accounts alone do not answer it: it asks for groups, or for users who have no account.
    #[must_use]
    pub fn asks_beyond_accounts(&self) -> bool {
        match self {
            Self::Everyone | Self::Ou(_) | Self::Filter(_) => false,
            Self::Group(_) | Self::EntraGroup(_) | Self::CloudDomain(_) => true,
            Self::Any(parts) | Self::All(parts) => parts.iter().any(Self::asks_beyond_accounts),
            Self::Not(part) => part.asks_beyond_accounts(),
        }
    }

    fn names_domain_of(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::CloudDomain(domain) => is_of(subject.user, domain),
            Self::Any(parts) | Self::All(parts) => parts.iter().any(|part| part.names_domain_of(subject)),
            Self::Everyone | Self::Ou(_) | Self::Filter(_) | Self::Group(_) | Self::EntraGroup(_) | Self::Not(_) => {
                false
            }
        }
    }

    /// The attributes, in lower case, that must be read to answer.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<String> {
        match self {
            Self::Everyone | Self::Ou(_) | Self::EntraGroup(_) | Self::CloudDomain(_) => BTreeSet::new(),
            Self::Filter(filter) => filter.attributes(),
            // Whose primary group it is does not stand in its `member` (MS-ADA3, primaryGroupID).
            Self::Group(_) => BTreeSet::from(["primarygroupid".to_owned()]),
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::attributes).collect(),
            Self::Not(part) => part.attributes(),
        }
    }

    /// The conditions within it that ask the directory, in the order in which they are written.
    #[must_use]
    pub fn clauses(&self) -> Vec<Clause<'_>> {
        match self {
            Self::Everyone | Self::Group(_) | Self::EntraGroup(_) | Self::CloudDomain(_) => Vec::new(),
            Self::Ou(dn) => vec![Clause::Ou(dn)],
            Self::Filter(filter) => vec![Clause::Filter(filter)],
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::clauses).collect(),
            Self::Not(part) => part.clauses(),
        }
    }

    /// The groups whose members must be known to answer.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<ScopeGroup> {
        match self {
            Self::Everyone | Self::Ou(_) | Self::Filter(_) | Self::CloudDomain(_) => BTreeSet::new(),
            Self::Group(group) => BTreeSet::from([ScopeGroup::Directory(group.clone())]),
            Self::EntraGroup(group) => BTreeSet::from([ScopeGroup::Tenant(*group)]),
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::groups).collect(),
            Self::Not(part) => part.groups(),
        }
    }
}

impl Who {
    /// Whether [`Self::groups`] has this one.
    #[must_use]
    pub fn names(&self, group: &ScopeGroup) -> bool {
        match self {
            Self::Everyone | Self::Ou(_) | Self::Filter(_) | Self::CloudDomain(_) => false,
            Self::Group(dn) => matches!(group, ScopeGroup::Directory(of) if of == dn),
            Self::EntraGroup(id) => matches!(group, ScopeGroup::Tenant(of) if of == id),
            Self::Any(parts) | Self::All(parts) => parts.iter().any(|part| part.names(group)),
            Self::Not(part) => part.names(group),
        }
    }
}

/// Whether the stored attributes of an account match; `None` when that is undefined.
fn matches(filter: &Filter, account: &Account) -> Option<bool> {
    filter.matches(&|name| account.attributes.get(name).map_or(&[], Vec::as_slice))
}

/// Whether a user's name lies in that domain.
fn is_of(user: Option<&User>, domain: &str) -> bool {
    let name = user.and_then(|user| user.upn.as_deref());
    name.and_then(|name| name.rsplit_once('@')).is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain))
}

impl Rule {
    /// Whether the rule means the subject and, where it asks for that, the account is ready.
    #[must_use]
    pub fn means(&self, subject: &Subject<'_>) -> bool {
        self.who.includes(subject) && self.is_ready(subject)
    }

    /// Whether the account is ready.
    #[must_use]
    pub fn is_ready(&self, subject: &Subject<'_>) -> bool {
        let Some(ready) = &self.ready else { return true };
        subject.account.is_some_and(|account| matches(ready, account) == Some(true))
    }

    /// The attributes, in lower case, that must be read of an account to judge it.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<String> {
        self.who.attributes().into_iter().chain(self.ready.iter().flat_map(Filter::attributes)).collect()
    }
}

/// One condition of a rule that a domain controller can be asked about by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clause<'a> {
    /// `ou`.
    Ou(&'a Dn),
    /// `filter`.
    Filter(&'a Filter),
}

impl fmt::Display for Clause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ou(dn) => write!(f, "ou {dn}"),
            Self::Filter(filter) => write!(f, "filter {filter}"),
        }
    }
}

/// Or of three-valued answers: true wins, then undefined.
pub(super) fn any_of(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut any = Some(false);
    for answer in answers {
        match answer {
            Some(true) => return Some(true),
            Some(false) => {}
            None => any = None,
        }
    }
    any
}
