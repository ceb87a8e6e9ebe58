//! The data files: everything that `bypost check` would find.

use std::collections::BTreeSet;

#[test]
fn every_example_and_citation_holds() {
    let wrong = crate::engine().check(None);
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_catalogue_covers_every_family() {
    let markers = crate::engine().gatherer().catalogue.markers();
    assert!(markers.len() >= 80, "only {} markers", markers.len());
    let families: BTreeSet<&str> = markers.iter().map(|m| m.family()).collect();
    for family in bypost::evidence::FAMILIES {
        assert!(families.contains(family), "no marker of the family {family}");
    }
}

#[test]
fn mistakes_in_data_are_named_with_file_and_line() {
    let breaks: &[(&str, &str, &str, &str)] = &[
        (
            "data/markers/payment.toml",
            "id = \"payment.gift-card\"",
            "id = \"payments.gift-card\"",
            "unknown family",
        ),
        ("data/markers/payment.toml", "title =", "titel =", "unknown field"),
        ("data/rules.toml", "\"claims.tax-agency\"", "\"claims.tax-agent\"", "unknown marker"),
        ("data/rules.toml", "floor = \"scam\"", "floor = \"no-signs\"", "expected floor"),
        ("data/brands.toml", "names = [", "names = [\"Árbol\", ", "not folded"),
        ("models/scam.json", "\"format\": 3", "\"format\": 99", "format 99"),
        ("models/scam.json", "\"marker:", "\"marker:no.such-", "does not exist"),
    ];
    for (file, from, to, expected) in breaks {
        let mut sources = bypost::sources::Sources::embedded();
        let target = sources.files.iter_mut().find(|f| f.name == *file).expect("file");
        assert!(target.text.contains(from), "{file} no longer contains {from}");
        target.text = target.text.replacen(from, to, 1);
        let error = bypost::engine::Engine::new(&sources).expect_err(expected).to_string();
        assert!(error.starts_with(file) && error.contains(expected), "{error}");
    }
}

#[test]
fn no_model_no_engine() {
    let mut sources = bypost::sources::Sources::embedded();
    sources.files.retain(|f| f.name != "models/scam.json");
    let error = bypost::engine::Engine::new(&sources).expect_err("no model").to_string();
    assert!(error.contains("models/scam.json"), "{error}");
}
