//! The HTTP door as clients see it.

use std::net::SocketAddr;
use std::sync::Arc;

use bypost::front::failure::{FailurePolicy, OnFailure};
use bypost::front::http::{self, HttpConfig};
use bypost::front::listen::Address;
use bypost::service::ServiceLimits;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::doors::{Running, exchange, keep, recorded, service, start};

const SCAM: &str = "From: IRS <a@b.example>\r\nMessage-ID: <1@b.example>\r\nSubject: IRS\r\n\r\nIRS: pay with gift cards today or be arrested. Read us the codes.\r\n";

/// Posts and reads a JSON answer.
pub(crate) async fn post(address: SocketAddr, target: &str, kind: &str, body: &[u8]) -> (u16, Value) {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    ask(address, &[head.as_bytes(), body].concat()).await
}

/// Sends a request as it stands and reads a JSON answer.
async fn ask(address: SocketAddr, request: &[u8]) -> (u16, Value) {
    let answer = exchange(address, request).await;
    let text = String::from_utf8_lossy(&answer);
    let status = text.get(9..12).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("no status: {text}"));
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    if status >= 400 && !body.starts_with("{\"error\"") {
        assert!(head.to_lowercase().contains("content-type: application/problem+json"), "{text}");
    }
    (status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
}

async fn open(config: HttpConfig) -> Running {
    let service = Arc::new(service(ServiceLimits::default()));
    start(|l, s| http::run(l, service, config, s)).await
}

fn config(toml: &str) -> HttpConfig {
    toml::from_str(toml).expect("configuration")
}

#[tokio::test]
async fn json_requests_are_judged_and_wrong_ones_explained() {
    let door = open(HttpConfig::default()).await;
    let json = "application/json; charset=utf-8";
    let text = br#"{"text":"IRS: pay with gift cards today or be arrested"}"#;
    let (status, answer) = post(door.address, "/v1/judge?reply=true", json, text).await;
    assert_eq!((status, answer["channel"].as_str()), (200, Some("text")));
    assert!(answer["reply"]["text"].is_string() && answer["extent"]["judged"] == 45, "{answer}");
    for (target, kind, body, status, told) in [
        ("/v1/judge", json, &b"{}"[..], 400, "exactly one of `text` and `raw`"),
        ("/v1/judge", json, b"{\"txt\":\"\"}", 400, "unknown field `txt`"),
        ("/v1/judge", json, b"{", 400, "EOF"),
        ("/v1/judge", "image/png", b"x", 415, "message/rfc822"),
        ("/v1/judge?reply=maybe", "text/plain", b"x", 400, "reply"),
        ("/v1/judge?chanel=text", "text/plain", b"x", 400, "chanel"),
        ("/v1/labels", json, b"{\"label\":\"scam\",\"id\":\"X\"}", 400, "16 hexadecimal"),
        ("/v1/labels", json, b"{\"label\":\"scam\",\"raw\":\"x\"}", 501, "not kept"),
        ("/v1/labels", "text/plain", b"x", 415, "application/json"),
        ("/nothing", json, b"", 404, "openapi"),
        ("/ping", json, b"", 405, "openapi"),
    ] {
        let (found, problem) = post(door.address, target, kind, body).await;
        assert_eq!(found, status, "{target} {problem}");
        assert!(problem["detail"].as_str().expect("detail").contains(told), "{problem}");
        assert_eq!(problem["status"], status);
    }
}

