//! The people of the domain: made up from the seed, and whoever a scenario adds.

use super::names::{COUNTRIES, DEPARTMENTS, Person, plain};
use super::object::{Packed, Packer};
use super::schema::{Attribute, Class};
use super::{Guid, NewAccount, World, WorldError, filetime, now};

/// userAccountControl of an ordinary account, and the bits added to it.
const NORMAL: u32 = 512;
const DISABLED: u32 = 2;
const PASSWORD_DOES_NOT_EXPIRE: u32 = 65_536;

/// accountExpires of an account that never does, as newer tools write it.
const NEVER: i64 = i64::MAX;

const DAY: i64 = 86_400;

impl World {
    /// Adds the service account, a few computers and groups, and that many people.
    pub fn populate(&mut self, accounts: usize) -> Result<(), WorldError> {
        self.add_service_account()?;
        for number in 1..=5 {
            self.add_computer(&format!("PC{number:03}"));
        }
        let mut people = Vec::with_capacity(accounts.min(100));
        for number in 0..accounts {
            let guid = self.settle(number)?;
            if people.len() < 100 {
                people.push(guid);
            }
        }
        self.add_groups(&people)
    }

    /// Creates an account as an administrator would now.
    pub fn create_account(&mut self, dc: usize, new: &NewAccount) -> Result<Guid, WorldError> {
        let number = self.ids.len();
        let country = COUNTRIES[self.rng.usize(..COUNTRIES.len())];
        let mut draft = Draft::of(Person::numbered(number), number, &self.domain.dns);
        if let Some(name) = &new.name {
            draft.name = name.clone();
            draft.display = name.clone();
        }
        draft.sam = new.sam.clone().unwrap_or(draft.sam);
        draft.upn = new.upn.clone().unwrap_or(draft.upn);
        draft.mail = new.mail.clone().unwrap_or(draft.mail);
        draft.control = if new.disabled { NORMAL | DISABLED } else { NORMAL };
        draft.country = match new.c.as_deref() {
            None => Some((country.0.to_owned(), country.1, country.2)),
            Some("") => None,
            Some(c) => Some(known_country(c)),
        };
        let parent = self.organizational_unit(dc, new.ou.as_deref().unwrap_or("Staff"))?;
        if self.id_of_sam(dc, &draft.sam).is_some() {
            return Err(WorldError::AlreadyExists(draft.sam));
        }
        let values = new.changes.iter().try_fold(draft.pack(), |values, change| self.changed(&values, change))?;
        let mut object = self.plain(Class::User, Some(parent), &draft.name);
        object.rid = Some(self.new_rid());
        object.values = values;
        self.create(dc, object)
    }

    /// One of the people who were there before: created years ago, mostly known to the tenant already.
    fn settle(&mut self, number: usize) -> Result<Guid, WorldError> {
        let mut draft = Draft::of(Person::numbered(number), number, &self.domain.dns);
        let (home, created, country) =
            (self.rng.u8(..100), now() - DAY * self.rng.i64(30..3_000), self.rng.usize(..COUNTRIES.len() + 1));
        let ou = match home {
            0..80 => "Staff",
            80..95 => "Contractors",
            _ => "Service",
        };
        draft.department = Some(DEPARTMENTS[number % DEPARTMENTS.len()]);
        draft.control = if self.rng.u8(..100) < 6 { NORMAL | DISABLED } else { NORMAL };
        draft.country = COUNTRIES.get(country).map(|(c, co, code)| ((*c).to_owned(), *co, *code));
        draft.password_set = created;
        draft.logon = Some(created + DAY);
        draft.expires = match (ou, self.rng.u8(..100)) {
            ("Contractors", 0..50) => filetime(now() + DAY * 365),
            ("Contractors", 50..55) => filetime(now() - DAY),
            (_, 0..30) => 0,
            _ => NEVER,
        };
        let parent = self.organizational_unit(0, ou)?;
        let mut object = self.plain(Class::User, Some(parent), &draft.name);
        draft.anchor = (self.rng.u8(..100) < 66).then(|| object.guid.to_bytes_le());
        object.rid = Some(self.new_rid());
        object.when_created = created;
        object.values = draft.pack();
        let guid = object.guid;
        self.insert(0, object);
        Ok(guid)
    }

