//! Sends the mails of a directory to a filter and measures: `load KIND ADDRESS DIR [--clients N] [--times N] [--rate N]
//! [--pid PID]`.
//!
//! KIND is `http` (POST /checkv2, a connection a mail), `http-kept` (kept connections) or `spamd` (CHECK). `--rate` sends
//! so many mails a second, whether they are answered or not, and counts the wait from the moment a mail was due. `--pid`
//! also tells the processor time and the memory of that process and its children.

#![expect(clippy::expect_used, reason = "a measurement that fails is none")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Http,
    HttpKept,
    Spamd,
}

struct Plan {
    kind: Kind,
    address: String,
    mails: Vec<Vec<u8>>,
    clients: usize,
    total: usize,
    rate: Option<f64>,
    pid: Option<u32>,
}

fn main() {
    let plan = plan();
    let cpu = plan.pid.map(processor_seconds);
    let start = Instant::now();
    let next = AtomicUsize::new(0);
    let results: Vec<(Vec<f64>, usize, usize)> = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..plan.clients).map(|_| scope.spawn(|| client(&plan, &next, start))).collect();
        clients.into_iter().map(|c| c.join().expect("client")).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut waits: Vec<f64> = results.iter().flat_map(|r| r.0.iter().copied()).collect();
    waits.sort_by(f64::total_cmp);
    let at = |q: f64| waits[((waits.len() as f64 * q) as usize).min(waits.len() - 1)] * 1e3;
    let (flagged, failed) = results.iter().fold((0, 0), |(f, e), r| (f + r.1, e + r.2));
    print!(
        "{} mails by {} clients in {seconds:.2} s: {:.1} a second; ms p50 {:.2} p90 {:.2} p99 {:.2} max {:.1}; {flagged} flagged, {failed} failed",
        waits.len(),
        plan.clients,
        waits.len() as f64 / seconds,
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    if let (Some(pid), Some(before)) = (plan.pid, cpu) {
        let used = processor_seconds(pid) - before;
        let each = used * 1e3 / waits.len() as f64;
        print!(
            "; server CPU {each:.3} ms a mail ({:.0} a CPU second); resident {:.1} MB",
            1e3 / each,
            resident(pid)
        );
    }
    println!();
}

fn plan() -> Plan {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        arguments.iter().position(|a| a == name).map(|at| arguments[at + 1].parse::<f64>().expect("a number"))
    };
    let kind = match arguments[0].as_str() {
        "http" => Kind::Http,
        "http-kept" => Kind::HttpKept,
        "spamd" => Kind::Spamd,
        other => panic!("{other}: expected http, http-kept or spamd"),
    };
    let mut paths: Vec<_> =
        std::fs::read_dir(&arguments[2]).expect("directory").map(|e| e.expect("entry").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "eml"));
    paths.sort();
    let mails: Vec<Vec<u8>> = paths.iter().map(|p| std::fs::read(p).expect("mail")).collect();
    let total = mails.len() as f64 * option("--times").unwrap_or(1.0);
    Plan {
        kind,
        address: arguments[1].clone(),
        total: total as usize,
        mails,
        clients: option("--clients").unwrap_or(1.0) as usize,
        rate: option("--rate"),
        pid: option("--pid").map(|p| p as u32),
    }
}

/// Sends until there are no more; returns the waits, how many were flagged and how many failed.
fn client(plan: &Plan, next: &AtomicUsize, start: Instant) -> (Vec<f64>, usize, usize) {
    let (mut waits, mut flagged, mut failed, mut kept) = (Vec::new(), 0, 0, None);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.total {
            return (waits, flagged, failed);
        }
        let mut due = Instant::now();
        if let Some(rate) = plan.rate {
            due = start + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let mail = &plan.mails[number % plan.mails.len()];
        let answer = match plan.kind {
            Kind::Spamd => spamd(&plan.address, mail),
            Kind::Http => http(&plan.address, mail, &mut None, "close"),
            Kind::HttpKept => http(&plan.address, mail, &mut kept, "keep-alive"),
        };
        waits.push(due.elapsed().as_secs_f64());
        match answer {
            Ok(true) => flagged += 1,
            Ok(false) => {}
            Err(_) => failed += 1,
        }
    }
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn spamd(address: &str, mail: &[u8]) -> std::io::Result<bool> {
    let mut stream = connect(address)?;
    let head = format!("CHECK SPAMC/1.5\r\nUser: u\r\nContent-length: {}\r\n\r\n", mail.len());
    stream.write_all(&[head.as_bytes(), mail].concat())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.contains("EX_OK") {
        return Err(std::io::Error::other(answer));
    }
    Ok(answer.contains("Spam: True"))
}

fn http(
    address: &str,
    mail: &[u8],
    kept: &mut Option<BufReader<TcpStream>>,
    connection: &str,
) -> std::io::Result<bool> {
    let mut reader = match kept.take() {
        Some(reader) => reader,
        None => BufReader::new(connect(address)?),
    };
    let head = format!(
        "POST /checkv2 HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nQueue-Id: B1\r\nIP: 192.0.2.66\r\nHelo: mail.example.com\r\nHostname: mail.example.com\r\nFrom: <a@example.com>\r\nRcpt: <b@example.org>\r\nContent-Type: message/rfc822\r\nContent-Length: {}\r\n\r\n",
        mail.len()
    );
    reader.get_mut().write_all(&[head.as_bytes(), mail].concat())?;
    let (mut line, mut length, mut fine) = (String::new(), 0, false);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        fine |= line.starts_with("HTTP/1.1 200");
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if connection == "keep-alive" {
        *kept = Some(reader);
    }
    let body = String::from_utf8_lossy(&body);
    let flagged = ["\"action\":\"add header\"", "\"action\":\"reject\""].iter().any(|a| body.contains(a));
    if fine { Ok(flagged) } else { Err(std::io::Error::other("status")) }
}

/// The process and its children.
fn family(pid: u32) -> Vec<u32> {
    let children: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|p: u32| Some((stat(p)?[1].parse().ok()?, p)))
        .collect();
    let mut all = vec![pid];
    let mut at = 0;
    while at < all.len() {
        let own = all[at];
        all.extend(children.iter().filter(|(parent, _)| *parent == own).map(|(_, child)| *child));
        at += 1;
    }
    all
}

/// The fields of `/proc/PID/stat` after the name.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

/// Processor time of the family, in seconds (the clock ticks a hundred times a second).
fn processor_seconds(pid: u32) -> f64 {
    let ticks =
        |p: &u32| stat(*p).map_or(0, |f| (11..15).filter_map(|n| f[n].parse::<u64>().ok()).sum::<u64>());
    family(pid).iter().map(ticks).sum::<u64>() as f64 / 100.0
}

/// Resident memory of the family, in MB.
fn resident(pid: u32) -> f64 {
    let of = |p: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{p}/status")).unwrap_or_default();
        let line = text.lines().find(|l| l.starts_with("VmRSS:")).map(str::to_owned);
        line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    family(pid).iter().map(of).sum::<f64>() / 1e3
}
