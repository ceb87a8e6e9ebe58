//! Memory for messages: what all front ends together may hold of large ones.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Service, Unchecked};

/// Bytes that every message may have without asking: a usual mail always finds room, whatever the large ones take.
/// The number of connections bounds them.
const FREE: usize = 256 << 10;

/// Bytes of one permit.
const UNIT: usize = 4 << 10;

/// Room for `bytes` bytes.
pub(super) fn room(bytes: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS)))
}

/// Room that one message takes; given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    room: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Held {
    /// Makes sure that `bytes` bytes in all may be held.
    ///
    /// # Errors
    /// There is no room: the message is to be given up as [`Unchecked::Overloaded`].
    pub fn grow(&mut self, bytes: usize) -> Result<(), Unchecked> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let units = (bytes - self.bytes).div_ceil(UNIT);
        let asked = u32::try_from(units).map_err(|_| Unchecked::Overloaded)?;
        let more = Arc::clone(&self.room).try_acquire_many_owned(asked).map_err(|_| Unchecked::Overloaded)?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        self.bytes += units * UNIT;
        Ok(())
    }
}

impl Service {
    /// Room for one message, to be grown as its bytes come in.
    pub fn hold(&self) -> Held {
        Held { room: Arc::clone(&self.room), permit: None, bytes: FREE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_shared_and_given_back() {
        let shared = room(1 << 20);
        let held = || Held { room: Arc::clone(&shared), permit: None, bytes: FREE };
        let (mut large, mut other, mut small) = (held(), held(), held());
        assert_eq!(large.grow(FREE + (1 << 20)), Ok(()));
        assert_eq!(small.grow(FREE), Ok(()));
        assert_eq!(other.grow(FREE + 1), Err(Unchecked::Overloaded));
        assert_eq!(large.grow(FREE + (1 << 20) + 1), Err(Unchecked::Overloaded));
        drop(large);
        assert_eq!(other.grow(FREE + 1), Ok(()));
    }
}
