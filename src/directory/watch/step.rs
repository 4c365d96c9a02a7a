//! What the machine asks for, and what it is told.

use jiff::Timestamp;

use crate::directory::changes::Why;
use crate::directory::roster::Failure;
use crate::model::settings::Server;
use crate::model::watermark::{Canary, DcState, Sighting, Watermark, WatermarkKey};

/// Whether a reading is believed or only noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is read goes into the store.
    Content,
    /// What is read and differs from the store becomes a hint.
    Witness,
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// All accounts below the bases. To the regular reading gives way what is known to exclude somebody.
    Everything(Why),
    /// What changed after this USN in the domain, with the canary if there is one.
    Since {
        /// Where to start.
        usn: i64,
        /// Whose sight proves that the controller was not rolled back.
        canary: Option<Canary>,
    },
    /// Objects by GUID of which this controller had shown something that the store has not.
    Own,
    /// Objects by GUID of which the witness had shown something that the store has not: some whose time has come.
    Doubtful,
    /// A group that rules name, or what is below a container that moved: one of those that are to be read.
    Errand,
}

/// What to do next on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Connect, sign in, read who it is and what is stored of it: [`Answer::Connected`].
    Connect(Server),
    /// Read the rootDSE: [`Answer::State`].
    Look,
    /// Search, and take each page into the store as it comes: [`Answer::Read`].
    Read(Role, What),
    /// Store that this controller's word is content from now on. Up to USN `above` it must not lift what is known to exclude
    /// somebody: [`Answer::Done`].
    TakeOver {
        /// Its NTDS Settings object.
        ntds: String,
        /// `highestCommittedUSN` when it took over; `None` where nothing was known before.
        above: Option<i64>,
    },
    /// Forget a watermark with its hints: [`Answer::Done`].
    Void(WatermarkKey),
    /// Store a watermark: [`Answer::Done`].
    Keep(Role, Watermark),
    /// End a scan of content, with the watermark that it earned: [`Answer::Concluded`].
    Conclude {
        /// The watermark.
        mark: Watermark,
        /// The scan, as [`Answer::Read`] named it.
        generation: i64,
    },
    /// Sign off: [`Answer::Done`].
    Close,
    /// Say something to the operator: [`Answer::Done`].
    Tell(Notice),
    /// Nothing to do until then, or until something was told about the other line.
    Wait(Timestamp),
}

/// What an operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This controller's word is content from now on, instead of another's.
    TookOver(Server),
    /// There is only a controller that is not in step with the others or has no writable copy.
    SecondChoice(Server),
    /// A controller contradicts what it had shown; what was known of it is void.
    Doubted(Server, Why),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did what was asked.
    Done,
    /// Connected.
    Connected {
        /// What the controller says of itself.
        state: DcState,
        /// What is stored of this controller: the row of its key, else of another epoch or coverage.
        row: Option<Watermark>,
        /// Its hints.
        hints: u64,
        /// Whose word the stored content is: the NTDS Settings object of a controller.
        content: Option<String>,
        /// When everything is to be read again.
        next_scan: Option<Timestamp>,
    },
    /// The rootDSE.
    State(DcState),
    /// A reading, to its true end.
    Read {
        /// What it met.
        sighting: Sighting,
        /// Whether the store learned anything.
        news: bool,
        /// Whether it met what more may have to be read for: groups and containers.
        beside: bool,
        /// Of a scan of content: its generation.
        generation: Option<i64>,
        /// Hints that are open now: this controller's after [`What::Own`] and readings as witness, else all of the domain.
        hints: u64,
    },
    /// One thing beside the accounts was read, or there was none.
    Ran {
        /// When there is the next; `None` until there is news.
        again: Option<Timestamp>,
    },
    /// The scan was taken in.
    Concluded {
        /// When everything is to be read again.
        next_scan: Timestamp,
    },
    /// The server threw the cookie of the search away.
    CookieGone,
    /// It failed; the connection is gone.
    Failed(Failure),
}
