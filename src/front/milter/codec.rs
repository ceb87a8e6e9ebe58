//! The wire form of the milter protocol, version 6: packets of a length (four bytes, network order), a command letter and
//! data. Written after the behaviour of Postfix 3.7 and Sendmail's `mfdef.h`.

use bytes::{Buf, Bytes, BytesMut};

/// Longest packet taken, in bytes: a body chunk has at most 65,535, a header field in Postfix about 100,000.
pub const MAX_PACKET: usize = 1 << 20;

/// Macros kept of one packet.
const MAX_MACROS: usize = 100;

/// What a filter may do (SMFIF).
pub mod action {
    /// Add header fields.
    pub const ADD_HEADERS: u32 = 0x01;
    /// Change or delete header fields.
    pub const CHANGE_HEADERS: u32 = 0x10;
    /// Quarantine (hold) the message.
    pub const QUARANTINE: u32 = 0x20;
}

/// What is sent, and what is answered (SMFIP).
pub mod protocol {
    /// No HELO.
    pub const NO_HELO: u32 = 0x02;
    /// No RCPT TO.
    pub const NO_RCPT: u32 = 0x08;
    /// No answer to a header field.
    pub const NR_HEADER: u32 = 0x80;
    /// No unknown commands.
    pub const NO_UNKNOWN: u32 = 0x100;
    /// No DATA.
    pub const NO_DATA: u32 = 0x200;
    /// No answer to the connection.
    pub const NR_CONNECT: u32 = 0x1000;
    /// No answer to HELO.
    pub const NR_HELO: u32 = 0x2000;
    /// No answer to MAIL FROM.
    pub const NR_MAIL: u32 = 0x4000;
    /// No answer to RCPT TO.
    pub const NR_RCPT: u32 = 0x8000;
    /// No answer to DATA.
    pub const NR_DATA: u32 = 0x1_0000;
    /// No answer to unknown commands.
    pub const NR_UNKNOWN: u32 = 0x2_0000;
    /// No answer to the end of the header.
    pub const NR_END_OF_HEADER: u32 = 0x4_0000;
    /// No answer to a piece of the body.
    pub const NR_BODY: u32 = 0x8_0000;
    /// Values keep the space after the colon, and added ones bring their own.
    pub const LEADING_SPACE: u32 = 0x10_0000;
}

/// What the mail server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `O`: version, actions and protocol steps offered.
    Negotiate {
        /// Version of the protocol.
        version: u32,
        /// Actions offered.
        actions: u32,
        /// Steps that can be left out.
        protocol: u32,
    },
    /// `D`: macros of the command with this letter, as name and value.
    Macros(u8, Vec<(Bytes, Bytes)>),
    /// `C`: a client connected; its address without port, if it has one.
    Connect(Bytes),
    /// `H`.
    Helo,
    /// `M`: a message begins.
    Mail,
    /// `R`.
    Rcpt,
    /// `T`.
    Data,
    /// `U`.
    Unknown,
    /// `L`: a header field, name and value.
    Header(Bytes, Bytes),
    /// `N`.
    EndOfHeader,
    /// `B`: a piece of the body.
    Body(Bytes),
    /// `E`: the message ends; some servers send the last piece with it.
    EndOfBody(Bytes),
    /// `A`: the message is given up.
    Abort,
    /// `K`: another client follows on the same connection.
    NextClient,
    /// `Q`.
    Quit,
}

/// What is wrong with a packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// Longer than any packet that is sent.
    #[error("a packet of {0} bytes; expected 1 to {MAX_PACKET}")]
    Length(usize),
    /// No command has this letter.
    #[error("a packet with the unknown command {0:#04x}")]
    Command(u8),
    /// The data are not what the command has.
    #[error("a malformed packet of the command `{}`", char::from(*.0))]
    Data(u8),
}