#[tokio::test]
async fn odd_requests_of_rspamds_clients_are_served() {
    let door = open(HttpConfig::default()).await;
    let length = SCAM.len();
    // rspamd's proxy: GET with a body, an address with a port. rspamc: HTTP/1.0. Haraka: a chunk a line.
    let get = format!(
        "GET /checkv2 HTTP/1.1\r\nConnection: close\r\nHost: x\r\nContent-Length: {length}\r\nIP: 192.0.2.66:45548\r\nFlags: milter,body_block\r\nFrom: <a@example.com>\r\nRcpt: <b@example.org>\r\nRcpt: <c@example.org>\r\n\r\n{SCAM}"
    );
    let old = format!(
        "POST /checkv2 HTTP/1.0\r\nContent-Length: {length}\r\nConnection: close\r\nContent-Type: text/plain\r\nIp: x\r\n\r\n{SCAM}"
    );
    let chunks: String =
        SCAM.split_inclusive('\n').map(|line| format!("{:x}\r\n{line}\r\n", line.len())).collect();
    let chunked = format!(
        "POST /checkv2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    );
    let mut answers = Vec::new();
    for request in [get, old, chunked] {
        let (status, answer) = ask(door.address, request.as_bytes()).await;
        assert_eq!((status, answer["action"].as_str()), (200, Some("add header")), "{answer}");
        assert!(
            answer["score"].as_f64().expect("score") >= answer["required_score"].as_f64().expect("score")
        );
        assert_eq!(answer["message-id"], "1@b.example");
        let symbol = answer["symbols"].as_object().expect("symbols").values().next().expect("a symbol");
        assert!(
            ["name", "score", "metric_score", "description", "options"].iter().all(|k| !symbol[*k].is_null())
        );
        answers.push(answer.to_string());
    }
    assert!(answers.iter().all(|a| *a == answers[0]));
    let empty = ask(door.address, b"POST /checkv2 HTTP/1.0\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!((empty.0, empty.1["message-id"].as_str()), (200, Some("undef")));
    assert!(exchange(door.address, b"GET /ping HTTP/1.0\r\n\r\n").await.ends_with(b"pong\r\n"));
}

#[tokio::test]
async fn the_policy_decides_what_rspamds_clients_are_told_of_the_unchecked() {
    for (action, told) in [
        (OnFailure::AcceptUnchecked, "no action"),
        (OnFailure::Tempfail, "soft reject"),
        (OnFailure::Refuse, "reject"),
    ] {
        let mut config = config("[limits]\nmessage-bytes = 100");
        config.failure = FailurePolicy { oversize: action, ..FailurePolicy::default() };
        let door = open(config).await;
        let (status, answer) = post(door.address, "/checkv2", "text/plain", SCAM.as_bytes()).await;
        assert_eq!((status, answer["action"].as_str()), (200, Some(told)));
        assert!(answer["symbols"]["BYPOST_UNCHECKED"].is_object() && answer["is_skipped"] == true);
        let (status, _) = post(door.address, "/v1/judge", "message/rfc822", SCAM.as_bytes()).await;
        assert_eq!(status, 413);
    }
}

#[tokio::test]
async fn tokens_are_asked_for_and_an_open_address_needs_them() {
    let door = open(config("tokens = [\"0123456789abcdef\"]")).await;
    let ask = async |field: &str| {
        let head = format!(
            "POST /v1/judge HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{field}Content-Length: 2\r\n\r\nhi"
        );
        ask(door.address, head.as_bytes()).await.0
    };
    assert_eq!(ask("").await, 401);
    assert_eq!(ask("Authorization: Bearer 0123456789abcdeX\r\n").await, 401);
    assert_eq!(ask("Authorization: Basic 0123456789abcdef\r\n").await, 401);
    assert_eq!(ask("Authorization: bearer 0123456789abcdef\r\n").await, 200);
    assert_eq!(ask("Password: 0123456789abcdef\r\n").await, 200);
    assert_eq!(ask("Authorization: Bearer 0123456789abcdef\r\nOrigin: http://evil.example\r\n").await, 403);
    let address = "0.0.0.0:0".parse::<Address>().expect("address");
    let listener = address.bind().await.expect("binds");
    let service = Arc::new(service(ServiceLimits::default()));
    let end = tokio_util::sync::CancellationToken::new();
    let refused = http::run(listener, service, HttpConfig::default(), end).await.expect_err("refused");
    assert!(refused.to_string().contains("tokens"), "{refused}");
    assert!(config("tokens = [\"short\"]").check(true).is_err_and(|e| e.contains("tokens[0]")));
}

#[tokio::test]
async fn labels_go_to_the_journal() {
    let (service, mut flagged, corrections) = recorded();
    let journal = keep(corrections);
    let door = start(|l, s| http::run(l, service, HttpConfig::default(), s)).await;
    let (_, judged) = post(door.address, "/v1/judge", "message/rfc822", SCAM.as_bytes()).await;
    let id = judged["id"].as_str().expect("id").to_owned();
    assert_eq!(flagged.recv().await.expect("recorded").judgement.id, id);
    let body = format!("{{\"id\":\"{id}\",\"label\":\"genuine\",\"by\":\"ana\\r\\n\"}}");
    for expected in ["changed", "unchanged"] {
        let (status, answer) = post(door.address, "/v1/labels", "application/json", body.as_bytes()).await;
        assert_eq!(
            (status, answer["result"].as_str(), answer["id"].as_str()),
            (200, Some(expected), Some(&*id))
        );
    }
    let (status, answer) = post(door.address, "/learnspam", "text/plain", SCAM.as_bytes()).await;
    assert_eq!((status, answer["success"].as_bool()), (200, Some(true)));
    let (status, answer) = post(door.address, "/learnspam", "text/plain", SCAM.as_bytes()).await;
    assert_eq!((status, answer["error"].is_string()), (200, true));
    door.shutdown.cancel();
    door.task.await.expect("ends").expect("fine");
    let seen = journal.await.expect("kept");
    assert_eq!(seen[0], format!("{id} Genuine http:ana"));
    assert_eq!(seen[2], format!("{id} Scam http:learn"));
}

/// Every path that is described answers, every answer has exactly the described keys, and nothing else answers.
#[tokio::test]
async fn the_document_says_what_the_code_does() {
    let door = open(HttpConfig::default()).await;
    let (status, document) = ask(door.address, b"GET /v1/openapi.json HTTP/1.0\r\n\r\n").await;
    assert_eq!((status, document["openapi"].as_str().expect("version").starts_with("3.1")), (200, true));
    assert_eq!(document, serde_json::to_value(http::document()).expect("JSON"));
    let paths: Vec<&String> = document["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(
        paths,
        [
            "/checkv2",
            "/learnham",
            "/learnspam",
            "/metrics",
            "/ping",
            "/v1/judge",
            "/v1/labels",
            "/v1/openapi.json"
        ]
    );
    let (_, answer) = post(door.address, "/v1/judge?reply=true", "message/rfc822", SCAM.as_bytes()).await;
    conforms(&document, "JudgementBody", &answer);
    for (name, list) in [("MarkerBody", "markers"), ("RuleBody", "rules"), ("ReasonBody", "reasons")] {
        conforms(&document, name, &answer[list][0]);
    }
    let (_, answer) = post(door.address, "/checkv2", "text/plain", SCAM.as_bytes()).await;
    conforms(&document, "CheckBody", &answer);
    let (_, answer) = post(door.address, "/v1/judge", "image/png", b"").await;
    conforms(&document, "Problem", &answer);
}

/// The value has every required property of the schema, and none that the schema does not have.
fn conforms(document: &Value, schema: &str, value: &Value) {
    let schema = &document["components"]["schemas"][schema];
    let described = schema["properties"].as_object().expect("properties");
    let value = value.as_object().expect("object");
    for required in schema["required"].as_array().expect("required") {
        assert!(value.contains_key(required.as_str().expect("name")), "{required} is missing");
    }
    let unknown: Vec<&String> = value.keys().filter(|k| !described.contains_key(*k)).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not described");
}

#[tokio::test]
async fn connections_are_kept_and_the_counters_told() {
    let door = open(HttpConfig::default()).await;
    let mut stream = TcpStream::connect(door.address).await.expect("connects");
    for _ in 0..3 {
        let request =
            format!("POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{SCAM}", SCAM.len());
        stream.write_all(request.as_bytes()).await.expect("writes");
        let mut answer = vec![0; 9];
        stream.read_exact(&mut answer).await.expect("answers");
        while !answer.ends_with(b"}}}") {
            answer.push(stream.read_u8().await.expect("more"));
        }
    }
    let metrics = exchange(door.address, b"GET /metrics HTTP/1.0\r\n\r\n").await;
    let metrics = String::from_utf8(metrics).expect("text");
    assert!(metrics.contains("bypost_messages_total{label=\"scam\"} 3\n"), "{metrics}");
}
