//! Sockets of the doors: TCP or Unix, a bounded number of connections, an orderly end.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::Service;

/// Longest wait, at the end, for the connections that are open.
const GRACE: Duration = Duration::from_secs(10);

/// Pause after the system refused a connection for want of resources.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a door listens: `127.0.0.1:783`, `[::1]:783` or `unix:/run/bypost/milter.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.starts_with('/') {
                true => Ok(Self::Unix(path.into())),
                false => Err(format!("`{text}`: expected an absolute path after `unix:`")),
            };
        }
        let tcp = text.parse().map(Self::Tcp);
        tcp.map_err(|_| format!("`{text}`: expected ADDRESS:PORT (such as 127.0.0.1:783) or unix:/PATH"))
    }
}

impl Address {
    /// Whether only programs on this machine can connect.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Listens. A socket file that nobody listens on any more is replaced; a new one may be used by owner and group.
    ///
    /// # Errors
    /// The address is taken, or the path cannot be written.
    pub async fn bind(&self) -> io::Result<Listener> {
        match self {
            Self::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Self::Unix(path) => bind_unix(path).map(|socket| Listener::Unix(socket, path.clone())),
        }
    }
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let socket = path.symlink_metadata().is_ok_and(|m| m.file_type().is_socket());
    if socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// A socket that a door listens on.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A socket in the file system, removed when this is dropped.
    Unix(UnixListener, PathBuf),
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl Listener {
    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small and waited for.
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), Peer(Some(peer.ip()))))
            }
            Self::Unix(listener, _) => Ok((Stream::Unix(listener.accept().await?.0), Peer(None))),
        }
    }
}

/// Who connected: an address, or somebody on this machine through a socket file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub Option<IpAddr>);

impl Peer {
    /// Whether the peer is on this machine.
    pub fn is_local(self) -> bool {
        self.0.is_none_or(|ip| ip.is_loopback())
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(ip) => write!(f, "{ip}"),
            None => f.write_str("unix"),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Has the system acknowledge what was read at once. Linux forgets this, so it is repeated after every read. Without
    /// it, a peer that waits with small packets for the acknowledgement (Nagle) stalls 40 ms a message.
    pub fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if let Self::Tcp(stream) = self {
            let _ = stream.set_quickack(true);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Accepts until `shutdown`, at most `connections` at a time; each is given to `talk`, one too many to `turn_away`. At the
/// end open connections may finish what they are at for a while.
pub(super) async fn serve<T, A>(
    listener: Listener,
    service: Arc<Service>,
    connections: usize,
    shutdown: CancellationToken,
    talk: impl Fn(Stream, Peer) -> T,
    turn_away: impl Fn(Stream, Peer) -> A,
) -> io::Result<()>
where
    T: Future<Output = ()> + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(connections));
    // Those turned away get an answer too, but not without bound.
    let lobby = Arc::new(Semaphore::new(connections.clamp(1, 64)));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
            let talking = talk(stream, peer);
            tasks.spawn(async move {
                talking.await;
                drop(place);
            });
            continue;
        }
        service.counts().turned_away.fetch_add(1, Ordering::Relaxed);
        if let Ok(place) = Arc::clone(&lobby).try_acquire_owned() {
            let leaving = turn_away(stream, peer);
            tasks.spawn(async move {
                leaving.await;
                drop(place);
            });
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!(open = tasks.len(), "connections were cut at the end");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_explained() {
        assert!("127.0.0.1:783".parse::<Address>().expect("TCP").is_local());
        assert!(!"0.0.0.0:783".parse::<Address>().expect("TCP").is_local());
        assert_eq!("unix:/run/x".parse(), Ok(Address::Unix("/run/x".into())));
        assert!("unix:x".parse::<Address>().is_err_and(|e| e.contains("absolute")));
        assert!("localhost:1".parse::<Address>().is_err_and(|e| e.contains("127.0.0.1:783")));
    }

    #[tokio::test]
    async fn a_socket_file_left_behind_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("binds"));
        let address = Address::Unix(path.clone());
        let listener = address.bind().await.expect("replaced");
        assert_eq!(path.metadata().expect("file").permissions().mode() & 0o777, 0o660);
        assert!(address.bind().await.is_err());
        drop(listener);
        assert!(!path.exists());
    }
}