/// Takes a whole packet off the front of `buffer`; `None` until one is there.
///
/// # Errors
/// The packet makes no sense; nothing after it can be understood.
pub fn take(buffer: &mut BytesMut) -> Result<Option<Command>, BadPacket> {
    let Some(length) = buffer.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes) as usize) else {
        return Ok(None);
    };
    if length == 0 || length > MAX_PACKET {
        return Err(BadPacket::Length(length));
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    let mut data = buffer.split_to(length).freeze();
    let letter = data.get_u8();
    command(letter, data).map(Some)
}

fn command(letter: u8, mut data: Bytes) -> Result<Command, BadPacket> {
    let bad = BadPacket::Data(letter);
    Ok(match letter {
        b'O' if data.len() >= 12 => {
            let (version, actions, protocol) = (data.get_u32(), data.get_u32(), data.get_u32());
            Command::Negotiate { version, actions, protocol }
        }
        b'D' => {
            let of = *data.first().ok_or(bad)?;
            data.advance(1);
            Command::Macros(of, macros(data))
        }
        b'C' => Command::Connect(client(data)),
        b'H' => Command::Helo,
        b'M' => Command::Mail,
        b'R' => Command::Rcpt,
        b'T' => Command::Data,
        b'U' => Command::Unknown,
        b'L' => {
            let name = string(&mut data).ok_or_else(|| bad.clone())?;
            Command::Header(name, string(&mut data).ok_or(bad)?)
        }
        b'N' => Command::EndOfHeader,
        b'B' => Command::Body(data),
        b'E' => Command::EndOfBody(data),
        b'A' => Command::Abort,
        b'K' => Command::NextClient,
        b'Q' => Command::Quit,
        b'O' => return Err(bad),
        other => return Err(BadPacket::Command(other)),
    })
}

/// A string that ends with NUL, which it takes off.
fn string(data: &mut Bytes) -> Option<Bytes> {
    let end = memchr::memchr(0, data)?;
    let text = data.split_to(end);
    data.advance(1);
    Some(text)
}

fn macros(mut data: Bytes) -> Vec<(Bytes, Bytes)> {
    let mut all = Vec::new();
    while all.len() < MAX_MACROS {
        let Some(name) = string(&mut data) else { break };
        let Some(value) = string(&mut data) else { break };
        all.push((name, value));
    }
    all
}

/// The address of `host NUL family port(2) address NUL`; empty for anything else than `4` and `6`.
fn client(mut data: Bytes) -> Bytes {
    let inet = string(&mut data).is_some() && data.len() >= 3 && matches!(data[0], b'4' | b'6');
    if !inet {
        return Bytes::new();
    }
    data.advance(3);
    string(&mut data).unwrap_or(data)
}

/// Packets to send, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies(pub Vec<u8>);

impl Replies {
    fn packet(&mut self, letter: u8, pieces: &[&[u8]]) {
        let length = 1 + pieces.iter().map(|p| p.len()).sum::<usize>();
        self.0.extend_from_slice(&(length as u32).to_be_bytes());
        self.0.push(letter);
        pieces.iter().for_each(|piece| self.0.extend_from_slice(piece));
    }

    /// `O`: what was agreed.
    pub fn negotiate(&mut self, version: u32, actions: u32, protocol: u32) {
        self.packet(b'O', &[&version.to_be_bytes(), &actions.to_be_bytes(), &protocol.to_be_bytes()]);
    }

    /// `c`: go on.
    pub fn go_on(&mut self) {
        self.packet(b'c', &[]);
    }

    /// `a`: the message passes.
    pub fn accept(&mut self) {
        self.packet(b'a', &[]);
    }

    /// `d`: the message is accepted and thrown away.
    pub fn discard(&mut self) {
        self.packet(b'd', &[]);
    }

    /// `p`: still at work.
    pub fn progress(&mut self) {
        self.packet(b'p', &[]);
    }

