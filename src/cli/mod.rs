//! The command line.

mod args;
mod filter;
mod inputs;
mod judge;
mod serve;
mod text;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};
use serde_json::json;

use args::{Cli, Command, EvalArgs, MarkerFormat, TrainArgs};

use crate::engine::Engine;
use crate::eval::{self, EvalOptions};
use crate::sources::Sources;
use crate::train::{self, TrainOptions};

/// Exit code of every error.
pub const ERROR: u8 = 3;

/// Runs the command given by the process's arguments; returns the exit code.
///
/// # Errors
/// What went wrong, naming the file, line or field.
pub fn run() -> Result<u8> {
    let cli = Cli::parse();
    let sources = || match &cli.data {
        Some(dir) => Sources::from_dir(dir),
        None => Ok(Sources::embedded()),
    };
    if let Command::Filter(args) = &cli.command {
        // Broken data must not lose the mail.
        return Ok(filter::run(sources, args));
    }
    let sources = sources()?;
    match cli.command {
        Command::Filter(_) => Ok(0),
        Command::Judge(args) => {
            let engine = Engine::new(&sources)?.trusting(args.trust_authserv.clone());
            judge::run(&engine, &args)
        }
        Command::Check { config } => {
            if let Some(config) = config {
                serve::check(config, cli.data.as_ref())?;
            }
            check(&sources)
        }
        Command::Serve(args) => serve::run(&args, cli.data.as_ref()),
        Command::Journal(args) => serve::journal(&args),
        Command::Erase(args) => serve::erase(&args),
        Command::Markers { format } => markers(&sources, format),
        Command::Train(args) => train(&sources, args),
        Command::Eval(args) => eval(&sources, args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "bypost", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man { dir } => man(dir.as_deref()),
    }
}

fn check(sources: &Sources) -> Result<u8> {
    let engine = Engine::new(sources)?;
    let problems = engine.check(Some(today()));
    for problem in &problems {
        println!("{problem}");
    }
    let gatherer = engine.gatherer();
    let examples: usize = gatherer.catalogue.markers().iter().map(|m| m.hits.len() + m.misses.len()).sum();
    println!(
        "{} markers with {examples} examples, {} brands, {} rules: {}",
        gatherer.catalogue.markers().len(),
        gatherer.brands.iter().count(),
        engine.rules().iter().count(),
        if problems.is_empty() { "all fine".to_owned() } else { format!("{} problems", problems.len()) }
    );
    Ok(if problems.is_empty() { 0 } else { ERROR })
}

/// Today's date in UTC: year, month, day (Howard Hinnant's civil-from-days algorithm).
fn today() -> (i32, u8, u8) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let days = (now.as_secs() / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u8, day as u8)
}

fn markers(sources: &Sources, format: MarkerFormat) -> Result<u8> {
    let engine = Engine::new(sources)?;
    let mut out = std::io::stdout().lock();
    if format == MarkerFormat::Markdown {
        writeln!(out, "| marker | meaning | found by |\n|---|---|---|")?;
    }
    for marker in engine.gatherer().catalogue.markers() {
        let by = if marker.coded { "code" } else { "phrases" };
        match format {
            MarkerFormat::Text => writeln!(out, "{:<32} {}", marker.id, marker.title)?,
            MarkerFormat::Json => {
                writeln!(out, "{}", json!({ "id": marker.id, "title": marker.title, "by": by }))?
            }
            MarkerFormat::Markdown => writeln!(out, "| `{}` | {} | {by} |", marker.id, marker.title)?,
        }
    }
    Ok(0)
}

fn train(sources: &Sources, args: TrainArgs) -> Result<u8> {
    let out = args.out.display().to_string();
    let options = TrainOptions {
        corpora: args.corpora,
        own: args.own,
        extra: args.extra,
        out: args.out,
        force: args.force,
    };
    let bar = indicatif::ProgressBar::new(0);
    let summary = train::run(sources, &options, &|done, total| advance(&bar, done, total))?;
    bar.finish_and_clear();
    println!("{summary}written to {out}; build again to have it in the program");
    Ok(0)
}

fn eval(sources: &Sources, args: EvalArgs) -> Result<u8> {
    let options = EvalOptions { corpora: args.corpora, own: args.own, out: args.out, card: args.card };
    let bar = indicatif::ProgressBar::new(0);
    let report = eval::run(sources, &options, &|done, total| advance(&bar, done, total))?;
    bar.finish_and_clear();
    println!("{report}\nwritten to {}", options.out.display());
    Ok(0)
}

/// Moves a progress bar on a terminal; elsewhere it draws nothing.
fn advance(bar: &indicatif::ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

fn man(dir: Option<&Path>) -> Result<u8> {
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .with_context(|| format!("{}: cannot make the directory", dir.display()))?;
            clap_mangen::generate_to(Cli::command(), dir)
                .with_context(|| format!("{}: cannot write the pages", dir.display()))?;
        }
        None => clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?,
    }
    Ok(0)
}
