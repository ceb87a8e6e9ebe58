//! Any bytes as packets of a mail server: no panic, and packets are taken the same in one piece and in two.
#![no_main]

use bypost::front::milter::codec;
use bytes::BytesMut;

fn all(pieces: &[&[u8]]) -> (Vec<codec::Command>, Option<codec::BadPacket>) {
    let (mut buffer, mut commands) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec::take(&mut buffer) {
                Ok(Some(command)) => commands.push(command),
                Ok(None) => break,
                Err(bad) => return (commands, Some(bad)),
            }
        }
    }
    (commands, None)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let middle = data.first().map_or(0, |b| usize::from(*b) % data.len());
    assert_eq!(all(&[data]), all(&[&data[..middle], &data[middle..]]));
});
