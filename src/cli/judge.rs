//! `bypost judge`.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::args::{Format, JudgeArgs};
use super::inputs::{self, Input};
use super::text;
use crate::engine::{Engine, Judgement};
use crate::message::RawMessage;
use crate::verdict::Label;

/// Messages judged at a time: all cores are busy, and memory stays bounded whatever the number of files.
const BATCH: usize = 256;

/// Bytes of messages held at a time.
const BATCH_BYTES: usize = 64 << 20;

/// Judges everything named and prints it in order; returns the exit code.
pub(super) fn run(engine: &Engine, args: &JudgeArgs) -> Result<u8> {
    let paths = inputs::expand(&args.paths)?;
    let many = paths.len() > 1 || paths.iter().any(|p| p.extension().is_some_and(|e| e == "jsonl"));
    let progress = progress(paths.len());
    let mut printer = Printer { engine, args, many, totals: [0; 3], errors: 0, batch: Vec::new(), bytes: 0 };
    for path in &paths {
        let outcome = inputs::read(path, args.channel.channel(), &mut |input| printer.take(input));
        if let Err(error) = outcome {
            if is_closed(&error) {
                return Ok(0);
            }
            progress.suspend(|| eprintln!("bypost: {error:#}"));
            printer.errors += 1;
        }
        progress.inc(1);
    }
    if let Err(error) = printer.flush() {
        return if is_closed(&error) { Ok(0) } else { Err(error) };
    }
    progress.finish_and_clear();
    printer.finish();
    Ok(printer.exit_code())
}

fn progress(paths: usize) -> ProgressBar {
    if paths <= 20 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(paths as u64).with_style(style)
}

/// The reader of our output has gone (`bypost judge … | head`).
fn is_closed(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

struct Printer<'a> {
    engine: &'a Engine,
    args: &'a JudgeArgs,
    many: bool,
    totals: [usize; 3],
    errors: usize,
    batch: Vec<Input>,
    bytes: usize,
}

impl Printer<'_> {
    fn take(&mut self, input: Input) -> Result<()> {
        self.bytes += input.bytes.len();
        self.batch.push(input);
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Judges what is held and prints it in the order it came.
    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let printed: Vec<(Label, String)> = batch.par_iter().map(|input| self.judge(input)).collect();
        let mut out = std::io::stdout().lock();
        for (label, text) in printed {
            self.totals[label as usize] += 1;
            out.write_all(text.as_bytes())?;
        }
        out.flush()?;
        Ok(())
    }

    fn judge(&self, input: &Input) -> (Label, String) {
        let raw = RawMessage { bytes: input.bytes.as_slice().into(), channel: input.channel };
        let judgement = self.engine.judge(&raw);
        (judgement.label, self.print(&input.source, &judgement))
    }

    fn print(&self, source: &str, judgement: &Judgement) -> String {
        match self.args.format {
            Format::Json => format!("{}\n", self.engine.json(source, judgement, self.args.reply)),
            Format::Reply => {
                let reply = self.engine.reply(judgement);
                format!("Subject: {}\n\n{}\n", reply.subject, reply.text.trim_end())
            }
            Format::Html => format!("{}\n", self.engine.reply(judgement).html.trim_end()),
            Format::Text if self.many && !self.args.verbose => text::line(source, judgement),
            Format::Text => text::account(self.engine, source, judgement),
        }
    }

    /// Counts, on standard error, when there were several messages.
    fn finish(&self) {
        let [none, suspicious, scam] = self.totals;
        if self.many && self.args.format == Format::Text {
            let total = none + suspicious + scam;
            eprintln!(
                "{total} messages: {scam} scam, {suspicious} suspicious, {none} no-signs, {} not read",
                self.errors
            );
        }
    }

    fn exit_code(&self) -> u8 {
        match (self.errors, self.args.exit_code) {
            (1.., _) => 3,
            (0, false) => 0,
            (0, true) => self.totals.iter().rposition(|n| *n > 0).unwrap_or(0) as u8,
        }
    }
}
