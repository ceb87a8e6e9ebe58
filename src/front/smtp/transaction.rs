//! One message's envelope, and what is offered.

use smtp_proto::{MAIL_BODY_BINARYMIME, MAIL_REQUIRETLS, MAIL_SMTPUTF8, MailFrom, RcptTo};

use super::session::{Envelope, Rules};

/// Longest address (RFC 5321 section 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;

/// Longest host name that a client gives itself, kept.
const MAX_HELO: usize = 255;

/// The envelope in the making.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    greeted: bool,
    begun: bool,
    /// The message comes by BDAT.
    pub(super) chunking: bool,
    utf8: bool,
    pub(super) envelope: Envelope,
}

impl Transaction {
    /// EHLO, HELO or LHLO.
    pub(super) fn begin_session(&mut self, host: String) {
        self.reset();
        self.greeted = true;
        self.envelope.helo = host.chars().filter(|c| !c.is_control()).take(MAX_HELO).collect();
    }

    /// Forgets the envelope, not the session.
    pub(super) fn reset(&mut self) {
        let helo = std::mem::take(&mut self.envelope.helo);
        *self = Self {
            greeted: self.greeted,
            envelope: Envelope { helo, ..Envelope::default() },
            ..Self::default()
        };
    }

    /// The envelope; the next may begin.
    pub(super) fn take(&mut self) -> Envelope {
        let envelope = self.envelope.clone();
        self.reset();
        envelope
    }

    pub(super) fn mail(&mut self, rules: &Rules, from: &MailFrom<String>) -> Result<(), &'static str> {
        if !self.greeted {
            return Err("503 5.5.1 Say hello first");
        }
        if self.begun {
            return Err("503 5.5.1 There is a sender already");
        }
        if from.flags & (MAIL_BODY_BINARYMIME | MAIL_REQUIRETLS) != 0 {
            return Err("555 5.5.4 Unknown parameter");
        }
        if from.size > rules.message_bytes {
            return Err("552 5.3.4 The message is too large");
        }
        let utf8 = from.flags & MAIL_SMTPUTF8 != 0;
        if !from.address.is_empty() {
            check(&from.address, utf8).map_err(|utf8| {
                if utf8 {
                    "553 5.6.7 SMTPUTF8 was not asked for"
                } else {
                    "553 5.1.7 That is no sender's address"
                }
            })?;
        }
        self.begun = true;
        self.utf8 = utf8;
        self.envelope.sender.clone_from(&from.address);
        Ok(())
    }

    pub(super) fn rcpt(
        &mut self,
        rules: &Rules,
        to: &RcptTo<String>,
        line: &[u8],
    ) -> Result<(), &'static str> {
        if !self.begun || self.chunking {
            return Err("503 5.5.1 The sender comes first");
        }
        if self.envelope.recipients.len() >= rules.recipients {
            return Err("452 4.5.3 Too many recipients");
        }
        // `<postmaster>` without a domain is the one address that needs none; the parser gives it as an empty one.
        let bare = to.address.is_empty() && is_postmaster(line);
        if !bare {
            check(&to.address, self.utf8).map_err(|_| "553 5.1.3 That is no recipient's address")?;
        }
        if !rules.inbox.takes(&to.address) {
            return Err("550 5.1.1 No such inbox");
        }
        if !self.envelope.recipients.contains(&to.address) {
            self.envelope.recipients.push(to.address.clone());
        }
        Ok(())
    }
}

fn is_postmaster(line: &[u8]) -> bool {
    String::from_utf8_lossy(line).to_lowercase().contains("<postmaster>")
}

/// Whether mail can be sent to an address; the error tells whether it is only that it is not ASCII.
fn check(address: &str, utf8: bool) -> Result<(), bool> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
    let parts = address.rsplit_once('@');
    let shaped = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !shaped || address.len() > MAX_ADDRESS || address.chars().any(odd) {
        return Err(false);
    }
    if address.is_ascii() || utf8 { Ok(()) } else { Err(true) }
}

/// The reply to EHLO or LHLO.
pub(super) fn capabilities(rules: &Rules, secure: bool) -> String {
    let host = &rules.inbox.hostname;
    let starttls = if rules.tls && !secure { "250-STARTTLS\r\n" } else { "" };
    format!(
        "250-{host}\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n{starttls}250 CHUNKING\r\n",
        rules.message_bytes
    )
}
