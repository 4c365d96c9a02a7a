//! Making one user, for a command: looked at first, recorded before and after, and settled by reading when the answer is lost.

use jiff::{SignedDuration, Timestamp};

use super::AgentError;
use super::creation_error::CreationError;
use super::password::InitialPassword;
use crate::clock::Clock;
use crate::model::identity::{ClientRequestId, PersonId, UserId};
use crate::model::newcomer::Newcomer;
use crate::model::settings::{Mode, Settings};
use crate::model::user::UserNews;
use crate::model::verdict::{Answer, Verdict};
use crate::store::{Making, Store};
use crate::tenant::{Graph, TenantError};
use crate::tls::{self, Roots};

/// Readings of a name that is not seen yet: between them `work.retry_first`, doubling up to `work.retry_max`.
const READS: u32 = 5;

/// A user who can be made: nobody has the name, and the tenant takes it.
#[derive(Debug)]
pub struct Creation<'a> {
    settings: &'a Settings,
    store: &'a Store,
    clock: Clock,
    graph: Graph,
    newcomer: Newcomer,
}

/// A user who was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The user's id.
    pub user: UserId,
    /// By whom the store knows the user from now on.
    pub person: PersonId,
    /// Graph said so. Else no answer came, and reading showed the user.
    pub answered: bool,
}

/// What reading a name showed.
enum Seen {
    /// What it said, and when it was asked.
    User(Box<UserNews>, Timestamp),
    Nobody,
    Nothing(TenantError),
}

impl<'a> Creation<'a> {
    /// Looks whether the user can be made. Nothing is written.
    ///
    /// # Errors
    /// When the name is taken or cannot be had, writing is paused, or the tenant cannot be asked.
    pub async fn check(settings: &'a Settings, store: &'a Store, newcomer: Newcomer) -> Result<Self, CreationError> {
        store.bind_tenant(settings.tenant.id).await.map_err(AgentError::from)?;
        let tls = tls::client_config(&Roots::SystemAnd(settings.tenant.ca_file.clone())).map_err(AgentError::from)?;
        let clock = Clock::system();
        let graph = Graph::new(&settings.tenant, tls, clock.clone()).map_err(AgentError::from)?;
        let creation = Self { settings, store, clock, graph, newcomer };
        creation.check_pause().await?;
        creation.check_domain().await?;
        match creation.graph.user_named(&creation.newcomer.upn).await {
            Ok(None) => Ok(creation),
            Ok(Some(_)) => Err(CreationError::Taken(creation.name())),
            Err(error) => Err(AgentError::from(error).into()),
        }
    }

    async fn check_pause(&self) -> Result<(), CreationError> {
        if let Some(why) = self.store.paused().await.map_err(AgentError::from)? {
            return Err(CreationError::Paused(format!("paused: {why}")));
        }
        match self.store.halted(self.clock.now()).await.map_err(AgentError::from)? {
            Some(halt) => Err(CreationError::Paused(format!("halted until {}: {}", halt.until, halt.reason))),
            None => Ok(()),
        }
    }

    /// Compares with the domains of the tenant, where they may be read; else Graph's refusal says it.
    async fn check_domain(&self) -> Result<(), CreationError> {
        let domains = match self.graph.verified_domains().await {
            Err(TenantError::Forbidden(_)) => return Ok(()),
            read => read.map_err(AgentError::from)?,
        };
        let domain = self.newcomer.upn.domain();
        match domains.iter().find(|known| known.name.eq_ignore_ascii_case(domain)) {
            Some(known) if known.is_federated() => Err(CreationError::Federated(known.name.clone())),
            Some(_) => Ok(()),
            None if domains.is_empty() => Ok(()),
            None => {
                let known = domains.into_iter().map(|known| known.name).collect();
                Err(CreationError::Domain { domain: domain.to_owned(), known })
            }
        }
    }

    fn name(&self) -> String {
        self.newcomer.upn.to_string()
    }

