//! The training messages: enough of them, all different, well-formed, nobody's own data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde_json::Value;

fn rows() -> Vec<(String, Value)> {
    let mut rows = Vec::new();
    for path in crate::golden::files(Path::new("data/train"))
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "jsonl"))
    {
        for (number, line) in std::fs::read_to_string(&path).expect("rows").lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            rows.push((place.clone(), serde_json::from_str(line).unwrap_or_else(|e| panic!("{place}: {e}"))));
        }
    }
    rows
}

fn field<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

fn words(row: &Value) -> Vec<String> {
    let text = format!(
        "{} {}",
        field(row, "text"),
        field(row, "raw").split("\n\n").skip(1).collect::<Vec<_>>().join(" ")
    );
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

#[test]
fn rows_are_well_formed() {
    let rows = rows();
    let mut ids = BTreeSet::new();
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    for (place, row) in &rows {
        assert!(ids.insert(field(row, "id").to_owned()), "{place}: id {} is used twice", field(row, "id"));
        assert!(["en", "es"].contains(&field(row, "lang")), "{place}: lang");
        assert!(["email", "text", "voicemail"].contains(&field(row, "channel")), "{place}: channel");
        assert!(
            !field(row, "template").is_empty() && !field(row, "family").is_empty(),
            "{place}: template, family"
        );
        assert!(
            row.get("raw").is_some() != row.get("text").is_some(),
            "{place}: expected either raw or text"
        );
        *labels.entry(field(row, "label").to_owned()).or_default() += 1;
    }
    assert!(labels["scam"] >= 150 && labels["genuine"] >= 300, "{labels:?}");
    assert_eq!(labels.len(), 2, "{labels:?}");
}

/// Messages that share most of their five-word runs are one message twice.
#[test]
fn no_two_rows_are_nearly_the_same() {
    let rows = rows();
    let shingles: Vec<BTreeSet<u64>> = rows.iter().map(|(_, row)| shingles(&words(row))).collect();
    let mut owners: HashMap<u64, Vec<usize>> = HashMap::new();
    for (number, set) in shingles.iter().enumerate() {
        for shingle in set {
            owners.entry(*shingle).or_default().push(number);
        }
    }
    let mut shared: HashMap<(usize, usize), usize> = HashMap::new();
    for numbers in owners.values().filter(|n| n.len() < 50) {
        for (at, a) in numbers.iter().enumerate() {
            for b in &numbers[at + 1..] {
                *shared.entry((*a, *b)).or_default() += 1;
            }
        }
    }
    let near: Vec<String> = shared
        .into_iter()
        .filter(|((a, b), common)| *common * 10 > shingles[*a].union(&shingles[*b]).count() * 6)
        .map(|((a, b), _)| format!("{} ~ {}", rows[a].0, rows[b].0))
        .collect();
    assert!(near.is_empty(), "near-duplicates: {near:#?}");
}

fn shingles(words: &[String]) -> BTreeSet<u64> {
    let hash = |run: &[String]| {
        run.iter()
            .flat_map(|w| w.bytes().chain([b' ']))
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    };
    words.windows(5).map(hash).collect()
}

/// Telephone numbers are of the range kept for fiction, except published numbers of agencies.
#[test]
fn telephone_numbers_are_invented() {
    let phone = regex::Regex::new(r"\(?\b[2-9]\d\d\)?[-. ][2-9]\d\d-\d{4}\b").expect("valid");
    for (place, row) in rows() {
        let text = format!("{} {}", field(&row, "text"), field(&row, "raw"));
        for found in phone.find_iter(&text) {
            let number = found.as_str();
            let toll_free =
                ["800", "888", "877", "866", "855", "844", "833"].iter().any(|p| number.contains(p));
            assert!(number.contains("555-01") || toll_free, "{place}: {number}");
        }
    }
}
