//! Parse, call, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    seatsync::cli::main()
}
