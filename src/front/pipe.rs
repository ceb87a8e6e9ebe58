//! The pipe: a mail comes in, the same mail goes out with fields added to its header. For procmail, maildrop, Sieve, fdm.
//!
//! The mail is never lost: whatever cannot be judged goes on unchanged but for a field that says `unchecked`, unless the
//! operator wants it put off or refused, and then nothing is written at all. The body is passed on byte for byte, however
//! long it is; memory is bounded by what is judged.

use std::borrow::Borrow;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::door::{Answer, Extent};
use super::failure::{Failure, FailurePolicy, OnFailure};
use super::headers;
use crate::engine::Engine;
use crate::message::{Channel, RawMessage};
use crate::verdict::Label;

/// Longest header: a mail whose header is longer is passed on without being judged.
const MAX_HEADER: usize = 16 << 20;

/// How the pipe is to work.
#[derive(Clone, Debug)]
pub struct PipeConfig {
    /// Bytes of the mail that are judged.
    pub judged_bytes: usize,
    /// What becomes of what cannot be checked.
    pub failures: FailurePolicy,
    /// What is put before the subject of a scam; empty for nothing.
    pub subject_tag: String,
    /// The server's name in the trace field.
    pub host: String,
}

/// What became of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piped {
    /// It went on, judged.
    Judged(Label),
    /// It went on, not judged.
    Unchecked(Failure),
    /// Nothing was written: it is to be tried again later.
    Tempfail(Failure),
    /// Nothing was written: it is refused.
    Refused(Failure),
}

/// Passes one mail on. The engine is made by `engine` once the mail has been read; when it cannot be made, the mail is
/// unchecked.
///
/// # Errors
/// The mail cannot be read or written.
pub fn run<G: Borrow<Engine>, E: std::fmt::Display>(
    input: &mut dyn Read,
    output: &mut dyn Write,
    engine: impl FnOnce() -> Result<G, E>,
    config: &PipeConfig,
) -> io::Result<Piped> {
    let (start, ended) = beginning(input, config.judged_bytes)?;
    let answer = match (headers::divide(&start), ended) {
        (None, false) => Answer::Unchecked(Failure::Parse),
        _ => judge(&start, ended, engine, config),
    };
    if let Answer::Unchecked(failure) = answer {
        match config.failures.action(failure) {
            OnFailure::AcceptUnchecked => {}
            OnFailure::Tempfail => return Ok(Piped::Tempfail(failure)),
            OnFailure::Refuse => return Ok(Piped::Refused(failure)),
        }
    }
    let parts = headers::divide_all(&start);
    let scam = matches!(&answer, Answer::Judged { judgement, .. } if judgement.label == Label::Scam);
    let tag = if scam { config.subject_tag.as_str() } else { "" };
    output.write_all(parts.envelope)?;
    output.write_all(&headers::rewrite(parts.header, &headers::fields(&answer, &config.host), tag))?;
    output.write_all(parts.rest)?;
    if !ended {
        io::copy(input, output)?;
    }
    output.flush()?;
    Ok(match answer {
        Answer::Judged { judgement, .. } => Piped::Judged(judgement.label),
        Answer::Unchecked(failure) => Piped::Unchecked(failure),
    })
}

/// The beginning of the mail, its whole header at least, and whether that is all of it.
fn beginning(input: &mut dyn Read, judged: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut start = Vec::with_capacity(64 << 10);
    // One byte more than is judged tells whether there is more.
    let mut limit = judged.saturating_add(1);
    loop {
        let room = limit - start.len();
        let read = input.take(room as u64).read_to_end(&mut start)?;
        if read < room {
            return Ok((start, true));
        }
        if headers::divide(&start).is_some() || limit >= MAX_HEADER.max(judged) {
            return Ok((start, false));
        }
        limit *= 2;
    }
}

