//! Peers that mean no good, or are broken: bounded, and others are served meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bypost::front::http::{self, HttpConfig};
use bypost::front::milter::{self, MilterConfig};
use bypost::front::spamd::{self, SpamdConfig};
use bypost::service::{Service, ServiceLimits, Unchecked};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::doors::{MailServer, Running, exchange, packet, service, spamd_request, start};

const GENUINE: &[u8] =
    b"From: Ana <ana@b.example>\r\nSubject: tonight\r\n\r\nSee you at the library at six.\r\n";

struct Doors {
    service: Arc<Service>,
    milter: Running,
    spamd: Running,
    http: Running,
}

async fn open(limits: &str) -> Doors {
    let service = Arc::new(service(ServiceLimits { held_bytes: 32 << 20, ..ServiceLimits::default() }));
    let milter: MilterConfig = toml::from_str(limits).expect("configuration");
    let spamd: SpamdConfig = toml::from_str(limits).expect("configuration");
    let http: HttpConfig = toml::from_str(limits).expect("configuration");
    let (one, two, three) = (Arc::clone(&service), Arc::clone(&service), Arc::clone(&service));
    Doors {
        milter: start(|l, s| milter::run(l, one, milter, s)).await,
        spamd: start(|l, s| spamd::run(l, two, spamd, s)).await,
        http: start(|l, s| http::run(l, three, http, s)).await,
        service,
    }
}

impl Doors {
    /// All three doors serve a usual mail.
    async fn serve(&self) {
        let mut server = MailServer::connect(self.milter.address, 0x1f_ffff).await;
        assert_eq!(server.judge(GENUINE).await.field("X-Bypost-Verdict"), "no-signs");
        let answer = exchange(self.spamd.address, &spamd_request("CHECK", GENUINE)).await;
        assert!(answer.starts_with(b"SPAMD/1.1 0 EX_OK\r\nSpam: False"));
        let (status, _) = crate::http::post(self.http.address, "/v1/judge", "message/rfc822", GENUINE).await;
        assert_eq!(status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_bytes_end_their_own_connection_only() {
    let doors = open("").await;
    let hostile: Vec<Vec<u8>> = vec![
        b"\0\0\0\0".to_vec(),
        b"\xff\xff\xff\xffO".to_vec(),
        packet(b'O', b"short"),
        packet(b'z', b""),
        packet(b'L', b"no end"),
        packet(b'E', b""),
        [packet(b'B', b"body first"), packet(b'E', b"")].concat(),
        packet(b'Q', b""),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"CHECK SPAMC/1.5\r\nContent-length: 18446744073709551616\r\n\r\n".to_vec(),
        b"CHECK SPAMC/1.5\r\nContent-length: 18446744073709551615\r\n\r\n".to_vec(),
        b"A".repeat(100_000),
        b"CHECK SPAMC/1.5\r\n".iter().copied().chain(b"X: y\r\n".repeat(10_000)).collect(),
        b"POST /v1/judge HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /v1/judge HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_vec(),
        b"POST /v1/judge HTTP/1.1\r\n".iter().copied().chain(b"X: y\r\n".repeat(20_000)).collect(),
        Vec::new(),
    ];
    for bytes in &hostile {
        for address in [doors.milter.address, doors.spamd.address, doors.http.address] {
            let answer = exchange(address, bytes).await;
            assert!(answer.len() < 10_000, "{}", answer.len());
        }
    }
    doors.serve().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_vanish_or_dawdle_do_not_keep_others_waiting() {
    let doors = open("").await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        for (address, start) in [
            (doors.milter.address, &b"\0\0"[..]),
            (doors.spamd.address, b"CHECK SPAMC/1.5\r\nContent-length: 100\r\n\r\nhalf"),
            (doors.http.address, b"POST /v1/judge HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf"),
        ] {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            stream.write_all(start).await.expect("writes");
            slow.push(stream);
        }
    }
    doors.serve().await;
    drop(slow);
    doors.serve().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_has_an_end() {
    let doors = open("[limits]\nidle-seconds = 1\nmessage-seconds = 1").await;
    let mut waiting = Vec::new();
    for (address, start, told) in [
        (doors.milter.address, packet(b'O', b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"), &b"\0\0\0\x0dO"[..]),
        (doors.spamd.address, b"CHECK SPAMC/1.5\r\n\r\n".to_vec(), b"SPAMD/1.0 79 EX_TIMEOUT"),
        (
            doors.http.address,
            b"POST /v1/judge HTTP/1.1\r\nContent-Length: 9\r\n\r\n".to_vec(),
            b"HTTP/1.1 408",
        ),
    ] {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        stream.write_all(&start).await.expect("writes");
        waiting.push((stream, told));
    }
    for (mut stream, told) in waiting {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("is closed");
        assert!(answer.starts_with(told), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_connections_are_turned_away_with_an_answer() {
    let doors = open("[limits]\nconnections = 1\n[failure]\nconnect = \"tempfail\"").await;
    let mut held = Vec::new();
    let first = MailServer::connect(doors.milter.address, 0x1f_ffff).await;
    for (address, start) in [
        (doors.spamd.address, &b"CHECK SPAMC/1.5\r\n\r\nx"[..]),
        (doors.http.address, b"POST /v1/judge HTTP/1.1\r\nContent-Length: 9\r\n\r\n"),
    ] {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        stream.write_all(start).await.expect("writes");
        held.push(stream);
    }
    let mut second = TcpStream::connect(doors.milter.address).await.expect("connects");
    let offer = packet(b'O', b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");
    second.write_all(&[offer, packet(b'C', b"x\0U")].concat()).await.expect("writes");
    let mut answer = vec![0; 17 + 5];
    second.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer[17 + 4..], b"y");
    let answer = exchange(doors.spamd.address, b"PING SPAMC/1.5\r\n\r\n").await;
    assert!(answer.starts_with(b"SPAMD/1.0 75 "), "{}", String::from_utf8_lossy(&answer));
    let answer = exchange(doors.http.address, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&answer));
    assert!(doors.service.counts().turned_away.load(Ordering::Relaxed) >= 3);
    drop((first, held));
}

/// Fifty megabytes, many at once: what there is no room for passes unchecked and is counted, and usual mails pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn huge_messages_at_once_are_bounded() {
    let doors = Arc::new(open("").await);
    let mail = Arc::new([GENUINE, &b"0123456789abcdef\r\n".repeat(50_000_000 / 18)].concat());
    let mut tasks = Vec::new();
    for _ in 0..12 {
        let (doors, mail) = (Arc::clone(&doors), Arc::clone(&mail));
        tasks.push(tokio::spawn(async move {
            let mut server = MailServer::connect(doors.milter.address, 0x1f_ffff).await;
            server.message(&mail).await;
            server.end().await.field("X-Bypost-Verdict")
        }));
    }
    doors.serve().await;
    let whole = exchange(doors.spamd.address, &spamd_request("CHECK", &mail)).await;
    assert!(whole.starts_with(b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; 0.0 / 5.0"));
    assert!(doors.service.counts().unchecked(Unchecked::Overloaded) >= 1);
    for task in tasks {
        let told = task.await.expect("ends");
        let judged = told.starts_with("no-signs (the first 4194304 of 50");
        assert!(judged || told == "unchecked (overloaded)", "{told}");
    }
    doors.serve().await;
}
