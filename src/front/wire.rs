//! A connection with a bounded buffer, on which no read or write waits without end.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::listen::Stream;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Longest that is read only to be thrown away, so that the peer can take the answer.
const MAX_DRAIN: u64 = 256 << 20;

/// A connection and what has been read of it and not been used.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// Bytes read and not used.
    pub(super) buffer: BytesMut,
    idle: Duration,
    deadline: Option<Instant>,
}

impl Wire {
    pub(super) fn new(stream: Stream, idle: Duration) -> Self {
        Self { stream, buffer: BytesMut::new(), idle, deadline: None }
    }

    /// Everything read from now on must come within `patience`; `None` lifts that.
    pub(super) fn within(&mut self, patience: Option<Duration>) {
        self.deadline = patience.map(|p| Instant::now() + p);
    }

    /// Reads more; 0 at the end of what the peer sends.
    pub(super) async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(CHUNK.min(4096.max(self.buffer.len())));
        let end = Instant::now() + self.idle;
        let end = self.deadline.map_or(end, |deadline| deadline.min(end));
        let read = timeout_at(end, self.stream.read_buf(&mut self.buffer)).await;
        let read = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        self.stream.acknowledge();
        Ok(read)
    }

    /// Writes everything.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        // The time grows with the size: a slow peer may take a long answer.
        let idle = self.idle + Duration::from_secs((bytes.len() >> 20) as u64);
        timeout(idle, write).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Says that nothing more will come.
    pub(super) async fn close(&mut self) {
        let _ = timeout(self.idle, self.stream.shutdown()).await;
    }

    /// Throws away what the peer still sends: closing with unread bytes would reset the connection under the answer.
    pub(super) async fn drain(&mut self) {
        self.within(Some(self.idle));
        let mut drained = 0;
        loop {
            self.buffer.clear();
            match self.fill().await {
                Ok(read) if read > 0 && drained < MAX_DRAIN => drained += read as u64,
                _ => return,
            }
        }
    }
}