    fn add_service_account(&mut self) -> Result<(), WorldError> {
        let parent = self.organizational_unit(0, "Service")?;
        let mut object = self.plain(Class::User, Some(parent), "svc");
        let mut packer = Packer::default();
        packer.text(Attribute::SamAccountName, "svc");
        packer.text(Attribute::UserPrincipalName, &format!("svc@{}", self.domain.dns));
        packer.text(Attribute::DisplayName, "svc");
        packer.text(Attribute::Description, "Reads the directory");
        packer.number(Attribute::UserAccountControl, i64::from(NORMAL | PASSWORD_DOES_NOT_EXPIRE));
        packer.number(Attribute::AccountExpires, 0);
        packer.number(Attribute::PwdLastSet, filetime(now()));
        object.rid = Some(self.new_rid());
        object.values = packer.finish();
        self.insert(0, object);
        Ok(())
    }

    fn add_computer(&mut self, name: &str) {
        let mut object = self.plain(Class::Computer, Some(self.landmarks.computers), name);
        let mut packer = Packer::default();
        packer.text(Attribute::SamAccountName, &format!("{name}$"));
        packer.text(Attribute::DnsHostName, &format!("{}.{}", name.to_lowercase(), self.domain.dns));
        packer.number(Attribute::UserAccountControl, 4096);
        packer.number(Attribute::AccountExpires, NEVER);
        packer.number(Attribute::PwdLastSet, filetime(now()));
        object.rid = Some(self.new_rid());
        object.values = packer.finish();
        self.insert(0, object);
    }

    fn add_groups(&mut self, people: &[Guid]) -> Result<(), WorldError> {
        for (name, share) in [("Licensed Staff", 2), ("Project X", 5)] {
            let group = self.create_group(0, name)?;
            let members: Vec<_> = people.iter().step_by(share).copied().collect();
            self.set_members(0, group, &members, true)?;
        }
        Ok(())
    }
}

/// A user before it becomes an object.
struct Draft {
    name: String,
    display: String,
    given: &'static str,
    surname: &'static str,
    sam: String,
    upn: String,
    mail: String,
    country: Option<(String, &'static str, u16)>,
    department: Option<&'static str>,
    control: u32,
    expires: i64,
    password_set: i64,
    logon: Option<i64>,
    anchor: Option<[u8; 16]>,
}

impl Draft {
    /// Half of them are filed as `Surname, Given`.
    fn of(person: Person, number: usize, dns: &str) -> Draft {
        let suffix = person.suffix();
        let display = match number % 2 {
            0 => format!("{} {}{suffix}", person.given, person.surname),
            _ => format!("{}, {}{suffix}", person.surname, person.given),
        };
        let (given, surname) = (plain(person.given), plain(person.surname));
        let address = format!("{given}.{surname}{}", suffix.trim());
        let initial: String = given.chars().take(1).collect();
        let short: String = surname.chars().take(10).collect();
        Draft {
            name: display.clone(),
            display,
            given: person.given,
            surname: person.surname,
            sam: format!("{initial}{short}{number}"),
            upn: format!("{address}@{dns}"),
            mail: format!("{address}@example.test"),
            country: None,
            department: None,
            control: NORMAL,
            expires: NEVER,
            password_set: now(),
            logon: None,
            anchor: None,
        }
    }

    fn pack(&self) -> Packed {
        use Attribute::*;
        let mut packer = Packer::default();
        packer.text(SamAccountName, &self.sam);
        packer.text(UserPrincipalName, &self.upn);
        packer.text(Mail, &self.mail);
        packer.text(DisplayName, &self.display);
        packer.text(GivenName, self.given);
        packer.text(Sn, self.surname);
        packer.text(Department, self.department.unwrap_or_default());
        if let Some((c, co, code)) = &self.country {
            packer.text(C, c);
            packer.text(Co, co);
            packer.number(CountryCode, i64::from(*code));
        } else {
            packer.number(CountryCode, 0);
        }
        packer.number(UserAccountControl, i64::from(self.control));
        packer.number(AccountExpires, self.expires);
        packer.number(PwdLastSet, filetime(self.password_set));
        if let Some(logon) = self.logon {
            packer.number(LastLogonTimestamp, filetime(logon));
        }
        if let Some(anchor) = &self.anchor {
            packer.push(MsDsConsistencyGuid, anchor);
        }
        packer.finish()
    }
}

/// A country as the administrative tool would set it; of an unlisted one only the letters.
fn known_country(c: &str) -> (String, &'static str, u16) {
    let known = COUNTRIES.iter().find(|(code, ..)| code.eq_ignore_ascii_case(c));
    known.map_or((c.to_owned(), "", 0), |(_, name, number)| (c.to_owned(), name, *number))
}
