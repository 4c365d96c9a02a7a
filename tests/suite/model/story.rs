//! What happens to a domain and to whoever follows it, drawn from a seed.

use std::fmt;

use fastrand::Rng;

/// One thing that happens. Numbers are taken modulo what there is, and what makes no sense when its turn comes is passed over:
/// so any part of a story is a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody is created: on which controller, in which unit.
    Hire(usize, usize),
    /// An attribute of somebody gets another value.
    Change(usize, usize),
    /// Somebody is renamed.
    Rename(usize, usize),
    /// Somebody moves to a unit.
    Move(usize, usize, usize),
    /// Somebody is disabled.
    Disable(usize, usize),
    /// Somebody is enabled again.
    Enable(usize, usize),
    /// Somebody is deleted.
    Delete(usize, usize),
    /// And brought back.
    Undelete(usize, usize),
    /// A unit that is no base gets another name.
    RenameUnit(usize, usize),
    /// So many foreign changes.
    Noise(usize, usize),
    /// The second pulls from the first.
    Replicate(usize, usize),
    /// A controller dies.
    Kill(usize),
    /// A controller is started.
    Boot(usize),
    /// A backup of a controller is made.
    BackUp(usize),
    /// A controller comes back from its backup as it should: with a new invocationId.
    Restore(usize),
    /// A controller is put back behind everybody's back, and then grows by so many changes.
    RollBack(usize, usize),
    /// A controller throws its cookies away.
    Evict(usize),
    /// A controller drops its connections at the next page that is asked for.
    Cut(usize),
    /// The agent is killed and started.
    Restart,
    /// The agent is started with another configuration.
    Edit(usize),
    /// The agent does so many things: single requests.
    Work(usize),
    /// So many seconds pass, in which the agent does all it wants.
    Pass(i64),
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What a story starts from.
#[derive(Clone, Debug)]
pub struct Story {
    pub seed: u64,
    /// Two, sometimes three.
    pub controllers: usize,
    pub recycle_bin: bool,
    /// Whether the agent may not see Deleted Objects.
    pub hidden: bool,
    pub deeds: Vec<Deed>,
}

impl Story {
    /// The story of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let controllers = if rng.u8(..4) == 0 { 3 } else { 2 };
        let (recycle_bin, hidden) = (rng.bool(), rng.u8(..5) == 0);
        let length = rng.usize(8..36);
        let deeds = (0..length).map(|_| draw(&mut rng, controllers)).collect();
        Self { seed, controllers, recycle_bin, hidden, deeds }
    }

    /// The same without some of it.
    pub fn without(&self, from: usize, to: usize) -> Self {
        let mut deeds = self.deeds.clone();
        deeds.drain(from..to);
        Self { deeds, ..self.clone() }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, controllers, recycle_bin, hidden, deeds } = self;
        writeln!(f, "seed {seed}: {controllers} controllers, recycle bin {recycle_bin}, deletions hidden {hidden}")?;
        deeds.iter().enumerate().try_for_each(|(number, deed)| writeln!(f, "{:4} {deed}", number + 1))
    }
}

fn draw(rng: &mut Rng, controllers: usize) -> Deed {
    let dc = rng.usize(..controllers);
    let who = rng.usize(..12);
    match rng.u8(..100) {
        0..8 => Deed::Hire(dc, rng.usize(..4)),
        8..14 => Deed::Change(dc, who),
        14..16 => Deed::Rename(dc, who),
        16..22 => Deed::Move(dc, who, rng.usize(..4)),
        22..26 => Deed::Disable(dc, who),
        26..29 => Deed::Enable(dc, who),
        29..34 => Deed::Delete(dc, who),
        34..37 => Deed::Undelete(dc, who),
        37..39 => Deed::RenameUnit(dc, rng.usize(..2)),
        39..43 => Deed::Noise(dc, rng.usize(1..6)),
        43..54 => Deed::Replicate(dc, (dc + rng.usize(1..controllers)) % controllers),
        54..58 => Deed::Kill(dc),
        58..62 => Deed::Boot(dc),
        62..65 => Deed::BackUp(dc),
        65..67 => Deed::Restore(dc),
        67..69 => Deed::RollBack(dc, rng.usize(..12)),
        69..72 => Deed::Evict(dc),
        72..75 => Deed::Cut(dc),
        75..77 => Deed::Restart,
        77..79 => Deed::Edit(rng.usize(..5)),
        79..90 => Deed::Work(rng.usize(1..8)),
        _ => Deed::Pass(*rng.choice([2, 15, 40, 70, 700].iter()).unwrap_or(&15)),
    }
}
