//! Answers as files in a Maildir: the way out when there is no relay.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;

use super::{Carrier, Outgoing, Trouble};

/// A Maildir that is written to.
pub(super) struct Maildir {
    root: PathBuf,
}

impl Maildir {
    pub(super) fn open(root: &Path) -> Result<Self, String> {
        for name in ["tmp", "new", "cur"] {
            let dir = root.join(name);
            fs::create_dir_all(&dir)
                .map_err(|e| format!("{}: cannot make the directory: {e}", dir.display()))?;
        }
        Ok(Self { root: root.to_owned() })
    }
}

impl Carrier for Maildir {
    fn carry(&self, answer: Outgoing) -> BoxFuture<'_, Result<(), Trouble>> {
        let root = self.root.clone();
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || write(&root, &answer)).await;
            let written = written.unwrap_or_else(|e| Err(std::io::Error::other(e)));
            written.map_err(|e| Trouble::Later(format!("the outbox cannot be written: {e}")))
        })
    }
}

/// The file's name is made from the journal id, so an answer that is written again replaces itself. One that was read
/// meanwhile has moved to `cur` and is not written again.
fn write(root: &Path, answer: &Outgoing) -> std::io::Result<()> {
    let name = format!("{}.bypost", answer.id);
    let seen = root.join("cur").join(format!("{name}:2,S"));
    if seen.exists() {
        return Ok(());
    }
    let tmp = root.join("tmp").join(&name);
    let mut file = File::create(&tmp)?;
    file.write_all(b"Return-Path: <>\r\n")?;
    file.write_all(&answer.bytes)?;
    file.sync_all()?;
    fs::rename(&tmp, root.join("new").join(&name))?;
    File::open(root.join("new"))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_there_once_however_often_it_is_written() {
        let dir = tempfile::tempdir().expect("directory");
        let maildir = Maildir::open(dir.path()).expect("maildir");
        let answer =
            Outgoing { id: "0190".into(), to: "a@b.example".into(), bytes: b"Subject: x\r\n\r\ny".to_vec() };
        for _ in 0..2 {
            maildir.carry(answer.clone()).await.expect("written");
        }
        let names: Vec<_> = fs::read_dir(dir.path().join("new")).expect("new").collect();
        assert_eq!(names.len(), 1);
        assert_eq!(fs::read_dir(dir.path().join("tmp")).expect("tmp").count(), 0);
        fs::remove_dir_all(dir.path().join("new")).expect("removed");
        assert!(matches!(maildir.carry(answer).await, Err(Trouble::Later(_))));
    }
}
