//! Who joins when, and what is seen of it: by the tenant as witness, and by the agent as its store tells.

use std::time::{Duration, Instant};

use seatsync::store::{AuditRow, Dossier, Store};
use seatsync_lab::directory::{Change, Guid, NewAccount};

use super::screen::{Mark, Screen};
use super::stage::{PRODUCT, Stage};
use super::{Failure, Options, PATIENCE};

/// Whose whole story is told at the end: somebody who had to wait for a seat.
pub const TOLD_OF: &str = "lise";

/// How often the witness looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks between two readings of the agent's store.
const READ_EVERY: u32 = 5;

/// What happens, in order, in seconds from the start.
const SCRIPT: [(f64, Cue); 15] = [
    (0.5, Cue::Joins("Ada Lovelace", "ada", "GB")),
    (2.0, Cue::Joins("Grace Hopper", "grace", "US")),
    (3.5, Cue::Joins("Alan Turing", "alan", "")),
    (6.0, Cue::Joins("Núñez, José", "jose", "ES")),
    (8.0, Cue::Early("Katherine Johnson", "katherine", "US")),
    (9.5, Cue::Service("Sync Service", "MSOL_0a1b2c3d4e5f")),
    (12.0, Cue::Joins("Emmy Noether", "emmy", "DE")),
    (12.2, Cue::Joins("Marie Curie", "marie", "FR")),
    (12.4, Cue::Joins("Lise Meitner", "lise", "AT")),
    (12.6, Cue::Joins("Radia Perlman", "radia", "US")),
    (18.0, Cue::Joins("Łukasz Żółć", "lukasz", "PL")),
    (24.0, Cue::Enabled("katherine")),
    (30.0, Cue::Bought(25)),
    (34.0, Cue::Joins("Edsger Dijkstra", "edsger", "NL")),
    (41.0, Cue::Nothing),
];

