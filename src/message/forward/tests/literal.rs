//! Literal bodies, one layout each, from `bodies.txt` and `not-forwards.txt`.
//!
//! A case is `### name`, lines `key: value`, `---`, and the mail. Keys: `outer` (its subject), `style`, `from`, `date`,
//! `subject`, `to` (how many), `note`. A line that ends in `@body` stands for [`BODY`], each line after what is before it.

use super::{BODY, split};

/// One case.
struct Case {
    /// Its name.
    name: String,
    /// Keys and values.
    keys: Vec<(String, String)>,
    /// The mail's text.
    text: String,
}

impl Case {
    /// A key's value.
    fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }
}

/// Reads a file of cases.
fn cases(file: &str) -> Vec<Case> {
    file.split("### ").skip(1).map(read_case).collect()
}

/// Reads one case.
fn read_case(source: &str) -> Case {
    let (head, text) = source.split_once("\n---\n").unwrap_or_else(|| panic!("no --- in {source}"));
    let mut lines = head.lines();
    let name = lines.next().unwrap_or_default().to_owned();
    let keys = lines.map(|line| line.split_once(':').unwrap_or_else(|| panic!("{name}: {line}")));
    let keys = keys.map(|(key, value)| (key.to_owned(), value.trim().replace("\\n", "\n"))).collect();
    Case { name, keys, text: expand(text.trim_end_matches('\n')) }
}

/// Puts the body in, and no-break spaces (`~_`) and right-to-left marks (`~r`).
fn expand(text: &str) -> String {
    let line = |line: &str| match line.strip_suffix("@body") {
        Some(mark) => BODY.lines().map(|one| format!("{mark}{one}")).collect::<Vec<_>>().join("\n"),
        None => line.to_owned(),
    };
    let whole = text.lines().map(line).collect::<Vec<_>>().join("\n");
    whole.replace("~_", "\u{a0}").replace("~r", "\u{200f}")
}

#[test]
fn forwards_are_taken_apart() {
    let all = cases(include_str!("bodies.txt"));
    assert!(all.len() >= 60, "{} cases", all.len());
    let wrong: Vec<String> = all.iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn other_mail_is_left_whole() {
    let all = cases(include_str!("not-forwards.txt"));
    let found = all.iter().filter_map(|case| {
        let split = split(case.get("outer").unwrap_or_default(), &case.text)?;
        Some(format!("{}: {split:?}", case.name))
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), all.len(), found.join("\n"));
}

/// Compares one case with what is found.
fn check(case: &Case) -> Result<(), String> {
    let name = &case.name;
    let outer = case.get("outer").unwrap_or("Fwd: Parcel held");
    let found = split(outer, &case.text).ok_or_else(|| format!("{name}: not found"))?;
    let from = found.header.from.as_ref().map(|from| format!("{} <{}>", from.name, from.address));
    let same = |what: &str, found: Option<&str>, wanted: Option<&str>| {
        (found == wanted)
            .then_some(())
            .ok_or_else(|| format!("{name}: {what} is {found:?}, expected {wanted:?}"))
    };
    let or = |key: &str, default: &'static str| case.get(key).unwrap_or(default).to_owned();
    let wanted = |key: &str, default: &'static str| Some(or(key, default)).filter(|value| !value.is_empty());
    same("from", from.as_deref(), wanted("from", "Dana Crane <dana@crane.example>").as_deref())?;
    same("date", found.header.date.as_deref(), wanted("date", "").as_deref())?;
    same("subject", found.header.subject.as_deref(), wanted("subject", "Parcel held").as_deref())?;
    same("body", Some(&found.body.text), Some(BODY))?;
    same("note", Some(&found.note), Some(&or("note", "")))?;
    same("style", Some(&found.style), case.get("style").or(Some(&found.style)))?;
    let to = case.get("to").map_or(1, |to| to.parse().unwrap_or(0));
    same("to", Some(&found.header.to.len().to_string()), Some(&to.to_string()))
}
