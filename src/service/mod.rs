//! The hosts an agent runs under. Each turns what its system says into one stop signal; what runs is the same.

pub mod console;
#[cfg(target_os = "linux")]
pub mod systemd;
