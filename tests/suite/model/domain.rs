//! The domain of a story: a world of the lab that nobody serves, and the machines that its controllers run on.

use seatsync_lab::directory::search::bare;
use seatsync_lab::directory::world::{Policy, World, WorldError};
use seatsync_lab::directory::{Account, Backup, Change, Guid, NewAccount, Restoration};

use super::story::{Deed, Story};

/// Units that are no base: their names change.
const UNITS: [[&str; 2]; 2] = [["North", "Northern"], ["South", "Southern"]];
/// The domain's DN.
pub const DOMAIN: &str = "DC=corp,DC=example,DC=test";

/// A machine that a controller runs on.
#[derive(Default)]
pub struct Machine {
    pub down: bool,
    /// Connections of an earlier boot are gone.
    pub boot: u32,
    /// Cookies of an earlier epoch are gone.
    pub cookies: u32,
    /// Whether it drops its connections at the next page.
    pub cuts: bool,
    backup: Option<Backup>,
    rolled_back: bool,
}

/// World and machines.
pub struct Domain {
    pub world: World,
    pub machines: Vec<Machine>,
    /// Everybody who was ever created; the first two are left alone by all deeds.
    pub people: Vec<Guid>,
    units: Vec<Guid>,
    /// Whether a controller was ever put back behind everybody's back.
    pub was_rolled_back: bool,
    /// Whether a unit was ever renamed.
    pub was_renamed: bool,
    /// Goes up with what no USN tells.
    pub epoch: u32,
}

impl Domain {
    /// Eight people, known to all controllers.
    pub fn new(story: &Story) -> Self {
        let policy = Policy {
            recycle_bin: story.recycle_bin,
            hide_deleted_objects: story.hidden,
            exchange_schema: true,
            max_page_size: 1000,
            max_val_range: 1500,
            clock_ahead: 0,
        };
        let mut world = World::new(story.seed, policy);
        world.populate(0).expect("a domain");
        world.noise(0, 0).expect("a zone");
        let units = UNITS.iter().zip(["Staff", "Contractors"]);
        let units = units.map(|(names, above)| world.create_ou(0, names[0], Some(above)).expect("a unit")).collect();
        let mut domain = Self {
            world,
            machines: (0..story.controllers).map(|_| Machine::default()).collect(),
            people: Vec::new(),
            units,
            was_rolled_back: false,
            was_renamed: false,
            epoch: 0,
        };
        for number in 0..8 {
            domain.hire(0, number).expect("somebody");
        }
        for dc in 1..story.controllers {
            let plan = seatsync_lab::directory::world::DcPlan::named(&format!("dc{}", dc + 1));
            domain.world.add_dc(&plan).expect("another controller");
        }
        domain
    }

    /// Where people are: `Staff`, `Contractors` and a unit below each.
    fn unit(&self, dc: usize, number: usize) -> Option<String> {
        match number % 4 {
            0 => Some(format!("OU=Staff,{DOMAIN}")),
            1 => Some(format!("OU=Contractors,{DOMAIN}")),
            below => self.seen(dc, self.units[below - 2]).map(|unit| unit.dn),
        }
    }

    fn hire(&mut self, dc: usize, unit: usize) -> Result<(), WorldError> {
        let number = self.people.len();
        let nowhere = || WorldError::Refused("no such unit".into());
        let new = NewAccount {
            // A name that another controller may give to somebody else at the same time.
            name: Some(format!("Person {}", number % 11)),
            ou: Some(self.unit(dc, unit).ok_or_else(nowhere)?),
            ..NewAccount::new().sam(&format!("p{number}")).country("DE")
        };
        let guid = self.world.create_account(dc, &new)?;
        self.people.push(guid);
        Ok(())
    }

    /// An object as a controller has it, deleted or not.
    pub fn seen(&self, dc: usize, guid: Guid) -> Option<Account> {
        let id = self.world.id_of(guid)?;
        Some(self.world.view(dc, id)?.account())
    }

    /// Whether a DN is that of a live object.
    pub fn has(&self, dc: usize, dn: &str) -> bool {
        let question =
            bare::Question { base: dn, alone: true, filter: "(objectClass=*)", attributes: &[], deleted: false };
        bare::ask(&self.world, dc, &question, None, 1).is_ok_and(|(found, _)| !found.is_empty())
    }

