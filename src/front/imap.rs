//! Pulls mail from an IMAP mailbox (RFC 9051): each message is taken once, then moved or flagged.
//!
//! What was taken is known by the mailbox itself (folder or flags), not by remembered numbers, so a changed UIDVALIDITY
//! harms nothing. A crash between taking and moving means that a message is taken again; the guards answer it once.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use async_imap::Session;
use futures_util::{StreamExt, TryStreamExt};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;

use super::maildir::envelope_sender;
use crate::config::{ImapConfig, RelayTls};
use crate::inbox::Desk;
use crate::journal::Incoming;

/// Longest time for one command and its reply.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pauses before connecting again: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Stream for T {}

type Mailbox = Session<Box<dyn Stream>>;

/// Pulls until `shutdown`; connects again after trouble, more and more slowly.
pub async fn run(config: ImapConfig, desk: Arc<Desk>, shutdown: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    while !shutdown.is_cancelled() {
        let mut worked = false;
        match pull(&config, &desk, &shutdown, &mut worked).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(host = config.host, error = format!("{error:#}"), "the mailbox was lost")
            }
        }
        pause = if worked { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One connection, from login to trouble or shutdown. Tells through `worked` whether the mailbox could be read.
async fn pull(
    config: &ImapConfig,
    desk: &Arc<Desk>,
    shutdown: &CancellationToken,
    worked: &mut bool,
) -> Result<()> {
    let mut mailbox = login(config).await?;
    let capabilities = patient(mailbox.capabilities()).await?;
    let (idle, moves) = (capabilities.has_str("IDLE"), capabilities.has_str("MOVE"));
    patient(mailbox.select(&config.folder)).await?;
    tracing::info!(host = config.host, folder = config.folder, idle, "the mailbox is open");
    loop {
        take_all(&mut mailbox, config, desk, moves, shutdown).await?;
        *worked = true;
        if shutdown.is_cancelled() {
            let _ = patient(mailbox.logout()).await;
            return Ok(());
        }
        if idle {
            mailbox = idle_until_news(mailbox, config.poll, shutdown).await?;
        } else {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(config.poll) => {}
            }
        }
    }
}

/// A future with a limit on its time.
async fn patient<T, E: std::error::Error + Send + Sync + 'static>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<T> {
    let done = tokio::time::timeout(PATIENCE, future).await.map_err(|_| anyhow!("no reply in time"))?;
    Ok(done?)
}

async fn login(config: &ImapConfig) -> Result<Mailbox> {
    let address = (config.host.as_str(), config.port);
    let stream = patient(TcpStream::connect(address)).await.context("cannot connect")?;
    let stream: Box<dyn Stream> = match config.tls {
        RelayTls::None => Box::new(stream),
        _ => Box::new(secure(&config.host, stream).await?),
    };
    let mut client = async_imap::Client::new(stream);
    patient(client.read_response()).await?.context("the server said nothing")?;
    let login = client.login(&config.user, config.password.expose_secret());
    let session =
        tokio::time::timeout(PATIENCE, login).await.map_err(|_| anyhow!("no reply to the login"))?;
    session.map_err(|(error, _)| anyhow!("the login failed: {error}"))
}

async fn secure(host: &str, stream: TcpStream) -> Result<impl Stream + use<>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).context("imap.host is no name")?;
    patient(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.context("no TLS")
}

async fn idle_until_news(mailbox: Mailbox, poll: Duration, shutdown: &CancellationToken) -> Result<Mailbox> {
    let mut idle = mailbox.idle();
    patient(idle.init()).await?;
    {
        let (news, _interrupt) = idle.wait_with_timeout(poll);
        tokio::select! {
            news = news => drop(news?),
            () = shutdown.cancelled() => {}
        }
    }
    patient(idle.done()).await
}

/// What was not taken yet: everything where messages are moved away, what has no `\Answered` flag otherwise.
fn search(config: &ImapConfig) -> &'static str {
    if config.done_folder.is_some() { "UNDELETED" } else { "UNDELETED UNANSWERED" }
}

async fn take_all(
    mailbox: &mut Mailbox,
    config: &ImapConfig,
    desk: &Arc<Desk>,
    moves: bool,
    shutdown: &CancellationToken,
) -> Result<()> {
    let mut uids: Vec<u32> = patient(mailbox.uid_search(search(config))).await?.into_iter().collect();
    uids.sort_unstable();
    for uid in uids {
        if shutdown.is_cancelled() {
            return Ok(());
        }
        match size(mailbox, uid).await? {
            Some(size) if size > desk.service().limits().message_bytes => {
                tracing::warn!(uid, size, "a message is too large and was not taken");
            }
            Some(_) => take(mailbox, uid, desk).await?,
            // Somebody else took it away meanwhile.
            None => continue,
        }
        put_away(mailbox, uid, config, moves).await?;
    }
    Ok(())
}

async fn size(mailbox: &mut Mailbox, uid: u32) -> Result<Option<usize>> {
    let fetched = patient(mailbox.uid_fetch(uid.to_string(), "(UID RFC822.SIZE)")).await?;
    let fetched: Vec<_> = patient(fetched.try_collect()).await?;
    Ok(fetched.iter().find(|f| f.uid == Some(uid)).and_then(|f| f.size).map(|s| s as usize))
}

/// On disk in our journal before anything is changed in the mailbox.
async fn take(mailbox: &mut Mailbox, uid: u32, desk: &Arc<Desk>) -> Result<()> {
    let fetched = patient(mailbox.uid_fetch(uid.to_string(), "(UID BODY.PEEK[])")).await?;
    let fetched: Vec<_> = patient(fetched.try_collect()).await?;
    let message = fetched.iter().find(|f| f.uid == Some(uid)).and_then(|f| f.body());
    let Some(bytes) = message.map(<[u8]>::to_vec) else { bail!("message {uid} came without a body") };
    let settings = desk.settings();
    let incoming = Incoming {
        id: Incoming::new_id(),
        door: "imap",
        client: None,
        helo: String::new(),
        sender: envelope_sender(&bytes).await,
        recipient: settings.config.inbox.address().to_owned(),
        text: false,
        mark: String::new(),
        bytes: bytes.into(),
    };
    desk.accept(incoming).await.context("the journal did not take a message")
}

/// Moved (RFC 6851, or copied and expunged without it), or flagged.
async fn put_away(mailbox: &mut Mailbox, uid: u32, config: &ImapConfig, moves: bool) -> Result<()> {
    let uid = uid.to_string();
    let Some(folder) = &config.done_folder else {
        return flag(mailbox, &uid, "+FLAGS.SILENT (\\Seen \\Answered)").await;
    };
    if moves {
        return patient(mailbox.uid_mv(&uid, folder)).await;
    }
    patient(mailbox.uid_copy(&uid, folder)).await?;
    flag(mailbox, &uid, "+FLAGS.SILENT (\\Seen \\Deleted)").await?;
    let expunged = patient(mailbox.uid_expunge(&uid)).await?;
    patient(expunged.try_for_each(|_| async { Ok(()) })).await
}

async fn flag(mailbox: &mut Mailbox, uid: &str, flags: &str) -> Result<()> {
    let mut stored = Box::pin(patient(mailbox.uid_store(uid, flags)).await?);
    while let Some(update) =
        tokio::time::timeout(PATIENCE, stored.next()).await.map_err(|_| anyhow!("no reply"))?
    {
        update?;
    }
    Ok(())
}
