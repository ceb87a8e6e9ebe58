//! Connections: taken, counted, limited, handed to sessions.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::session::{Rules, Session};
use crate::config::{Limits, TlsFiles};
use crate::inbox::Desk;

/// Kibibytes of messages coming in at once, over all connections.
const MEMORY: usize = 256 * 1_024;

/// Addresses whose pace is remembered; beyond that those at rest are forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// How long connections may take to end after the shutdown began.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// The protocol of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033.
    Lmtp,
}

impl Protocol {
    /// Its name, also in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Lmtp => "lmtp",
        }
    }
}

/// What a server is made of.
pub struct ServerParts {
    /// The protocol.
    pub protocol: Protocol,
    /// Takes the messages.
    pub desk: Arc<Desk>,
    /// Bounds.
    pub limits: Limits,
    /// STARTTLS, where there is a certificate.
    pub tls: Option<TlsAcceptor>,
}

/// What all connections of a server share.
pub(super) struct Shared {
    pub(super) protocol: Protocol,
    pub(super) desk: Arc<Desk>,
    pub(super) limits: Limits,
    pub(super) memory: Arc<Semaphore>,
    pace: DefaultKeyedRateLimiter<IpAddr>,
    places: Arc<Semaphore>,
    per_address: Mutex<HashMap<IpAddr, usize>>,
}

impl Shared {
    /// Whether another message may come from this address now.
    pub(super) fn allows(&self, client: IpAddr) -> bool {
        if self.pace.len() > MAX_ADDRESSES {
            self.pace.retain_recent();
        }
        self.pace.check_key(&client).is_ok()
    }

    fn enter(self: &Arc<Self>, client: IpAddr, trusted: bool) -> Result<Visit, &'static str> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| "421 4.3.2 Too many connections; try again later\r\n")?;
        let mut visits = self.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = visits.entry(client).or_insert(0);
        if !trusted && *count >= self.limits.connections_per_address {
            return Err("421 4.7.0 Too many connections from your address; try again later\r\n");
        }
        *count += 1;
        Ok(Visit { shared: Arc::clone(self), client, _place: place })
    }
}

/// A connection's place, given back when it ends.
struct Visit {
    shared: Arc<Shared>,
    client: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut visits = self.shared.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = visits.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                visits.remove(&self.client);
            }
        }
    }
}

/// An SMTP or LMTP server.
pub struct Server {
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("protocol", &self.shared.protocol).finish_non_exhaustive()
    }
}

impl Server {
    /// A server over its parts.
    pub fn new(parts: ServerParts) -> Self {
        let a_minute = NonZeroU32::new(parts.limits.messages_per_minute).unwrap_or(NonZeroU32::MIN);
        let shared = Shared {
            protocol: parts.protocol,
            desk: parts.desk,
            memory: Arc::new(Semaphore::new(MEMORY)),
            pace: RateLimiter::keyed(Quota::per_minute(a_minute)),
            places: Arc::new(Semaphore::new(parts.limits.connections)),
            per_address: Mutex::default(),
            limits: parts.limits,
        };
        Self { shared: Arc::new(shared), tls: parts.tls }
    }

    /// Serves until `shutdown`; then finishes what clients have in hand, for a while.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((stream, address)) => self.serve(stream, address.ip(), &connections, &shutdown),
                Err(error) => {
                    // No file descriptors left, or the like: those who wait are served when some are free.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        connections.close();
        if tokio::time::timeout(LAST_WORDS, connections.wait()).await.is_err() {
            tracing::warn!(left = connections.len(), "connections were cut at the shutdown");
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        client: IpAddr,
        connections: &TaskTracker,
        shutdown: &CancellationToken,
    ) {
        let client = client.to_canonical();
        let settings = self.shared.desk.settings();
        let trusted = settings.config.sender.trusts(client);
        metrics::counter!("bypost_connections_total", "door" => self.shared.protocol.as_str()).increment(1);
        let visit = match self.shared.enter(client, trusted) {
            Ok(visit) => visit,
            Err(why) => return turn_away(stream, why),
        };
        let rules = Rules {
            lmtp: self.shared.protocol == Protocol::Lmtp,
            inbox: Arc::new(settings.config.inbox.clone()),
            message_bytes: self.shared.limits.message_bytes,
            recipients: self.shared.limits.recipients,
            tls: self.tls.is_some(),
        };
        let connection = Connection {
            shared: Arc::clone(&self.shared),
            session: Session::new(rules),
            client,
            trusted,
            shutdown: shutdown.clone(),
            room: Vec::new(),
        };
        let tls = self.tls.clone();
        // Small replies go out at once.
        let _ = stream.set_nodelay(true);
        connections.spawn(async move {
            connection.run(Box::new(stream), tls).await;
            drop(visit);
        });
    }
}

/// Says why and hangs up, without waiting for anything.
fn turn_away(stream: TcpStream, why: &'static str) {
    metrics::counter!("bypost_connections_refused_total").increment(1);
    tokio::spawn(async move {
        let mut stream = stream;
        let words = async {
            stream.write_all(why.as_bytes()).await?;
            stream.shutdown().await
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), words).await;
    });
}

/// Reads certificate and key.
///
/// # Errors
/// Names the file that cannot be read or is not PEM.
pub fn tls_acceptor(files: &TlsFiles) -> Result<TlsAcceptor, String> {
    let name = files.certificate.display();
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| format!("{name}: expected certificates in PEM: {e}"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|e| format!("{}: expected a private key in PEM: {e}", files.key.display()))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|b| b.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| format!("{name}: {e}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