    /// Does what concerns the domain.
    pub fn act(&mut self, deed: Deed, number: usize) -> Result<(), WorldError> {
        let somebody = |who: usize| self.people[2 + who % (self.people.len() - 2)];
        match deed {
            Deed::Hire(dc, unit) if !self.machines[dc].down => self.hire(dc, unit),
            Deed::Change(dc, who) => {
                let name = ["title", "displayName", "c", "department"][number % 4];
                let value = if name == "c" { ["SE", "DE", "FR"][number % 3].into() } else { format!("value {number}") };
                self.world.modify(dc, somebody(who), &[Change::set(name, value)])
            }
            Deed::Rename(dc, who) => self.world.rename(dc, somebody(who), &format!("Renamed {}", number % 5)),
            Deed::Move(dc, who, unit) => {
                let (who, unit) = (somebody(who), self.unit(dc, unit));
                let is_live = self.seen(dc, who).is_some_and(|account| !account.deleted);
                match unit.filter(|_| is_live) {
                    Some(unit) => self.world.move_to(dc, who, &unit),
                    None => Ok(()),
                }
            }
            Deed::Disable(dc, who) => self.world.modify(dc, somebody(who), &[Change::Disable]),
            Deed::Enable(dc, who) => self.world.modify(dc, somebody(who), &[Change::Enable]),
            Deed::Delete(dc, who) => self.world.delete(dc, somebody(who)),
            Deed::Undelete(dc, who) => self.world.undelete(dc, somebody(who)),
            Deed::RenameUnit(dc, unit) => {
                self.was_renamed = true;
                self.epoch += 1;
                self.world.rename(dc, self.units[unit], UNITS[unit][number % 2])
            }
            Deed::Noise(dc, count) => self.world.noise(dc, count),
            Deed::Replicate(from, to) if !self.machines[from].down && !self.machines[to].down => {
                self.world.replicate(from, to);
                Ok(())
            }
            _ => {
                self.act_on_machine(deed);
                Ok(())
            }
        }
    }

    fn act_on_machine(&mut self, deed: Deed) {
        match deed {
            Deed::Kill(dc) => {
                self.machines[dc].down = true;
                self.machines[dc].boot += 1;
            }
            Deed::Boot(dc) => self.machines[dc].down = false,
            Deed::BackUp(dc) => self.machines[dc].backup = Some(self.world.backup(dc)),
            Deed::Restore(dc) => {
                self.epoch += 1;
                if let Some(backup) = self.machines[dc].backup.clone() {
                    self.world.restore(dc, &backup, Restoration::Proper);
                    self.machines[dc].boot += 1;
                }
            }
            Deed::RollBack(dc, growth) => {
                self.epoch += 1;
                if let Some(backup) = self.machines[dc].backup.clone() {
                    self.world.restore(dc, &backup, Restoration::Rollback);
                    let machine = &mut self.machines[dc];
                    // One connection in three survives it: then nothing but the counter and the canary tell of it.
                    machine.boot += u32::from(growth % 3 != 0);
                    machine.rolled_back = true;
                    self.was_rolled_back = true;
                    self.world.noise(dc, growth).expect("noise");
                }
            }
            Deed::Evict(dc) => self.machines[dc].cookies += 1,
            Deed::Cut(dc) => self.machines[dc].cuts = true,
            _ => {}
        }
    }

    /// Repairs whatever is broken and lets replication finish.
    pub fn heal(&mut self) {
        self.epoch += 1;
        for dc in 0..self.machines.len() {
            if self.machines[dc].rolled_back {
                // What repairs a rollback: a new epoch, so that the partners read it from the start.
                let now = self.world.backup(dc);
                self.world.restore(dc, &now, Restoration::Proper);
                self.machines[dc].boot += 1;
            }
            self.world.set_synchronized(dc, true);
            let machine = &mut self.machines[dc];
            (machine.down, machine.cuts, machine.rolled_back) = (false, false, false);
        }
        self.world.converge();
    }
}
