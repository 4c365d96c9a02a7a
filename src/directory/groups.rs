//! Groups: where one is, and who is in it, range by range to its true end.
//!
//! `member` of a large group comes in parts (MaxValRange, MS-ADTS 3.1.1.3.1.3.3). Their order holds only while the group is not
//! written, and somebody who is deleted leaves without a write. So each part begins with the last value of the one before, and
//! the group must be the same at the end as it was at the beginning.

use std::collections::BTreeSet;

use ldap3::controls::{MakeCritical as _, PagedResults, RawControl};
use ldap3::{Scope, ldap_escape};

use super::dc::{ANY, Dc};
use super::entry::shown;
use super::error::{DirectoryError, Step};
use super::raw::Raw;
use super::search::{DOMAIN_SCOPE, PAGE_SIZE, PAGED, bare, cookie};
use super::wire::Ask;
use crate::model::group::{Found, GroupNode, Member};
use crate::model::identity::{ObjectGuid, Sid};
use crate::model::rule::Dn;

/// Extended DNs (MS-ADTS 3.1.1.3.4.1.5): each DN with the object's GUID and SID before it.
const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";
/// `SEQUENCE { INTEGER 1 }`: GUIDs and SIDs as text, not in hex.
const AS_TEXT: [u8; 5] = [0x30, 3, 2, 1, 1];
/// Values asked for at once: what MaxValRange allows by default.
const RANGE: usize = 1500;
/// A group that is written to while it is read is begun anew until it was tried this many times.
const READINGS: usize = 4;
/// Below this container stand those of other forests who are members here (MS-ADTS 6.1.1.4.12).
const FOREIGNERS: &str = "foreignsecurityprincipals";

/// One step of reading a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walked {
    /// Some of its members.
    Members(Vec<Member>),
    /// That was all. The groups among the members, of the same domain.
    End {
        /// The group.
        group: GroupNode,
        /// Those within it.
        within: Vec<GroupNode>,
    },
    /// It changed while it was read: what was met says nothing.
    Changed,
    /// It is not there, or cannot be seen.
    Absent,
}

/// A group being read.
pub struct Walk<'a> {
    dc: &'a mut Dc,
    guid: ObjectGuid,
    group: Option<GroupNode>,
    /// How many values were met, and the last of them.
    met: usize,
    last: Option<Vec<u8>>,
    complete: bool,
}

impl Dc {
    /// Looks for a group at a DN.
    ///
    /// # Errors
    /// When the controller does not answer, or not so that something could be concluded.
    pub async fn find_group(&mut self, dn: &Dn) -> Result<Found, DirectoryError> {
        self.look_at(&dn.to_string()).await
    }

    /// Looks for a group wherever in the domain it is.
    ///
    /// # Errors
    /// As [`Self::find_group`].
    pub async fn group(&mut self, guid: ObjectGuid) -> Result<Found, DirectoryError> {
        self.look_at(&format!("<GUID={guid}>")).await
    }

