//! The wire form of the spamd protocol: requests of SPAMC/1.0 to 1.5, and of RSPAMC/1.3 as Exim's `variant=rspamd` sends.
//!
//! A request is a line `COMMAND SPAMC/1.5`, header lines, a blank line and the message. Written after SpamAssassin's
//! `spamd/PROTOCOL` and what spamc, Exim and Haraka send.

use crate::service::Truth;

/// Longest request head, in bytes.
pub const MAX_HEAD: usize = 8 << 10;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The score.
    Check,
    /// The score and the names of what was found.
    Symbols,
    /// The score and an account.
    Report,
    /// The same, the account only of a scam.
    ReportIfSpam,
    /// The message's header with ours added.
    Headers,
    /// The whole message with our header added.
    Process,
    /// Whether we are there.
    Ping,
    /// What the message truly is.
    Tell,
    /// Nothing.
    Skip,
}

/// Whose words the answer is to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SpamAssassin's.
    Spamd,
    /// rspamd's.
    Rspamd,
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Whose words to answer in.
    pub dialect: Dialect,
    /// Version of the protocol that the client speaks.
    pub version: (u8, u8),
    /// Bytes of the message, as announced.
    pub length: Option<usize>,
    /// Who asks; not authenticated.
    pub user: String,
    /// The message is compressed by zlib.
    pub zlib: bool,
    /// TELL: what the message is.
    pub class: Option<Truth>,
    /// TELL: the local database is to learn it.
    pub set_local: bool,
    /// TELL: the local database is to forget it.
    pub remove_local: bool,
}

/// What is wrong with a request, to be sent back in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Bad header line: {0}")]
pub struct BadRequest(pub String);

/// Where the head ends, if these bytes hold all of it: the length including the blank line.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    for at in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes[start..at].strip_suffix(b"\r").unwrap_or(&bytes[start..at]);
        if line.is_empty() && start > 0 {
            return Some(at + 1);
        }
        start = at + 1;
    }
    None
}

/// Whether the first line asks for something that has no head and no message, and needs no blank line.
pub fn is_bare(bytes: &[u8]) -> bool {
    bytes.starts_with(b"SKIP ")
}

/// Reads a head.
///
/// # Errors
/// What is wrong, in words that can be sent back.
pub fn parse(head: &[u8]) -> Result<Request, BadRequest> {
    let mut lines = head.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let first = lines.next().unwrap_or_default();
    let mut request = request_line(first).ok_or_else(|| BadRequest(shown(first)))?;
    for line in lines.filter(|l| !l.is_empty()) {
        let colon = memchr::memchr(b':', line)
            .ok_or_else(|| BadRequest("(header not in 'Name: value' format)".into()))?;
        let name = line[..colon].trim_ascii().to_ascii_lowercase();
        let value = String::from_utf8_lossy(line[colon + 1..].trim_ascii());
        field(&mut request, &name, &value)?;
    }
    Ok(request)
}

fn request_line(line: &[u8]) -> Option<Request> {
    let line = std::str::from_utf8(line).ok()?;
    let (command, protocol) = line.trim_end().split_once(' ')?;
    let (dialect, version) = match protocol.trim_start().split_once('/')? {
        ("SPAMC", version) => (Dialect::Spamd, version),
        ("RSPAMC", version) => (Dialect::Rspamd, version),
        _ => return None,
    };
    let (major, minor) = version.split_once('.')?;
    Some(Request {
        command: command_of(command)?,
        dialect,
        version: (major.parse().ok()?, minor.parse().ok()?),
        length: None,
        user: String::new(),
        zlib: false,
        class: None,
        set_local: false,
        remove_local: false,
    })
}

fn command_of(word: &str) -> Option<Command> {
    Some(match word {
        "CHECK" => Command::Check,
        "SYMBOLS" => Command::Symbols,
        "REPORT" => Command::Report,
        "REPORT_IFSPAM" => Command::ReportIfSpam,
        "HEADERS" => Command::Headers,
        "PROCESS" => Command::Process,
        "PING" => Command::Ping,
        "TELL" => Command::Tell,
        "SKIP" => Command::Skip,
        _ => return None,
    })
}

fn field(request: &mut Request, name: &[u8], value: &str) -> Result<(), BadRequest> {
    let local = || value.split(',').any(|w| w.trim().eq_ignore_ascii_case("local"));
    match name {
        b"content-length" => {
            let length = value.parse();
            request.length =
                Some(length.map_err(|_| BadRequest("(Content-Length contains non-numeric bytes)".into()))?);
        }
        b"user" => request.user = value.chars().filter(|c| !c.is_control()).take(100).collect(),
        b"compress" if value.eq_ignore_ascii_case("zlib") => request.zlib = true,
        b"compress" => {
            let kind = shown(value.as_bytes());
            return Err(BadRequest(format!("(compression type not supported: {kind})")));
        }
        b"message-class" => request.class = class(value)?,
        b"set" => request.set_local = local(),
        b"remove" => request.remove_local = local(),
        _ => {}
    }
    Ok(())
}