fn judge<G: Borrow<Engine>, E: std::fmt::Display>(
    start: &[u8],
    ended: bool,
    engine: impl FnOnce() -> Result<G, E>,
    config: &PipeConfig,
) -> Answer {
    let judged = start.len().min(config.judged_bytes);
    let engine = match engine() {
        Ok(engine) => engine,
        Err(error) => {
            eprintln!("bypost: {error:#}");
            return Answer::Unchecked(Failure::Internal);
        }
    };
    let raw = RawMessage::with_channel(&start[..judged], Channel::Email);
    // The engine is total; should it fail all the same, the mail must go on.
    match catch_unwind(AssertUnwindSafe(|| engine.borrow().judge(&raw))) {
        Ok(judgement) => {
            // The process ends with this mail: taking the engine apart would only cost time.
            std::mem::forget(engine);
            // The header goes first, so how long a mail is that is still coming in cannot be said.
            let extent = Extent { judged, total: ended.then_some(start.len()) };
            Answer::Judged { judgement: Arc::new(judgement), extent }
        }
        Err(_) => Answer::Unchecked(Failure::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{DataError, Sources};

    const SCAM: &str = "From: a@b.example\r\nX-Bypost-Verdict: no-signs\r\nSubject: IRS\r\n\r\nIRS: pay with gift cards today or be arrested.\r\n";

    fn config(judged_bytes: usize, action: OnFailure) -> PipeConfig {
        PipeConfig {
            judged_bytes,
            failures: FailurePolicy::all(action),
            subject_tag: "[Scam?]".into(),
            host: "mx.example".into(),
        }
    }

    fn pass(mail: &[u8], config: &PipeConfig) -> (Piped, Vec<u8>) {
        let mut out = Vec::new();
        let piped =
            run(&mut &mail[..], &mut out, || Engine::new(&Sources::embedded()), config).expect("passes");
        (piped, out)
    }

    #[test]
    fn a_mail_goes_on_with_its_verdict_and_without_forged_fields() {
        let (piped, out) = pass(SCAM.as_bytes(), &config(1 << 20, OnFailure::Refuse));
        let out = String::from_utf8(out).expect("ASCII");
        assert_eq!(piped, Piped::Judged(Label::Scam));
        assert!(out.starts_with("X-Bypost-Verdict: scam\r\nX-Bypost-Score: "), "{out}");
        assert_eq!(out.matches("X-Bypost-Verdict").count(), 1);
        assert!(out.contains("\r\nSubject: [Scam?] IRS\r\n\r\n"));
        assert_eq!(out.split_once("\r\n\r\n").map(|p| p.1), SCAM.split_once("\r\n\r\n").map(|p| p.1));
    }

    #[test]
    fn of_a_long_mail_the_beginning_is_judged_and_all_goes_on() {
        for judged in [20, SCAM.len(), SCAM.len() + 9_999] {
            let mail = [SCAM.as_bytes(), &[0xff; 10_000]].concat();
            let (piped, out) = pass(&mail, &config(judged, OnFailure::Refuse));
            assert!(matches!(piped, Piped::Judged(_)));
            let told = format!("(the first {judged} bytes)");
            assert!(String::from_utf8_lossy(&out).contains(&told), "{}", String::from_utf8_lossy(&out));
            assert!(out.ends_with(&mail[mail.len() - 10_020..]));
        }
        let mail = [SCAM.as_bytes(), &[0xff; 10_000]].concat();
        let (_, out) = pass(&mail, &config(mail.len(), OnFailure::Refuse));
        assert!(!String::from_utf8_lossy(&out).contains("the first"));
    }

    #[test]
    fn without_an_engine_the_policy_decides() {
        let broken = || Err::<Engine, _>(DataError::file("x", "broken"));
        for (action, expected, kept) in [
            (OnFailure::AcceptUnchecked, Piped::Unchecked(Failure::Internal), true),
            (OnFailure::Tempfail, Piped::Tempfail(Failure::Internal), false),
            (OnFailure::Refuse, Piped::Refused(Failure::Internal), false),
        ] {
            let mut out = Vec::new();
            let piped =
                run(&mut SCAM.as_bytes(), &mut out, broken, &config(1 << 20, action)).expect("passes");
            assert_eq!((piped, !out.is_empty()), (expected, kept));
            assert!(!kept || out.starts_with(b"X-Bypost-Verdict: unchecked (internal)\r\n"));
        }
    }

    #[test]
    fn an_endless_header_is_not_understood_and_goes_on() {
        let mail = vec![b'x'; MAX_HEADER * 3];
        let (piped, out) = pass(&mail, &config(1 << 10, OnFailure::AcceptUnchecked));
        assert_eq!(piped, Piped::Unchecked(Failure::Parse));
        assert!(out.len() > mail.len());
    }
}
