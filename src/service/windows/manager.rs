//! What `seatsync service` asks of the service control manager and the registry.

use std::ffi::OsString;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use windows_registry::LOCAL_MACHINE;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceDependency, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceSidType, ServiceStartType, ServiceState,
    ServiceStatus, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use crate::service::{Installation, NAME, ServiceError, State};
use crate::system;

const DISPLAY_NAME: &str = "seatsync";
const DESCRIPTION: &str = "Gives accounts synced from Active Directory to Entra their usage location and license.";

/// Event sources of the Application log ("Event Sources").
const SOURCE: &str = "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\seatsync";

/// Its messages 1 to 1000 are nothing but the text that an event brings along.
const MESSAGES: &str = "%SystemRoot%\\System32\\EventCreate.exe";

/// Error, warning, information.
const TYPES: u32 = 7;

/// Started anew after these times; the last holds for all that follow, and a day without a failure begins afresh.
const AGAIN: [Duration; 3] = [Duration::from_secs(10), Duration::from_mins(1), Duration::from_mins(5)];
const CALM: Duration = Duration::from_hours(24);

/// How often a service that changes its state is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// A service that says nothing new may take this long beyond its own hint.
const GRACE: Duration = Duration::from_secs(30);

/// "System Error Codes": `ERROR_ACCESS_DENIED`, `ERROR_INVALID_LEVEL` and those of services.
const DENIED: i32 = 5;
const INVALID_LEVEL: i32 = 124;
const ALREADY_RUNNING: i32 = 1056;
const MISSING: i32 = 1060;
const NOT_ACTIVE: i32 = 1062;
const EXISTS: i32 = 1073;
const NEVER_STARTED: u32 = 1077;

pub(in crate::service) fn install(installation: &Installation) -> Result<Vec<String>, ServiceError> {
    let mut done = Vec::new();
    let home = system::prepare_home(NAME).map_err(|source| unwritable(system::config_file(), source))?;
    done.push(format!("{}: readable for the service and administrators", home.display()));
    if !installation.config.exists() {
        let written = std::fs::write(&installation.config, &installation.example);
        written.map_err(|source| unwritable(installation.config.clone(), source))?;
        done.push(format!("{}: an example, to be edited", installation.config.display()));
    }
    register_source()?;
    done.push(format!("events go to the Application log, source {NAME}"));
    done.extend(describe(installation)?);
    Ok(done)
}

/// Has the manager know the service. One that is there keeps its account, unless another is named, and whether it starts by itself.
fn describe(installation: &Installation) -> Result<Vec<String>, ServiceError> {
    let manager = connect(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    let own = format!("NT SERVICE\\{NAME}");
    let account = installation.account.clone().unwrap_or(own);
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::QUERY_CONFIG;
    let mut done = Vec::new();
    let service = match manager.create_service(&info(installation, Some(&account), ServiceStartType::AutoStart), access)
    {
        Err(error) if code(&error) == Some(EXISTS) => {
            let service = open(&manager, access)?;
            let start = service.query_config().map_err(|error| failed("asking what the service is", error))?.start_type;
            let changed = service.change_config(&info(installation, installation.account.as_ref(), start));
            changed.map_err(|error| failed("changing the service", error))?;
            done.push(format!("the service {NAME} is brought up to date"));
            service
        }
        created => {
            let service = created.map_err(|error| failed("installing the service", error))?;
            service.set_delayed_auto_start(true).or_else(|error| unknown("delayed start", error, &mut done))?;
            done.push(format!("the service {NAME} starts with the system, as {account}"));
            service
        }
    };
    let actions = AGAIN.map(|delay| ServiceAction { action_type: ServiceActionType::Restart, delay });
    let recovery = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(CALM),
        reboot_msg: None,
        command: None,
        actions: Some(actions.into()),
    };
    service.set_description(DESCRIPTION).or_else(|error| unknown("description", error, &mut done))?;
    service.update_failure_actions(recovery).or_else(|error| unknown("recovery", error, &mut done))?;
    // An exit status other than 0 is a failure, too.
    let failures = service.set_failure_actions_on_non_crash_failures(true);
    failures.or_else(|error| unknown("recovery from exit statuses", error, &mut done))?;
    // The access lists name the service, whatever account it runs as.
    let identity = service.set_config_service_sid_info(ServiceSidType::Unrestricted);
    identity.or_else(|error| unknown("an identity of the service's own", error, &mut done))?;
    Ok(done)
}

fn info(installation: &Installation, account: Option<&String>, start_type: ServiceStartType) -> ServiceInfo {
    ServiceInfo {
        name: NAME.into(),
        display_name: DISPLAY_NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type,
        error_control: ServiceErrorControl::Normal,
        executable_path: installation.program.clone(),
        launch_arguments: ["--config".into(), installation.config.clone().into(), "service".into(), "host".into()]
            .into(),
        dependencies: vec![ServiceDependency::Service("Tcpip".into())],
        account_name: account.map(Into::into),
        // Virtual and group managed accounts have none that anybody knows.
        account_password: account.map(|_| OsString::new()),
    }
}

/// A setting that this system does not know is told, and the rest is set all the same.
fn unknown(what: &str, error: windows_service::Error, done: &mut Vec<String>) -> Result<(), ServiceError> {
    if code(&error) != Some(INVALID_LEVEL) {
        return Err(failed("describing the service", error));
    }
    done.push(format!("not set, since this system does not know it: {what}"));
    Ok(())
}

