//! `bypost filter`.

use std::io::{self, BufWriter};

use super::args::{FilterArgs, OnFailureArg};
use crate::engine::Engine;
use crate::front::failure::{FailurePolicy, OnFailure};
use crate::front::pipe::{self, PipeConfig, Piped};
use crate::sources::{DataError, Sources};
use crate::verdict::Label;

/// The mail is to be tried again later (EX_TEMPFAIL of sysexits).
const TEMPFAIL: u8 = 75;

/// The mail is refused (EX_NOPERM).
const REFUSED: u8 = 77;

/// Passes the mail on standard input to standard output; returns the exit code. Nothing here may lose the mail: whoever
/// called keeps it when the code is 75.
pub(super) fn run(sources: impl FnOnce() -> Result<Sources, DataError>, args: &FilterArgs) -> u8 {
    let engine = || Ok(Engine::new(&sources()?)?.trusting(args.trust_authserv.clone()));
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    match pipe::run::<Engine, DataError>(&mut io::stdin().lock(), &mut out, engine, &config(args)) {
        Ok(piped) => code(piped, args.exit_code),
        Err(error) => {
            eprintln!("bypost: the mail cannot be passed on: {error}");
            TEMPFAIL
        }
    }
}

fn config(args: &FilterArgs) -> PipeConfig {
    let action = match args.on_failure {
        OnFailureArg::AcceptUnchecked => OnFailure::AcceptUnchecked,
        OnFailureArg::Tempfail => OnFailure::Tempfail,
        OnFailureArg::Refuse => OnFailure::Refuse,
    };
    PipeConfig {
        judged_bytes: args.judged_bytes as usize,
        failures: FailurePolicy::all(action),
        subject_tag: args.subject_tag.clone(),
        host: args.host.clone().unwrap_or_else(crate::front::host_name),
    }
}

fn code(piped: Piped, exit_code: bool) -> u8 {
    match piped {
        Piped::Tempfail(_) => TEMPFAIL,
        Piped::Refused(_) => REFUSED,
        _ if !exit_code => 0,
        Piped::Judged(Label::NoSigns) => 0,
        Piped::Judged(Label::Suspicious) => 1,
        Piped::Judged(Label::Scam) => 2,
        Piped::Unchecked(_) => 3,
    }
}