    /// `q`: the message is held.
    pub fn quarantine(&mut self, reason: &str) {
        self.packet(b'q', &[reason.as_bytes(), b"\0"]);
    }

    /// `y`: an SMTP reply, `550 5.7.1 text`.
    pub fn reply(&mut self, text: &str) {
        self.packet(b'y', &[text.as_bytes(), b"\0"]);
    }

    /// `h`: a field is added at the end of the header.
    pub fn add_header(&mut self, name: &[u8], value: &[u8]) {
        self.packet(b'h', &[name, b"\0", value, b"\0"]);
    }

    /// `m`: the `index`th field of this name, counted from 1, gets this value; an empty one deletes it.
    pub fn change_header(&mut self, index: u32, name: &[u8], value: &[u8]) {
        self.packet(b'm', &[&index.to_be_bytes(), name, b"\0", value, b"\0"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Command>, BadPacket> {
        let mut buffer = BytesMut::from(bytes);
        let mut commands = Vec::new();
        while let Some(command) = take(&mut buffer)? {
            commands.push(command);
        }
        Ok(commands)
    }

    fn packet(data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes()[..], data].concat()
    }

    #[test]
    fn what_postfix_sends_is_read() {
        let offer = packet(b"O\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");
        let expected = Command::Negotiate { version: 6, actions: 0x1ff, protocol: 0x1f_ffff };
        assert_eq!(all(&offer), Ok(vec![expected]));
        let connect = packet(b"C[127.0.0.1]\x004\x87J127.0.0.1\0");
        assert_eq!(all(&connect), Ok(vec![Command::Connect("127.0.0.1".into())]));
        assert_eq!(all(&packet(b"Clocal\0U\0\0x")), Ok(vec![Command::Connect(Bytes::new())]));
        let macros = all(&packet(b"DMi\0ABC\0{mail_addr}\0\0odd")).expect("macros");
        let pair = |a: &'static str, b: &'static str| (Bytes::from(a), Bytes::from(b));
        assert_eq!(macros, [Command::Macros(b'M', vec![pair("i", "ABC"), pair("{mail_addr}", "")])]);
        let header = all(&packet(b"LX-Fold\0 a\n b\xff\0")).expect("header");
        assert_eq!(header, [Command::Header("X-Fold".into(), Bytes::from_static(b" a\n b\xff"))]);
    }

    #[test]
    fn packets_come_in_pieces() {
        let bytes = [packet(b"N"), packet(b"Bhello"), packet(b"E")].concat();
        let mut buffer = BytesMut::new();
        let mut commands = Vec::new();
        for byte in bytes {
            buffer.extend_from_slice(&[byte]);
            commands.extend(take(&mut buffer).expect("fine"));
        }
        let expected =
            [Command::EndOfHeader, Command::Body("hello".into()), Command::EndOfBody(Bytes::new())];
        assert_eq!(commands, expected);
    }

    #[test]
    fn malformed_packets_are_refused() {
        assert_eq!(all(b"\0\0\0\0"), Err(BadPacket::Length(0)));
        assert_eq!(all(b"\xff\xff\xff\xffx"), Err(BadPacket::Length(0xffff_ffff)));
        assert_eq!(all(b"GET / HTTP/1.1\r\n\r\n"), Err(BadPacket::Length(0x4745_5420)));
        assert_eq!(all(&packet(b"z")), Err(BadPacket::Command(b'z')));
        for data in [&b"O\0\0"[..], b"D", b"LX", b"LX\0y"] {
            assert_eq!(all(&packet(data)), Err(BadPacket::Data(data[0])));
        }
    }

    #[test]
    fn replies_are_framed() {
        let mut replies = Replies::default();
        replies.change_header(2, b"X", b"");
        replies.reply("550 5.7.1 no");
        assert_eq!(replies.0, b"\0\0\0\x08m\0\0\0\x02X\0\0\0\0\0\x0ey550 5.7.1 no\0");
    }
}
