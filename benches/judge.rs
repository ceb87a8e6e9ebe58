//! Speed of judging, as a ratio to mail-parser parsing the same mails: `cargo bench --bench judge`.
//!
//! Takes the mails of `BYPOST_CORPORA/mail/phishing_pot` when that is set, else the samples.

#![expect(clippy::expect_used, reason = "a bench that cannot run has no result")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bypost::engine::Engine;
use bypost::message::RawMessage;
use bypost::sources::Sources;

/// Runs of which the fastest counts.
const RUNS: usize = 5;

fn main() {
    let start = Instant::now();
    let engine = Engine::new(&Sources::embedded()).expect("engine");
    println!("engine built in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    ratios(&engine);
    divan::main();
}

/// Every set once, as ratios.
fn ratios(engine: &Engine) {
    for (name, mails) in sets() {
        let bytes: usize = mails.iter().map(Vec::len).sum();
        println!(
            "{name}: {} mails, {:.1} kB on average",
            mails.len(),
            bytes as f64 / 1e3 / mails.len() as f64
        );
        let parse = best(&mails, |m| {
            black_box(mail_parser::MessageParser::default().parse(m));
        });
        let read = best(&mails, |m| {
            black_box(engine.read(&RawMessage::new(m)));
        });
        let judge = best(&mails, |m| {
            black_box(engine.judge(&RawMessage::new(m)));
        });
        for (what, seconds) in [("mail-parser alone", parse), ("read", read), ("judge", judge)] {
            println!(
                "  {what:<18} {:>8.0} mails/s  {:>6.1} MB/s  {:>5.2} x mail-parser",
                mails.len() as f64 / seconds,
                bytes as f64 / 1e6 / seconds,
                seconds / parse
            );
        }
    }
}

/// The first set, by divan: time for all its mails.
#[divan::bench(sample_count = 10)]
fn mail_parser_alone(bencher: divan::Bencher<'_, '_>) {
    let mails = sets().swap_remove(0).1;
    bencher.bench(|| {
        mails.iter().filter_map(|m| mail_parser::MessageParser::default().parse(m.as_slice())).count()
    });
}

#[divan::bench(sample_count = 10)]
fn judge(bencher: divan::Bencher<'_, '_>) {
    let mails = sets().swap_remove(0).1;
    let engine = Engine::new(&Sources::embedded()).expect("engine");
    bencher.bench(|| mails.iter().map(|m| engine.judge(&RawMessage::new(m.as_slice())).score).sum::<f64>());
}

/// Seconds of the fastest of several runs over all mails.
fn best(mails: &[Vec<u8>], mut f: impl FnMut(&[u8])) -> f64 {
    let run = |_| {
        let start = Instant::now();
        mails.iter().for_each(|m| f(m));
        start.elapsed().as_secs_f64()
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}

fn sets() -> Vec<(String, Vec<Vec<u8>>)> {
    let corpora = std::env::var_os("BYPOST_CORPORA").map(PathBuf::from);
    let dirs = match &corpora {
        Some(dir) => ["phishing_pot", "spamassassin", "csdmc2010"].map(|s| dir.join("mail").join(s)).to_vec(),
        None => vec![PathBuf::from("data/samples")],
    };
    dirs.iter()
        .map(|dir| (dir.file_name().unwrap_or_default().to_string_lossy().into_owned(), mails(dir)))
        .collect()
}

fn mails(dir: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).expect("directory").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    let mail = paths.iter().filter(|p| p.extension().is_some_and(|e| e == "eml"));
    mail.map(|p| std::fs::read(p).expect("mail")).collect()
}