    /// Makes the user. Graph is asked once, whatever comes of it.
    ///
    /// # Errors
    /// When the user was not made, or it is not known; [`CreationError::may_exist`] tells which.
    pub async fn carry_out(&self, password: &InitialPassword, os_user: &str) -> Result<Created, CreationError> {
        if self.settings.mode == Mode::Observe {
            return Err(CreationError::Observing);
        }
        let call = uuid::Uuid::new_v4().into();
        let (newcomer, config) = (self.newcomer.clone(), self.settings.digest.clone());
        let making = Making { newcomer, os_user: os_user.to_owned(), config, call };
        let asked = self.clock.now();
        self.store.note_making(making.clone(), asked).await.map_err(AgentError::from)?;
        let answer = match self.graph.create_user(&self.newcomer, password.secret(), call).await {
            Ok(answer) => answer,
            Err(error) => {
                self.note(&making, "not-sent", unsent(&error, call), None).await?;
                return Err(AgentError::from(error).into());
            }
        };
        if let Some(error) = self.refusal(&answer) {
            self.note(&making, "refused", answer, None).await?;
            return Err(error);
        }
        let answered = answer.verdict == Verdict::Accepted;
        let is_ours = |news: &UserNews| {
            let named = news.display_name.as_ref().and_then(Option::as_deref) == Some(&self.newcomer.display_name);
            let skew = SignedDuration::try_from(self.settings.work.clock_skew).unwrap_or(SignedDuration::ZERO);
            let since = asked.checked_sub(skew).unwrap_or(asked);
            named && news.created.flatten().is_some_and(|created| created >= since)
        };
        let (outcome, failed) = match self.look().await {
            Seen::User(news, read) if answered || is_ours(&news) => {
                return self.take_in(&making, answer, (*news, read)).await;
            }
            _ if answered => ("accepted", CreationError::NotVisible(self.name())),
            Seen::User(..) => ("another", CreationError::Another(self.name())),
            Seen::Nobody => ("not-created", CreationError::NotCreated { upn: self.name(), detail: words(&answer) }),
            Seen::Nothing(error) => ("unknown", CreationError::Unknown { upn: self.name(), detail: error.to_string() }),
        };
        self.note(&making, outcome, answer, None).await?;
        Err(failed)
    }

    /// The store knows the user at once, so that something can be asked for by name.
    async fn take_in(
        &self,
        making: &Making,
        answer: Answer,
        (news, read): (UserNews, Timestamp),
    ) -> Result<Created, CreationError> {
        let (user, answered) = (news.id, answer.verdict == Verdict::Accepted);
        let unrecorded = |error| CreationError::Unrecorded { upn: self.name(), error };
        self.store.absorb_user(Some(news), read, self.clock.now()).await.map_err(unrecorded)?;
        let person = self.store.people_of(vec![user]).await.map_err(unrecorded)?.first().copied();
        let outcome = if answered { "created" } else { "created-unanswered" };
        self.note(making, outcome, answer, person).await?;
        let person = person.ok_or_else(|| CreationError::NotVisible(self.name()))?;
        Ok(Created { user, person, answered })
    }

    async fn note(
        &self,
        making: &Making,
        outcome: &'static str,
        answer: Answer,
        person: Option<PersonId>,
    ) -> Result<(), CreationError> {
        let noted = self.store.note_made(making.clone(), (outcome, answer), person, self.clock.now()).await;
        noted.map_err(|error| CreationError::Unrecorded { upn: self.name(), error })
    }

    /// Reads the name until somebody is seen: what was made shows late on other replicas.
    async fn look(&self) -> Seen {
        let mut wait = self.settings.work.retry_first;
        let mut seen = Seen::Nobody;
        for read in 0..READS {
            if read > 0 {
                self.clock.wait(wait).await;
                wait = (wait * 2).min(self.settings.work.retry_max);
            }
            let asked = self.clock.now();
            seen = match self.graph.user_named(&self.newcomer.upn).await {
                Ok(Some(news)) => return Seen::User(Box::new(news), asked),
                Ok(None) => Seen::Nobody,
                Err(error) => Seen::Nothing(error),
            };
        }
        seen
    }

    /// Why an answer means that nobody was made; `None` when somebody was, or may have been.
    fn refusal(&self, answer: &Answer) -> Option<CreationError> {
        let text = answer.message.as_deref().unwrap_or_default().to_lowercase();
        let tenant = |error: TenantError| Some(AgentError::from(error).into());
        match (&answer.verdict, answer.status) {
            (Verdict::Accepted | Verdict::Unknown, _) | (_, Some(500..)) => None,
            (Verdict::Unavailable { .. }, None) => Some(CreationError::NotSent(words(answer))),
            (Verdict::Forbidden, _) => tenant(TenantError::CreationForbidden(words(answer))),
            (Verdict::Unauthorized, _) => tenant(TenantError::TokenRefused(words(answer))),
            (Verdict::Throttled { after }, _) => tenant(TenantError::Throttled { after: *after }),
            _ if text.contains("userprincipalname already exists") => Some(CreationError::Taken(self.name())),
            _ if text.contains("domain portion of the userprincipalname") => {
                Some(CreationError::Domain { domain: self.newcomer.upn.domain().to_owned(), known: Vec::new() })
            }
            _ => Some(CreationError::Refused { upn: self.name(), detail: words(answer) }),
        }
    }
}

fn words(answer: &Answer) -> String {
    let text = answer.message.clone().unwrap_or_else(|| "without a word".to_owned());
    match &answer.request_id {
        Some(id) => format!("{text} (request-id {id})"),
        None => text,
    }
}

fn unsent(error: &TenantError, call: ClientRequestId) -> Answer {
    let verdict = Verdict::Unavailable { after: None };
    let message = Some(error.to_string());
    Answer { verdict, status: None, code: None, message, request_id: None, client_request_id: call }
}