/// One thing that happens.
#[derive(Clone, Copy)]
enum Cue {
    /// Somebody joins: name, account name, country.
    Joins(&'static str, &'static str, &'static str),
    /// Somebody's account is made before the first day at work, disabled.
    Early(&'static str, &'static str, &'static str),
    /// An account that is no person's.
    Service(&'static str, &'static str),
    /// The first day at work has come.
    Enabled(&'static str),
    /// Seats are bought.
    Bought(u32),
    /// A quiet while.
    Nothing,
}

/// Somebody who joined, and when the tenant showed what.
pub struct Joiner {
    pub name: &'static str,
    pub sam: &'static str,
    pub guid: Guid,
    /// To be licensed in the end.
    pub person: bool,
    pub appeared: Option<Instant>,
    pub licensed: Option<Instant>,
    /// Was without a seat, or disabled, for a while.
    pub waited: bool,
    told: usize,
}

impl Joiner {
    /// Done with: licensed, and the agent has read it back; or never to be.
    fn is_done(&self, dossier: &Dossier) -> bool {
        let licensed = dossier.person.entitlements.iter().any(|claim| claim.standing.word() == "licensed");
        !self.person || (self.licensed.is_some() && licensed)
    }
}

/// What came of it.
pub struct Story {
    pub joiners: Vec<Joiner>,
    /// When seats were bought.
    pub bought: Option<Instant>,
}

/// Plays the script and shows what follows from it, until everybody is done with.
pub async fn perform(stage: &Stage, store: &Store, screen: &Screen, options: Options) -> Result<Story, Failure> {
    let mut story = Story { joiners: Vec::new(), bought: None };
    let mut cues = SCRIPT.iter().copied().peekable();
    let (began, mut looks) = (Instant::now(), 0_u32);
    screen.scene("People join");
    while began.elapsed() < options.pace(41.0) + PATIENCE {
        while let Some((_, cue)) = cues.next_if(|(at, _)| options.pace(*at) <= began.elapsed()) {
            play(cue, &mut story, stage, screen);
        }
        witness(&mut story, stage);
        looks += 1;
        if looks.is_multiple_of(READ_EVERY) {
            let mut done = true;
            for joiner in &mut story.joiners {
                done &= follow(joiner, story.bought, store, screen).await?;
            }
            if done && cues.peek().is_none() {
                break;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(story)
}

fn play(cue: Cue, story: &mut Story, stage: &Stage, screen: &Screen) {
    match cue {
        Cue::Joins(name, sam, country) => {
            let place =
                if country.is_empty() { "nobody entered a country".into() } else { format!("country {country}") };
            screen.news(&format!("{name} joins: an account in the directory, {place}"));
            join(story, stage, name, sam, country, true, false);
        }
        Cue::Early(name, sam, country) => {
            screen.news(&format!("{name} joins next week: an account, still disabled"));
            join(story, stage, name, sam, country, true, true);
        }
        Cue::Service(name, sam) => {
            screen.news(&format!("{name} is set up: {sam}, an account of no person"));
            join(story, stage, name, sam, "", false, false);
        }
        Cue::Enabled(sam) => {
            for joiner in story.joiners.iter_mut().filter(|joiner| joiner.sam == sam) {
                screen.news(&format!("{}'s first day: the account is enabled", joiner.name));
                stage.directory.modify(joiner.guid, &[Change::Enable]);
            }
        }
        Cue::Bought(seats) => {
            screen.news(&format!("somebody buys {seats} seats of {PRODUCT}"));
            let bought = stage.tenant.view(|view| view.sku(PRODUCT)).map_or(0, |sku| sku.prepaid_units.enabled);
            if let Err(error) = stage.tenant.set_seats(PRODUCT, bought + seats) {
                screen.news(&error);
            }
            story.bought = Some(Instant::now());
        }
        Cue::Nothing => {}
    }
}

fn join(
    story: &mut Story,
    stage: &Stage,
    name: &'static str,
    sam: &'static str,
    country: &str,
    person: bool,
    early: bool,
) {
    let upn = format!("{sam}@corp.example.test");
    let mut account = NewAccount::named(name).sam(sam).country(country).with("userPrincipalName", upn);
    if early {
        account = account.disabled();
    }
    let guid = stage.directory.create_account(account);
    story.joiners.push(Joiner { name, sam, guid, person, appeared: None, licensed: None, waited: early, told: 0 });
}

/// Notes when the tenant first shows a user, and a license.
fn witness(story: &mut Story, stage: &Stage) {
    let now = Instant::now();
    stage.tenant.view(|view| {
        for joiner in story.joiners.iter_mut().filter(|joiner| joiner.licensed.is_none()) {
            let Some(user) = view.user(&format!("{}@corp.example.test", joiner.sam)) else { continue };
            joiner.appeared.get_or_insert(now);
            joiner.licensed = user.holds(PRODUCT).then_some(now);
        }
    });
}

/// Shows what the agent has written down of somebody since the last look; whether no more is to come.
async fn follow(joiner: &mut Joiner, bought: Option<Instant>, store: &Store, screen: &Screen) -> Result<bool, Failure> {
    let found = store.find_people(&joiner.guid.to_string()).await?;
    let [person] = found[..] else { return Ok(false) };
    let Some(dossier) = store.dossier(person).await? else { return Ok(false) };
    for row in &dossier.timeline[joiner.told.min(dossier.timeline.len())..] {
        if let Some((mark, text)) = told(row, &dossier, joiner, bought) {
            screen.line(joiner.name, mark, &text);
        }
    }
    joiner.told = dossier.timeline.len();
    Ok(joiner.is_done(&dossier))
}

/// A row of the audit in the words of the demo; most rows say what another says already.
fn told(row: &AuditRow, dossier: &Dossier, joiner: &mut Joiner, bought: Option<Instant>) -> Option<(Mark, String)> {
    let field = |name: &str| row.detail[name].as_str().unwrap_or_default();
    Some(match (row.kind.as_str(), field("to")) {
        ("presence", "awaiting") => (Mark::Noticed, "in the directory, awaited in the tenant".into()),
        ("presence", "excluded") => (Mark::Excluded, field("why").to_owned()),
        ("presence", "present") if field("from") == "excluded" => (Mark::Ready, "enabled on both sides".into()),
        ("presence", "present") => (Mark::Appeared, "in the tenant, and to be licensed".into()),
        ("answer", _) => return located(row, dossier).map(|text| (Mark::Located, text)),
        ("standing", "awaiting-seat") => {
            joiner.waited = true;
            (Mark::Waits, format!("no seat of {PRODUCT} is free; goes on by itself when one is"))
        }
        ("standing", "licensed") => {
            let appeared = joiner.appeared.filter(|_| !joiner.waited);
            let took = match (appeared, bought, joiner.licensed) {
                (Some(appeared), _, Some(licensed)) => format!(", {} after appearing", seconds(licensed - appeared)),
                (None, Some(bought), Some(licensed)) if licensed > bought => {
                    format!(", {} after seats were bought", seconds(licensed - bought))
                }
                _ => String::new(),
            };
            (Mark::Licensed, format!("{PRODUCT}{took}"))
        }
        ("standing", "retrying" | "refused") => (Mark::Waits, field("why").to_owned()),
        _ => return None,
    })
}

/// What a location was set to, when the answer was about one.
fn located(row: &AuditRow, dossier: &Dossier) -> Option<String> {
    let intent = dossier.intents.iter().find(|intent| row.detail["intent"] == serde_json::json!(intent.id))?;
    let location = &intent.body["location"]["write"];
    let (to, from) = (location["to"].as_str()?, location["source"].as_str()?);
    (row.detail["outcome"] == "accepted").then(|| match from {
        "default" => format!("{to}, the default"),
        attribute => format!("{to}, from the account's {attribute}"),
    })
}

pub fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}
