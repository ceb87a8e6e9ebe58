//! The same message gets the same id, label, score and reasons through every door.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bypost::engine::Judgement;
use bypost::front::door::{Answer, Extent};
use bypost::front::failure::{FailurePolicy, OnFailure};
use bypost::front::http::HttpConfig;
use bypost::front::milter::MilterConfig;
use bypost::front::pipe::{self, PipeConfig};
use bypost::front::spamd::SpamdConfig;
use bypost::front::{headers, http, milter, points, spamd};
use bypost::message::{Channel, RawMessage};
use bypost::service::{Service, ServiceLimits};
use bypost::sources::DataError;

use crate::doors::{MailServer, exchange, service, spamd_request, start};

/// What every door must say of a message.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    id: String,
    label: String,
    score: String,
    reasons: Vec<String>,
}

impl Said {
    fn of(judgement: &Judgement) -> Self {
        let answer = Answer::Judged { judgement: Arc::new(judgement.clone()), extent: Extent::whole(0) };
        Self {
            id: judgement.id.clone(),
            label: judgement.label.as_str().to_owned(),
            score: format!("{:.4}", judgement.score),
            reasons: headers::reasons(&answer),
        }
    }

    /// From the fields that a filter added.
    fn from_fields(field: impl Fn(&str) -> String) -> Self {
        let trace = field("X-Bypost-Trace");
        let id = trace.split("id=").nth(1).and_then(|t| t.split(';').next()).unwrap_or_default();
        let reasons = field("X-Bypost-Reasons");
        Self {
            id: id.to_owned(),
            label: field("X-Bypost-Verdict"),
            score: field("X-Bypost-Score").split(';').next().unwrap_or_default().to_owned(),
            reasons: reasons.split(", ").filter(|r| !r.is_empty()).map(str::to_owned).collect(),
        }
    }

    /// From a mail as it comes out of a filter.
    fn from_mail(mail: &[u8]) -> Self {
        let parts = headers::divide_all(mail);
        let fields: BTreeMap<String, String> = headers::each_field(parts.header)
            .map(|f| {
                let name = headers::name_of(f);
                let value = String::from_utf8_lossy(f.get(name.len() + 1..).unwrap_or_default());
                let value = value.replace('\r', "").replace("\n\t", " ").trim().to_owned();
                (String::from_utf8_lossy(name).into_owned(), value)
            })
            .filter(|(name, _)| name.starts_with("X-Bypost-"))
            .collect();
        Self::from_fields(|name| fields.get(name).cloned().unwrap_or_default())
    }

    /// From `/v1/judge` and `judge --format json`.
    fn from_json(json: &serde_json::Value) -> Self {
        let ids = |key: &str, prefix: &str| -> Vec<String> {
            let list = json[key].as_array().expect("list");
            list.iter().map(|r| format!("{prefix}{}", r["id"].as_str().expect("id"))).collect()
        };
        let mut reasons = ids("rules", "rule:");
        reasons.extend(ids("reasons", ""));
        reasons.truncate(20);
        Self {
            id: json["id"].as_str().expect("id").to_owned(),
            label: json["label"].as_str().expect("label").to_owned(),
            score: format!("{:.4}", json["score"].as_f64().expect("score")),
            reasons,
        }
    }
}

/// Mails whose verdict is looked at: golden cases and samples.
fn mails() -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths = crate::golden::files(Path::new("tests/messages"));
    paths.extend(crate::golden::files(Path::new("data/samples")));
    paths.retain(|p| p.extension().is_some_and(|e| e == "eml"));
    paths.into_iter().map(|p| (p.clone(), std::fs::read(p).expect("mail"))).collect()
}

fn judged(mail: &[u8]) -> Judgement {
    crate::engine().judge(&RawMessage::with_channel(mail, Channel::Email))
}

fn shared() -> Arc<Service> {
    Arc::new(service(ServiceLimits::default()))
}

