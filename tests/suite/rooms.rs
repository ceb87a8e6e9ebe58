//! The layout that ARCHITECTURE.md promises: what may use what.

use std::path::Path;

/// A crate and the only places under `src/` that may name it.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("mail_parser", &["src/message"]),
    ("html5gum", &["src/message"]),
    ("linfa", &["src/train"]),
    ("linfa_logistic", &["src/train"]),
    ("ndarray", &["src/train"]),
    ("clap", &["src/cli", "src/main.rs"]),
    ("indicatif", &["src/cli"]),
    ("hyper", &["src/front/http"]),
    ("hyper_util", &["src/front/http"]),
    ("utoipa", &["src/front/http"]),
    ("flate2", &["src/front/spamd"]),
    ("sqlx", &["src/journal"]),
    ("lettre", &["src/outbox"]),
    ("mail_auth", &["src/inbox/sender.rs", "src/outbox/sign.rs"]),
    ("smtp_proto", &["src/front/smtp"]),
    ("async_imap", &["src/front/imap.rs"]),
    ("notify", &["src/front/maildir.rs"]),
    ("axum", &["src/front", "src/report", "src/serve.rs"]),
    ("ring", &["src/front/webhook.rs"]),
    ("governor", &["src/front/smtp"]),
    ("sd_notify", &["src/cli/serve.rs"]),
    ("listenfd", &["src/serve.rs"]),
    ("tracing_subscriber", &["src/cli"]),
    ("metrics_exporter_prometheus", &["src/front/ops.rs", "src/serve.rs"]),
];

/// Modules of the core, and the edges that they may never use.
const CORE: &[&str] = &[
    "src/message",
    "src/text",
    "src/evidence",
    "src/features.rs",
    "src/model.rs",
    "src/rules.rs",
    "src/verdict.rs",
    "src/guidance.rs",
    "src/reply",
    "src/engine.rs",
    "src/json.rs",
    "src/language.rs",
    "src/mask.rs",
];

/// Edges that decide without doing: no I/O and no clock in them either.
const PURE_EDGES: &[&str] =
    &["src/guards", "src/front/smtp/session.rs", "src/front/smtp/transaction.rs", "src/inbox/content.rs"];
const EDGES: &[&str] = &[
    "crate::cli",
    "crate::train",
    "crate::service",
    "crate::serve",
    "crate::front",
    "crate::inbox",
    "crate::journal",
    "crate::outbox",
    "crate::config",
    "crate::guards",
    "std::fs",
    "std::net::Tcp",
    "std::time::SystemTime",
    "tokio::",
];

/// What a module that does nothing by itself may not use.
const DOING: &[&str] =
    &["std::fs", "std::net::Tcp", "SystemTime", "Instant::now", "tokio::", "sqlx::", "lettre::"];

fn sources() -> Vec<(String, String)> {
    let files = crate::golden::files(Path::new("src"));
    let rust = files.into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs"));
    rust.map(|p| (p.to_string_lossy().into_owned(), std::fs::read_to_string(&p).expect("source"))).collect()
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|l| !l.starts_with("#[cfg(test)]")).filter(|l| !l.trim_start().starts_with("//"))
}

/// Whether a line uses a crate: its name begins a path.
fn names(line: &str, krate: &str) -> bool {
    let word = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    line.match_indices(&format!("{krate}::")).any(|(at, _)| word(at))
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut seen = 0;
    for (name, text) in sources() {
        for (krate, rooms) in KEPT_TO {
            let used = code(&text).any(|l| names(l, krate));
            seen += usize::from(used);
            assert!(
                !used || rooms.iter().any(|r| name.starts_with(r)),
                "{name} uses {krate}, which is kept to {rooms:?}"
            );
        }
    }
    assert!(seen >= 5, "the test found hardly any use: it no longer tests anything");
}

#[test]
fn the_core_does_no_io_and_knows_no_edge() {
    let mut files = 0;
    for (name, text) in sources() {
        if !CORE.iter().any(|c| name.starts_with(c)) {
            continue;
        }
        files += 1;
        for edge in EDGES {
            assert!(!code(&text).any(|l| l.contains(edge)), "{name} uses {edge}");
        }
    }
    assert!(files >= 20, "only {files} files of the core found");
}

/// The doors; what they share is beside them.
const DOORS: &[&str] = &["http", "milter", "pipe", "spamd"];

#[test]
fn no_door_knows_another() {
    let mut files = 0;
    for (name, text) in sources() {
        let Some(own) = DOORS.iter().find(|d| name.starts_with(&format!("src/front/{d}"))) else { continue };
        files += 1;
        for other in DOORS.iter().filter(|d| *d != own) {
            let paths = [format!("super::{other}"), format!("front::{other}")];
            assert!(
                !code(&text).any(|l| paths.iter().any(|p| l.contains(p.as_str()))),
                "{name} uses {other}"
            );
        }
    }
    assert!(files >= 12, "only {files} files of doors found");
}

#[test]
fn files_stay_readable() {
    for (name, text) in sources() {
        assert!(text.lines().count() <= 700, "{name} is longer than 700 lines");
    }
}

#[test]
fn the_embedded_files_are_those_of_the_repository() {
    let built_in = bypost::sources::Sources::embedded();
    let on_disk = bypost::sources::Sources::from_dir(Path::new(".")).expect("data");
    let names = |s: &bypost::sources::Sources| s.files.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&built_in), names(&on_disk), "add new files to the list in src/sources.rs");
    assert_eq!(built_in.files, on_disk.files);
}

#[test]
fn what_only_decides_does_no_io() {
    let mut files = 0;
    for (name, text) in sources() {
        if PURE_EDGES.iter().any(|c| name.starts_with(c)) {
            files += 1;
            let wrong = DOING.iter().find(|d| code(&text).any(|l| l.contains(**d)));
            assert_eq!(wrong, None, "{name}");
        }
    }
    assert!(files >= PURE_EDGES.len(), "only {files} files found");
}

#[test]
fn doors_do_not_know_each_other() {
    let doors = ["smtp", "imap", "webhook", "ops"];
    for (name, text) in sources().into_iter().filter(|(name, _)| name.starts_with("src/front/")) {
        for door in doors.iter().filter(|d| !name.starts_with(&format!("src/front/{d}"))) {
            assert!(!code(&text).any(|l| l.contains(&format!("front::{door}")) || l.contains(&format!("super::{door}::"))), "{name} uses {door}");
        }
    }
}

/// The page that explains states and guards names each of them.
#[test]
fn states_and_guards_are_explained() {
    let page = std::fs::read_to_string("ARCHITECTURE.md").expect("ARCHITECTURE.md");
    for state in bypost::journal::State::ALL {
        assert!(
            page.contains(&format!("| {} |", state.as_str())),
            "{} is not in the table of states",
            state.as_str()
        );
    }
    for guard in bypost::guards::GUARDS {
        assert!(
            page.contains(&format!("| `{}` | {} |", guard.id, guard.says)),
            "{} is not in the table of guards",
            guard.id
        );
    }
}
