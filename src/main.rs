//! The bypost command.

use std::process::ExitCode;

fn main() -> ExitCode {
    match bypost::cli::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("bypost: {error:#}");
            ExitCode::from(bypost::cli::ERROR)
        }
    }
}