/// Compares what a door says of every mail; prints all that differ.
fn compare(said: Vec<(PathBuf, Said)>) {
    assert!(said.len() >= 100, "only {} mails", said.len());
    let wrong: Vec<String> = said
        .iter()
        .filter_map(|(path, said)| {
            let expected = Said::of(&judged(&std::fs::read(path).expect("mail")));
            (*said != expected).then(|| format!("{}\n  {said:?}\n  {expected:?}", path.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn judge_decides_as_the_doors_do_what_a_mail_is() {
    for (path, mail) in mails() {
        let auto = crate::engine().judge(&RawMessage::new(mail.as_slice()));
        assert_eq!(Said::of(&auto), Said::of(&judged(&mail)), "{}", path.display());
    }
}

#[test]
fn the_pipe_says_the_same() {
    let config = PipeConfig {
        judged_bytes: 4 << 20,
        failures: FailurePolicy::all(OnFailure::Refuse),
        subject_tag: String::new(),
        host: "mx.test".into(),
    };
    let pass = |mail: &[u8]| {
        let mut out = Vec::new();
        pipe::run(&mut &mail[..], &mut out, || Ok::<_, DataError>(crate::engine()), &config).expect("passes");
        Said::from_mail(&out)
    };
    compare(mails().into_iter().map(|(path, mail)| (path, pass(&mail))).collect());
}

#[tokio::test]
async fn spamd_says_the_same() {
    let door = start(|l, s| spamd::run(l, shared(), SpamdConfig::default(), s)).await;
    let mut said = Vec::new();
    for (path, mail) in mails() {
        let answer = exchange(door.address, &spamd_request("PROCESS", &mail)).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let points = points::points(&judged(&mail));
        let scam = if points >= 5.0 { "True" } else { "False" };
        assert!(text.contains(&format!("\r\nSpam: {scam} ; {points:.1} / 5.0\r\n")), "{}", path.display());
        let at = text.find("\r\n\r\n").expect("head") + 4;
        said.push((path, Said::from_mail(&answer[at..])));
    }
    compare(said);
}

#[tokio::test]
async fn the_milter_says_the_same_however_it_is_negotiated() {
    let door = start(|l, s| milter::run(l, shared(), MilterConfig::default(), s)).await;
    for offered in [0x1f_ffff, 0x0f_ffff, 0] {
        let mut server = MailServer::connect(door.address, offered).await;
        let mut said = Vec::new();
        for (path, mail) in mails() {
            let verdict = server.judge(&mail).await;
            assert_eq!(verdict.last, "a");
            said.push((path, Said::from_fields(|name| verdict.field(name))));
        }
        compare(said);
    }
}

#[tokio::test]
async fn http_says_the_same() {
    let door = start(|l, s| http::run(l, shared(), HttpConfig::default(), s)).await;
    let (mut api, mut rspamd) = (Vec::new(), 0);
    for (path, mail) in mails() {
        let (status, json) = crate::http::post(door.address, "/v1/judge", "message/rfc822", &mail).await;
        assert_eq!(status, 200);
        api.push((path.clone(), Said::from_json(&json)));
        let (_, json) = crate::http::post(door.address, "/checkv2", "text/plain", &mail).await;
        let (judgement, expected) = (judged(&mail), Said::of(&judged(&mail)));
        assert_eq!(json["score"].as_f64(), Some(points::points(&judgement)), "{}", path.display());
        let symbols = json["symbols"].as_object().expect("symbols").values();
        let mut ids: Vec<&str> = symbols.map(|s| s["options"][1].as_str().expect("id")).collect();
        ids.truncate(20);
        assert_eq!(ids, expected.reasons, "{}", path.display());
        rspamd += 1;
    }
    compare(api);
    assert!(rspamd >= 100);
}

#[tokio::test]
async fn texts_and_transcripts_are_judged_the_same_by_http() {
    let door = start(|l, s| http::run(l, shared(), HttpConfig::default(), s)).await;
    let mut count = 0;
    for (path, case) in crate::golden::cases() {
        let bytes = std::fs::read(&path).expect("case");
        let raw = crate::golden::raw(&bytes, &case);
        let judgement = crate::engine().judge(&raw);
        let channel = format!("{:?}", judgement.message.channel).to_lowercase();
        if channel == "email" {
            continue;
        }
        let target = format!("/v1/judge?channel={channel}");
        let (status, json) = crate::http::post(door.address, &target, "text/plain", &bytes).await;
        assert_eq!((status, Said::from_json(&json)), (200, Said::of(&judgement)), "{}", path.display());
        count += 1;
    }
    assert!(count >= 40, "only {count} texts");
}