    /// Starts reading who is in a group.
    #[must_use]
    pub fn walk(&mut self, guid: ObjectGuid) -> Walk<'_> {
        Walk { dc: self, guid, group: None, met: 0, last: None, complete: false }
    }

    /// Everyone in these groups: their members and those of the groups of this domain within them, and those for whom one of
    /// them is the primary group, which does not stand in `member` (MS-ADA3, primaryGroupID). Groups that were `met` already
    /// are left out.
    ///
    /// # Errors
    /// As [`Self::find_group`]; and when a group is written to again and again while it is read.
    pub async fn everyone_in(
        &mut self,
        groups: Vec<GroupNode>,
        met: &mut BTreeSet<ObjectGuid>,
    ) -> Result<Vec<Member>, DirectoryError> {
        let mut everyone = Vec::new();
        let mut due: Vec<_> = groups.into_iter().filter(|group| met.insert(group.guid)).collect();
        while let Some(group) = due.pop() {
            let (members, within) = self.read_group(&group).await?;
            everyone.extend(members);
            if let Some((_, rid)) = group.sid.as_ref().and_then(|sid| sid.as_str().rsplit_once('-')) {
                let whose = format!("(&(objectCategory=person)(primaryGroupID={rid}))");
                let found = self.objects(&whose, &Step::Group(group.dn.clone())).await?;
                everyone.extend(found.into_iter().map(|node| Member { guid: node.guid, foreign: None, domain: None }));
            }
            due.extend(within.into_iter().filter(|group| met.insert(group.guid)));
        }
        Ok(everyone)
    }

    /// The members of one group, and the groups of this domain among them.
    async fn read_group(&mut self, group: &GroupNode) -> Result<(Vec<Member>, Vec<GroupNode>), DirectoryError> {
        for _ in 0..READINGS {
            let (mut walk, mut met) = (self.walk(group.guid), Vec::new());
            loop {
                match walk.next().await? {
                    Walked::Members(members) => met.extend(members),
                    Walked::End { within, .. } => return Ok((met, within)),
                    Walked::Changed => break,
                    Walked::Absent => return Ok((Vec::new(), Vec::new())),
                }
            }
        }
        let what = "it was written to again and again while it was read";
        Err(self.wire.odd(Step::Group(group.dn.clone()), what))
    }

    async fn look_at(&mut self, base: &str) -> Result<Found, DirectoryError> {
        let step = Step::Group(base.to_owned());
        let Some(raw) = self.one(base, &step, Vec::new(), Vec::new()).await? else { return Ok(Found::Nothing) };
        let node = node(&raw).ok_or_else(|| self.wire.odd(step, "it has no readable objectGUID, uSNChanged or DN"))?;
        let group = raw.values("objectClass").iter().any(|class| class.eq_ignore_ascii_case(b"group"));
        Ok(if group { Found::Group(node) } else { Found::Other { guid: node.guid, dn: node.dn } })
    }

    /// Reads one object with what says which it is, and further attributes.
    async fn one(
        &mut self,
        base: &str,
        step: &Step,
        further: Vec<String>,
        controls: Vec<RawControl>,
    ) -> Result<Option<Raw>, DirectoryError> {
        let mut attributes = ["objectGUID", "objectSid", "objectClass", "uSNChanged"].map(str::to_owned).to_vec();
        attributes.extend(further);
        let mut found = None;
        let ask = Ask { base, scope: Scope::Base, filter: ANY, attributes, controls, step: step.clone() };
        let answer = self.wire.ask(ask, |tag| {
            found = Some(Raw::read(tag).map_err(|error| error.to_string())?);
            Ok(())
        });
        match answer.await {
            // Not there; in another domain by now; no DN that a controller understands.
            Ok(_) | Err(DirectoryError::Answer { code: 10 | 32 | 34, .. }) => Ok(found),
            Err(error) => Err(error),
        }
    }

    /// The groups of this domain that are members of the group at this DN.
    async fn groups_within(&mut self, dn: &str) -> Result<Vec<GroupNode>, DirectoryError> {
        let filter = format!("(&(objectClass=group)(memberOf={}))", ldap_escape(dn));
        self.objects(&filter, &Step::Group(dn.to_owned())).await
    }

    /// What each object of this domain that matches a filter is.
    async fn objects(&mut self, filter: &str, step: &Step) -> Result<Vec<GroupNode>, DirectoryError> {
        let (mut within, mut at) = (Vec::new(), Vec::new());
        loop {
            let paged = PagedResults { size: PAGE_SIZE, cookie: std::mem::take(&mut at) };
            let mut controls: Vec<RawControl> = vec![paged.critical().into()];
            controls.extend(self.controls.contains(DOMAIN_SCOPE).then(|| bare(DOMAIN_SCOPE)));
            let ask = Ask {
                base: &self.domain,
                scope: Scope::Subtree,
                filter,
                attributes: ["objectGUID", "objectSid", "uSNChanged"].map(str::to_owned).to_vec(),
                controls,
                step: step.clone(),
            };
            let answer = self.wire.ask(ask, |tag| {
                let raw = Raw::read(tag).map_err(|error| error.to_string())?;
                within.push(node(&raw).ok_or("an object has no readable objectGUID, uSNChanged or DN")?);
                Ok(())
            });
            let result = answer.await?;
            let control = result.ctrls.iter().find(|control| control.1.ctype == PAGED);
            let next = control.and_then(|control| cookie(control.1.val.as_deref()?));
            at =
                next.ok_or_else(|| self.wire.odd(step.clone(), "the answer does not say whether more pages follow"))?;
            if at.is_empty() {
                return Ok(within);
            }
        }
    }
}

impl Walk<'_> {
    /// The next step. After any but [`Walked::Members`] the reading is over.
    ///
    /// # Errors
    /// When the controller does not answer, or not so that something could be concluded. Then nothing may be concluded from
    /// what was met.
    pub async fn next(&mut self) -> Result<Walked, DirectoryError> {
        let base = format!("<GUID={}>", self.guid);
        let step = Step::Group(self.group.as_ref().map_or_else(|| base.clone(), |group| group.dn.clone()));
        if self.complete {
            return self.end(step).await;
        }
        if !self.dc.controls.contains(EXTENDED_DN) {
            return Err(self.dc.wire.odd(step, "the controller does not know the control for extended DNs"));
        }
        let low = self.met.saturating_sub(1);
        let wanted = format!("member;range={low}-{}", low + RANGE - 1);
        let control = RawControl { ctype: EXTENDED_DN.to_owned(), crit: true, val: Some(AS_TEXT.to_vec()) };
        let raw = match self.dc.one(&base, &step, vec![wanted], vec![control]).await {
            // Beyond the last value (Windows; Samba sends none): somebody left meanwhile.
            Err(DirectoryError::Answer { code: 1, .. }) if self.met > 0 => return Ok(Walked::Changed),
            answer => answer?,
        };
        let Some(raw) = raw else { return Ok(Walked::Absent) };
        let read = node(&raw).ok_or_else(|| self.dc.wire.odd(step.clone(), "it has no readable objectGUID or DN"))?;
        if self.group.as_ref().is_some_and(|group| *group != read) {
            return Ok(Walked::Changed);
        }
        self.group = Some(read);
        let mut values = raw.values("member");
        if self.met > 0 {
            match values.split_first() {
                Some((first, rest)) if self.last.as_ref() == Some(first) => values = rest,
                _ => return Ok(Walked::Changed),
            }
        }
        self.complete = !raw.partial.contains("member");
        if values.is_empty() && !self.complete {
            return Err(self.dc.wire.odd(step, "it sends no members and says that there are more"));
        }
        self.met += values.len();
        self.last = values.last().cloned().or(self.last.take());
        let home = Dn::parse(&self.dc.domain).and_then(|root| root.domain());
        let read = |value: &Vec<u8>| {
            member(value, home.as_deref())
                .ok_or_else(|| self.dc.wire.odd(step.clone(), format!("a member cannot be read: \"{}\"", shown(value))))
        };
        Ok(Walked::Members(values.iter().map(read).collect::<Result<_, _>>()?))
    }

    async fn end(&mut self, step: Step) -> Result<Walked, DirectoryError> {
        let Some(group) = self.group.take() else { return Ok(Walked::Absent) };
        let within = self.dc.groups_within(&group.dn).await?;
        let now = self.dc.one(&format!("<GUID={}>", self.guid), &step, Vec::new(), Vec::new()).await?;
        match now.as_ref().and_then(node) {
            Some(now) if now == group => Ok(Walked::End { group, within }),
            _ => Ok(Walked::Changed),
        }
    }
}

