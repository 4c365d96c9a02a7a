//! The Event Log of Windows: what has a code is an event with that code's number. The installer registers the source.
#![expect(unsafe_code, reason = "the Win32 API is C; each block says why it is sound")]

use std::fmt::{self, Write as _};
use std::ptr::{null, null_mut};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE, RegisterEventSourceW,
    ReportEventW,
};

use super::number::number;

/// A text of an event is at most 31,839 characters long ("ReportEventW").
const LONGEST: usize = 31_000;

/// An open event source.
#[derive(Debug)]
pub(super) struct EventLog(HANDLE);

// SAFETY: the handle stands for a connection that any thread may use.
unsafe impl Send for EventLog {}
// SAFETY: as above; each call is whole in itself.
unsafe impl Sync for EventLog {}

impl EventLog {
    /// Opens the source of this name; `None` when the Event Log cannot be reached.
    pub(super) fn open(source: &str) -> Option<Self> {
        let name = wide(source);
        // SAFETY: the name ends in zero; no server means this machine.
        let handle = unsafe { RegisterEventSourceW(null(), name.as_ptr()) };
        (!handle.is_null()).then_some(Self(handle))
    }

    /// Writes an event. One that is lost is in the log file.
    pub(super) fn report(&self, level: Level, code: &str, text: &str) {
        let kind = match level {
            Level::ERROR => EVENTLOG_ERROR_TYPE,
            Level::WARN => EVENTLOG_WARNING_TYPE,
            _ => EVENTLOG_INFORMATION_TYPE,
        };
        let text = wide(&format!("{text}\r\n\r\n[{code}]").chars().take(LONGEST).collect::<String>());
        let texts = [text.as_ptr()];
        // SAFETY: the source is open; one text is given, which ends in zero and outlives the call.
        unsafe {
            ReportEventW(self.0, kind, 0, number(code).into(), null_mut(), 1, 0, texts.as_ptr(), null());
        }
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, closed once.
        unsafe { DeregisterEventSource(self.0) };
    }
}

impl<S: Subscriber> Layer<S> for EventLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut found = Found::default();
        event.record(&mut found);
        let level = *event.metadata().level();
        if let (Some(code), true) = (&found.code, level <= Level::INFO) {
            self.report(level, code, &format!("{}{}", found.message, found.fields));
        }
    }
}

/// What of a log line goes to the Event Log.
#[derive(Default)]
struct Found {
    code: Option<String>,
    message: String,
    fields: String,
}

impl Visit for Found {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.code = Some(value.to_owned()),
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, "\r\n{name}: {value:?}"),
        };
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
