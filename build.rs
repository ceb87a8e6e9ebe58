//! Prepares the plans of the built-in patterns (`src/evidence/literals.rs`), so that starting up need not parse them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[allow(dead_code, reason = "the same file is a module of the library")]
#[path = "src/evidence/literals.rs"]
mod literals;

use literals::{Plan, Set};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/evidence/literals.rs");
    println!("cargo::rerun-if-changed=data/markers");
    println!("cargo::rerun-if-changed=data/polarity.toml");
    let mut plans = BTreeMap::new();
    for file in files()? {
        let table: toml::Table =
            std::fs::read_to_string(&file)?.parse().map_err(|e| format!("{}: {e}", file.display()))?;
        for pattern in patterns(&table) {
            // A pattern that is not valid is reported, with its line, when the data are loaded.
            if let Ok(Some(plan)) = Plan::new(pattern) {
                plans.insert(pattern.to_owned(), plan);
            }
        }
    }
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("prepared.rs"), source(&plans)?)?;
    Ok(())
}

/// The files that have patterns.
fn files() -> std::io::Result<Vec<PathBuf>> {
    let mut files = vec![PathBuf::from("data/polarity.toml")];
    for entry in std::fs::read_dir("data/markers")? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

/// The patterns of markers and frames.
fn patterns(table: &toml::Table) -> impl Iterator<Item = &str> {
    let entries = ["marker", "frame"].into_iter().filter_map(|key| table.get(key)?.as_array()).flatten();
    let lists = entries.flat_map(|entry| ["any", "unless"].into_iter().filter_map(|key| entry.get(key)));
    lists.filter_map(toml::Value::as_array).flatten().filter_map(toml::Value::as_str)
}

/// The Rust source: every literal once, and the plans by pattern.
fn source(plans: &BTreeMap<String, Plan>) -> Result<String, std::fmt::Error> {
    let mut numbers: BTreeMap<&[u8], usize> = BTreeMap::new();
    for plan in plans.values() {
        for literal in plan.also.iter().flatten().chain(&plan.set) {
            numbers.insert(literal, 0);
        }
    }
    numbers.values_mut().enumerate().for_each(|(number, slot)| *slot = number);
    let list = |set: &Set| {
        let all: Vec<String> = set.iter().map(|literal| numbers[literal.as_slice()].to_string()).collect();
        format!("&[{}]", all.join(","))
    };
    let mut source = String::from(
        "/// Every literal of the built-in patterns.\npub(super) static LITERALS: &[&[u8]] = &[\n",
    );
    for literal in numbers.keys() {
        writeln!(source, "b\"{}\",", literal.escape_ascii())?;
    }
    source.push_str("];\n\n/// The plans, sorted by pattern.\nstatic PREPARED: &[Prepared] = &[\n");
    for (pattern, plan) in plans {
        let also: Vec<String> = plan.also.iter().map(list).collect();
        writeln!(
            source,
            "Prepared {{ source: {pattern:?}, set: {}, also: &[{}], before: {}, after: {} }},",
            list(&plan.set),
            also.join(","),
            plan.before,
            plan.after
        )?;
    }
    source.push_str("];\n");
    Ok(source)
}
