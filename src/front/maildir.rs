//! Watches a Maildir: what is in `new` is taken and moved to `cur`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::MaildirConfig;
use crate::inbox::Desk;
use crate::journal::Incoming;
use crate::message::{Limits, outer};

/// Watches until `shutdown`. Where the system cannot tell of new files, they are found by looking now and then.
pub async fn run(config: MaildirConfig, desk: Arc<Desk>, shutdown: CancellationToken) {
    let news = Arc::new(Notify::new());
    let new = config.path.join("new");
    let watcher = watch(&new, Arc::clone(&news));
    if let Err(error) = &watcher {
        tracing::warn!(path = %new.display(), %error, "new files are found by looking now and then only");
    }
    while !shutdown.is_cancelled() {
        take_all(&config.path, &desk, &shutdown).await;
        tokio::select! {
            () = news.notified() => {}
            () = tokio::time::sleep(config.rescan) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

fn watch(dir: &Path, news: Arc<Notify>) -> notify::Result<impl Watcher + use<>> {
    let mut watcher = notify::recommended_watcher(move |_: notify::Result<notify::Event>| news.notify_one())?;
    watcher.watch(dir, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

async fn take_all(root: &Path, desk: &Arc<Desk>, shutdown: &CancellationToken) {
    let files = match list(&root.join("new")).await {
        Ok(files) => files,
        Err(error) => return tracing::error!(path = %root.display(), %error, "the Maildir cannot be read"),
    };
    for file in files {
        if shutdown.is_cancelled() {
            return;
        }
        if let Err(error) = take(root, &file, desk).await {
            tracing::error!(file = %file.display(), %error, "a message was not taken");
        }
    }
}

/// Plain files, oldest name first; links and hidden files are nobody's mail.
async fn list(new: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = tokio::fs::read_dir(new).await?;
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type().await?.is_file() && !hidden {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

async fn take(root: &Path, file: &Path, desk: &Arc<Desk>) -> std::io::Result<()> {
    let size = tokio::fs::metadata(file).await?.len();
    let most = desk.service().limits().message_bytes as u64;
    if size > most {
        tracing::warn!(file = %file.display(), size, "a message is too large and was not taken");
        return put_away(root, file).await;
    }
    let bytes = tokio::fs::read(file).await?;
    let settings = desk.settings();
    let incoming = Incoming {
        id: Incoming::new_id(),
        door: "maildir",
        client: None,
        helo: String::new(),
        sender: envelope_sender(&bytes).await,
        recipient: settings.config.inbox.address().to_owned(),
        text: false,
        mark: String::new(),
        bytes: bytes.into(),
    };
    desk.accept(incoming).await.map_err(std::io::Error::other)?;
    put_away(root, file).await
}

/// To `cur`, seen, under its own name.
async fn put_away(root: &Path, file: &Path) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    tokio::fs::rename(file, root.join("cur").join(format!("{name}:2,S"))).await
}

/// The envelope sender as the delivering server wrote it down (RFC 5321 section 4.4); the author where it did not.
pub(super) async fn envelope_sender(bytes: &[u8]) -> String {
    let bytes = bytes.to_vec();
    let reading = tokio::task::spawn_blocking(move || {
        let outer = outer::read(&bytes, &[], &Limits::default());
        outer.return_path.unwrap_or(outer.from)
    });
    reading.await.unwrap_or_default()
}