fn register_source() -> Result<(), ServiceError> {
    let written = LOCAL_MACHINE.create(SOURCE).and_then(|source| {
        source.set_expand_string("EventMessageFile", MESSAGES)?;
        source.set_u32("TypesSupported", TYPES)
    });
    written.map_err(|error| from_io("registering the event source", error.into()))
}

pub(in crate::service) fn uninstall() -> Result<Vec<String>, ServiceError> {
    let manager = connect(ServiceManagerAccess::CONNECT)?;
    let mut done = Vec::new();
    match open(&manager, ServiceAccess::DELETE | ServiceAccess::STOP | ServiceAccess::QUERY_STATUS) {
        Ok(service) => {
            end(&service)?;
            service.delete().map_err(|error| failed("removing the service", error))?;
            done.push(format!("the service {NAME} is removed"));
        }
        // What else there is goes all the same.
        Err(ServiceError::Missing) => {}
        Err(error) => return Err(error),
    }
    match LOCAL_MACHINE.remove_tree(SOURCE) {
        Ok(()) => done.push(format!("the event source {NAME} is removed")),
        Err(error) if io::Error::from(error.clone()).kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(from_io("removing the event source", error.into())),
    }
    if done.is_empty() {
        return Err(ServiceError::Missing);
    }
    if let Some(home) = system::config_file().parent() {
        done.push(format!("{}: left as it is, with configuration, secrets, store and logs", home.display()));
    }
    Ok(done)
}

pub(in crate::service) fn start() -> Result<State, ServiceError> {
    let manager = connect(ServiceManagerAccess::CONNECT)?;
    let service = open(&manager, ServiceAccess::START | ServiceAccess::QUERY_STATUS)?;
    match service.start::<OsString>(&[]) {
        Err(error) if code(&error) == Some(ALREADY_RUNNING) => {}
        started => started.map_err(|error| failed("starting the service", error))?,
    }
    match settled(&service, ServiceState::StartPending)? {
        State::Stopped(how) => Err(ServiceError::Ended { status: how.unwrap_or_else(|| "no error".to_owned()) }),
        state => Ok(state),
    }
}

pub(in crate::service) fn stop() -> Result<State, ServiceError> {
    let manager = connect(ServiceManagerAccess::CONNECT)?;
    end(&open(&manager, ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?)
}

pub(in crate::service) fn state() -> Result<State, ServiceError> {
    let manager = connect(ServiceManagerAccess::CONNECT)?;
    let service = open(&manager, ServiceAccess::QUERY_STATUS)?;
    query(&service).map(|status| state_of(&status))
}

fn end(service: &Service) -> Result<State, ServiceError> {
    match service.stop() {
        Err(error) if code(&error) == Some(NOT_ACTIVE) => {}
        stopped => drop(stopped.map_err(|error| failed("stopping the service", error))?),
    }
    settled(service, ServiceState::StopPending)
}

/// Waits until the service is no longer in a state that is to pass, as long as it makes progress.
fn settled(service: &Service, passing: ServiceState) -> Result<State, ServiceError> {
    let (mut news, mut checkpoint) = (Instant::now(), 0);
    loop {
        let status = query(service)?;
        if status.current_state != passing {
            return Ok(state_of(&status));
        }
        if status.checkpoint != checkpoint {
            (news, checkpoint) = (Instant::now(), status.checkpoint);
        } else if news.elapsed() > status.wait_hint + GRACE {
            return Err(ServiceError::Stuck { state: state_of(&status).to_string() });
        }
        sleep(LOOK);
    }
}

fn state_of(status: &ServiceStatus) -> State {
    match status.current_state {
        ServiceState::Stopped => State::Stopped(match status.exit_code {
            ServiceExitCode::Win32(0 | NEVER_STARTED) => None,
            ServiceExitCode::Win32(error) => Some(format!("error {error} of Windows")),
            ServiceExitCode::ServiceSpecific(status) => Some(format!("exit status {status}")),
        }),
        ServiceState::StartPending | ServiceState::ContinuePending => State::Starting,
        ServiceState::StopPending => State::Stopping,
        ServiceState::Running | ServiceState::PausePending | ServiceState::Paused => State::Running(status.process_id),
    }
}

fn query(service: &Service) -> Result<ServiceStatus, ServiceError> {
    service.query_status().map_err(|error| failed("asking for the service's state", error))
}

fn connect(access: ServiceManagerAccess) -> Result<ServiceManager, ServiceError> {
    let manager = ServiceManager::local_computer(None::<&str>, access);
    manager.map_err(|error| failed("connecting to the service control manager", error))
}

fn open(manager: &ServiceManager, access: ServiceAccess) -> Result<Service, ServiceError> {
    manager.open_service(NAME, access).map_err(|error| match code(&error) {
        Some(MISSING) => ServiceError::Missing,
        _ => failed("opening the service", error),
    })
}

/// The error of Windows within.
fn code(error: &windows_service::Error) -> Option<i32> {
    match error {
        windows_service::Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    }
}

pub(super) fn failed(doing: &'static str, error: windows_service::Error) -> ServiceError {
    match error {
        windows_service::Error::Winapi(source) => from_io(doing, source),
        other => ServiceError::Failed { doing, source: io::Error::other(other) },
    }
}

fn from_io(doing: &'static str, source: io::Error) -> ServiceError {
    match source.raw_os_error() {
        Some(DENIED) => ServiceError::Denied { doing },
        _ => ServiceError::Failed { doing, source },
    }
}

fn unwritable(path: std::path::PathBuf, source: io::Error) -> ServiceError {
    match source.raw_os_error() {
        Some(DENIED) => ServiceError::Denied { doing: "making the service's directories" },
        _ => ServiceError::Unwritable { path, source },
    }
}
