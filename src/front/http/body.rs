//! Reading a request's body: bounded in size, in time and in the memory of all requests together.

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::front::door::Door;
use crate::front::failure::Failure;
use crate::service::{Held, Unchecked};

/// Reads all of `body`. The room it takes is held until the second value is dropped.
///
/// # Errors
/// It is too large, there is no room, it takes too long, or the client goes away.
pub(super) async fn read(mut body: Body, door: &Door) -> Result<(Vec<u8>, Held), Failure> {
    let (mut bytes, mut held) = (Vec::new(), door.service.hold());
    let deadline = Instant::now() + door.limits.patience();
    loop {
        let idle = (Instant::now() + door.limits.idle()).min(deadline);
        let frame = timeout_at(idle, body.frame()).await.map_err(|_| Failure::TimeOut)?;
        let Some(frame) = frame else { return Ok((bytes, held)) };
        let Ok(data) = frame.map_err(|_| Failure::Parse)?.into_data() else { continue };
        if bytes.len() + data.len() > door.limits.message_bytes {
            return Err(noted(door, Unchecked::TooLarge));
        }
        // Twice: what is read, and the message that is made of it.
        held.grow((bytes.len() + data.len()) * 2).map_err(|why| noted(door, why))?;
        bytes.extend_from_slice(&data);
    }
}

fn noted(door: &Door, why: Unchecked) -> Failure {
    door.service.counts().note(why);
    why.into()
}
