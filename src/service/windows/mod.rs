//! The service control manager of Windows ("Service Status Transitions"): START_PENDING until the tasks run, RUNNING, STOP_PENDING
//! while writes under way are brought to their end, STOPPED with the exit status of the command. There is no watchdog: a task
//! without progress ends the process, and the manager's recovery actions start it anew.

mod manager;

use std::ffi::OsString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use super::{Accused, NAME, ServiceError, Signals, Told};
use crate::agent::Phase;
use crate::model::fault::exit;

pub(super) use manager::{install, start, state, stop, uninstall};

/// Of the controls that a service may give a meaning (128 to 255): read the configuration anew.
const RELOAD: u32 = 128;

/// Until the tasks run: a large store may be brought up to a new schema first.
const START_HINT: Duration = Duration::from_mins(2);

/// Until the agent says how long its last step may take.
const STOP_HINT: Duration = Duration::from_mins(2);

/// Whether all tasks make progress is looked at this often.
const LOOK: Duration = Duration::from_secs(30);

type Body = Box<dyn FnOnce() -> u8 + Send>;

/// What the entry point, which takes no arguments of ours, shall run.
static BODY: Mutex<Option<Body>> = Mutex::new(None);

/// The manager this process belongs to.
static HOSTED: OnceLock<Hosted> = OnceLock::new();

struct Hosted {
    signals: Signals,
    status: ServiceStatusHandle,
    /// Grows with each word while a state is pending.
    checkpoint: AtomicU32,
}

define_windows_service!(entry, serve);

pub(super) fn host(body: Body) -> Result<(), ServiceError> {
    *BODY.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    service_dispatcher::start(NAME, entry)
        .map_err(|error| manager::failed("connecting to the service control manager", error))
}

/// What the manager asks for, if it runs this process.
pub(super) fn signals() -> Option<Signals> {
    HOSTED.get().map(|hosted| hosted.signals.clone())
}

/// Where the manager has the service begin, in a thread of its own.
fn serve(_arguments: Vec<OsString>) {
    let (stop, stopped) = watch::channel(false);
    let reload = Arc::new(Notify::new());
    let signals = Signals { stop: stopped, reload: Arc::clone(&reload) };
    let heed = move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            stop.send_replace(true);
            // Whoever asked must not find it running any more.
            if let Some(hosted) = HOSTED.get() {
                hosted.say(ServiceState::StopPending, STOP_HINT);
            }
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::ParamChange => {
            reload.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::UserEvent(code) if code.to_raw() == RELOAD => {
            reload.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    let body = BODY.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Without a handle there is nobody to tell that it failed; the manager sees the process end.
    let (Ok(status), Some(body)) = (service_control_handler::register(NAME, heed), body) else { return };
    let hosted = HOSTED.get_or_init(|| Hosted { signals, status, checkpoint: AtomicU32::new(0) });
    hosted.say(ServiceState::StartPending, START_HINT);
    let status = body();
    hosted.end(status);
}

impl Hosted {
    /// A state the service is in, and within which time it says more.
    fn say(&self, state: ServiceState, hint: Duration) {
        let pending = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
        let accepted = match state {
            ServiceState::Running => {
                ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN | ServiceControlAccept::PARAM_CHANGE
            }
            _ => ServiceControlAccept::empty(),
        };
        self.tell(ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted: accepted,
            exit_code: ServiceExitCode::NO_ERROR,
            checkpoint: if pending { self.checkpoint.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 },
            wait_hint: if pending { hint } else { Duration::ZERO },
            process_id: None,
        });
    }

    fn end(&self, status: u8) {
        self.tell(ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: ServiceState::Stopped,
            controls_accepted: ServiceControlAccept::empty(),
            exit_code: match status {
                0 => ServiceExitCode::NO_ERROR,
                status => ServiceExitCode::ServiceSpecific(status.into()),
            },
            checkpoint: 0,
            wait_hint: Duration::ZERO,
            process_id: None,
        });
    }

    fn tell(&self, status: ServiceStatus) {
        if let Err(error) = self.status.set_service_status(status) {
            tracing::debug!(%error, "the service control manager could not be told");
        }
    }
}

/// Tells the manager what the agent is at, until it has ended.
pub(super) async fn tell(mut told: Told) {
    let Some(hosted) = HOSTED.get() else { return };
    let (mut notes, mut accused) = (told.vitals.watch(), Accused::default());
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            // What the agent is at comes before what its tasks are.
            biased;
            phase = told.phase.changed() => match phase {
                Ok(()) => hosted.enter(&told.phase.borrow_and_update(), told.last_step),
                Err(_) => return,
            },
            Ok(()) = notes.changed() => {
                if *told.phase.borrow() == Phase::Stopping {
                    hosted.say(ServiceState::StopPending, told.last_step);
                }
            }
            _ = look.tick() => {
                let stopping = *told.phase.borrow() == Phase::Stopping;
                if !stopping && accused.any(&told.vitals) {
                    // Whoever hangs cannot be ended; what is unfinished is settled at the next start.
                    std::process::exit(exit::SOFTWARE.into());
                }
            }
        }
    }
}

impl Hosted {
    fn enter(&self, phase: &Phase, last_step: Duration) {
        match phase {
            Phase::Starting => {}
            _ if *self.signals.stop.borrow() => self.say(ServiceState::StopPending, last_step),
            // It serves while a configuration is weighed.
            Phase::Ready { .. } | Phase::Reloading => self.say(ServiceState::Running, Duration::ZERO),
            Phase::Stopping => self.say(ServiceState::StopPending, last_step),
        }
    }
}