fn class(value: &str) -> Result<Option<Truth>, BadRequest> {
    match value.to_ascii_lowercase().as_str() {
        "spam" => Ok(Some(Truth::Scam)),
        "ham" => Ok(Some(Truth::Genuine)),
        _ => Err(BadRequest("(Message-class is neither spam nor ham)".into())),
    }
}

/// A piece of the peer's bytes, fit for one line of a reply or log.
fn shown(bytes: &[u8]) -> String {
    bytes.iter().take(60).map(|b| if (b' '..=b'~').contains(b) { char::from(*b) } else { '?' }).collect()
}

/// How much of a message's beginning is an envelope that its server put there to tell the filter, and no part of it: the
/// mailbox line and `X-Envelope-` fields of Exim, `X-Haraka-UUID` of Haraka.
pub fn envelope_length(message: &[u8]) -> usize {
    let line =
        |from: usize| memchr::memchr(b'\n', &message[from..]).map_or(message.len(), |at| from + at + 1);
    let starts = |at: usize, word: &[u8]| {
        message.get(at..at + word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let mut at = if message.starts_with(b"From ") { line(0) } else { 0 };
    while starts(at, b"X-Envelope-From:") || starts(at, b"X-Envelope-To:") || starts(at, b"X-Haraka-UUID:") {
        at = line(at);
        while matches!(message.get(at), Some(b' ' | b'\t')) {
            at = line(at);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_the_clients_are_read() {
        let request = parse(b"CHECK SPAMC/1.5\r\nUser: bob\r\nContent-length: 331\r\n\r\n").expect("spamc");
        assert_eq!((request.command, request.version), (Command::Check, (1, 5)));
        assert_eq!((request.length, request.user.as_str()), (Some(331), "bob"));
        let request = parse(b"HEADERS SPAMC/1.4\r\nUser: default\r\n\r\n").expect("Haraka");
        assert_eq!((request.command, request.length), (Command::Headers, None));
        let request =
            parse(b"CHECK RSPAMC/1.3\r\nRcpt: <b@example.org>\r\nIP: 127.0.0.1\r\n\r\n").expect("Exim");
        assert_eq!(request.dialect, Dialect::Rspamd);
        let tell = b"TELL SPAMC/1.5\r\nmessage-class: ham\r\nSet: local,remote\r\nRemove: remote\r\n\r\n";
        let request = parse(tell).expect("spamc -L");
        assert_eq!(
            (request.class, request.set_local, request.remove_local),
            (Some(Truth::Genuine), true, false)
        );
    }

    #[test]
    fn other_requests_are_refused_in_one_plain_line() {
        for (head, told) in [
            (&b"PING\r\n\r\n"[..], "Bad header line: PING"),
            (b"FOO SPAMC/1.5\r\n\r\n", "Bad header line: FOO SPAMC/1.5"),
            (b"check SPAMC/1.5\r\n\r\n", "Bad header line: check SPAMC/1.5"),
            (b"GET / HTTP/1.1\r\n\r\n", "Bad header line: GET / HTTP/1.1"),
            (b"\xff\x00\x1b CHECK\r\n\r\n", "Bad header line: ??? CHECK"),
            (b"CHECK SPAMC/1.5\r\nfoo\r\n\r\n", "Bad header line: (header not in 'Name: value' format)"),
            (
                b"CHECK SPAMC/1.5\r\nCompress: gzip\r\n\r\n",
                "Bad header line: (compression type not supported: gzip)",
            ),
            (
                b"CHECK SPAMC/1.5\r\nContent-length: -1\r\n\r\n",
                "Bad header line: (Content-Length contains non-numeric bytes)",
            ),
        ] {
            assert_eq!(parse(head).expect_err("bad").to_string(), told);
        }
    }

    #[test]
    fn heads_end_at_the_blank_line() {
        assert_eq!(head_end(b"PING SPAMC/1.5\r\n\r\nx"), Some(18));
        assert_eq!(head_end(b"PING SPAMC/1.5\n\nx"), Some(16));
        assert_eq!(head_end(b"PING SPAMC/1.5\r\n"), None);
        assert_eq!(head_end(b"\r\nPING SPAMC/1.5\r\n"), None);
    }

    #[test]
    fn envelopes_of_servers_are_no_part_of_the_message() {
        let exim = b"From MAILER-DAEMON Mon Nov 23 23:37:49 2026\nX-Envelope-From: <a@example.com>\nX-Envelope-To: b@example.org,\n\tc@example.org\nReceived: x\n";
        assert_eq!(&exim[envelope_length(exim)..], b"Received: x\n");
        let haraka = b"X-Envelope-From: a@example.com\r\nX-Haraka-UUID: A.1\r\nX-Envelope";
        assert_eq!(&haraka[envelope_length(haraka)..], b"X-Envelope");
        assert_eq!(envelope_length(b"Received: x\nX-Envelope-To: y\n"), 0);
        assert_eq!(envelope_length(b""), 0);
    }
}