impl DirectoryError {
    /// Whether an object was answered for, and not so that it could be read: the controller works all the same.
    #[must_use]
    pub fn is_about_the_object(&self) -> bool {
        // 51 busy, 52 unavailable (RFC 4511, A.2).
        matches!(self, Self::Odd { .. } | Self::Answer { .. }) && !matches!(self, Self::Answer { code: 51 | 52, .. })
    }
}

/// What an entry says it is.
fn node(raw: &Raw) -> Option<GroupNode> {
    let guid = match raw.values("objectGUID") {
        [value] => ObjectGuid::from_wire(value)?,
        _ => return None,
    };
    let sid = raw.values("objectSid").first().and_then(|value| Sid::from_wire(value));
    let usn_changed = raw.text("uSNChanged")?.parse().ok()?;
    let (_, dn) = extended(std::str::from_utf8(&raw.dn).ok()?);
    Some(GroupNode { guid, dn: dn.to_owned(), sid, usn_changed })
}

/// What stands before an extended DN, and the DN itself.
fn extended(text: &str) -> (Vec<(&str, &str)>, &str) {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((part, after)) = rest.strip_prefix('<').and_then(|inner| inner.split_once(">;")) {
        parts.extend(part.split_once('='));
        rest = after;
    }
    (parts, rest)
}

/// `<GUID=…>;<SID=…>;CN=…`, the SID only where the object has one. `home` is the group's domain.
fn member(value: &[u8], home: Option<&str>) -> Option<Member> {
    let (parts, dn) = extended(std::str::from_utf8(value).ok()?);
    let part = |name: &str| parts.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    let guid = part("GUID")?.parse().ok()?;
    let dn = Dn::parse(dn)?;
    let stands_in = dn.parent().is_some_and(|parent| parent.name() == FOREIGNERS);
    let foreign = part("SID").filter(|_| stands_in).map(Sid::from_text);
    let domain = dn.domain().filter(|domain| home.is_some_and(|home| home != domain));
    Some(Member { guid, foreign, domain })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_member_is_known_by_its_guid_and_a_foreigner_by_its_sid() {
        let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let read = |text: &str| {
            let member = member(text.as_bytes(), Some("corp"))?;
            Some((member.guid.to_string(), member.foreign, member.domain))
        };
        let own = (guid.to_owned(), None, None);
        for (text, expected) in [
            (format!("<GUID={guid}>;<SID=S-1-5-21-1-2-3-1104>;CN=Ada,OU=Staff,DC=corp"), Some(own.clone())),
            (format!(r"<GUID={guid}>;CN=Last\, First \<x\>;y,DC=corp"), Some(own)),
            (
                format!(
                    "<GUID={guid}>;<SID=S-1-5-21-9-9-9-7>;CN=S-1-5-21-9-9-9-7,CN=ForeignSecurityPrincipals,DC=corp"
                ),
                Some((guid.to_owned(), Some(Sid::from_text("S-1-5-21-9-9-9-7")), None)),
            ),
            (
                format!("<GUID={guid}>;<SID=S-1-5-21-4-5-6-1104>;CN=Inner,CN=Users,DC=Sales,DC=corp"),
                Some((guid.to_owned(), None, Some("sales.corp".to_owned()))),
            ),
            ("CN=Ada,OU=Staff,DC=corp".to_owned(), None),
            (format!("<GUID={guid}>"), None),
            ("<GUID=e0042>;CN=Ada,DC=corp".to_owned(), None),
        ] {
            assert_eq!(read(&text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in proptest::collection::vec(any::<u8>(), 0..64), text in "(<(GUID|SID)=.{0,9}>;?){0,3}.{0,20}") {
            let _ = (member(&value, None), member(text.as_bytes(), Some("corp")));
        }
    }
}
