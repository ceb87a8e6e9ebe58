//! Any bytes through the whole engine: no panic, the same judgement twice, an exact account, a reply.
#![no_main]

use std::sync::OnceLock;

use bypost::engine::Engine;
use bypost::message::{Channel, RawMessage};
use bypost::sources::Sources;

static ENGINE: OnceLock<Engine> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let engine = ENGINE.get_or_init(|| Engine::new(&Sources::embedded()).expect("engine"));
    let channel = match data.first() {
        Some(b'!') => Some(Channel::Text),
        Some(b'#') => Some(Channel::Voicemail),
        _ => None,
    };
    let raw = RawMessage { bytes: data.into(), channel };
    let judgement = engine.judge(&raw);
    let logit = judgement.intercept + judgement.contributions.iter().map(|c| c.contribution).sum::<f64>();
    assert!((bypost::model::sigmoid(logit) - judgement.score).abs() < 1e-9);
    let once = engine.json("x", &judgement, true).to_string();
    assert_eq!(once, engine.json("x", &engine.judge(&raw), true).to_string());
});
