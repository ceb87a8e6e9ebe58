//! What people say about a verdict, on its way to the journal: the labels of spamd's TELL and of `/v1/labels`.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Service;

/// What a person says that a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// It is a scam.
    Scam,
    /// It is genuine.
    Genuine,
    /// What was said before is taken back.
    Forget,
}

/// What became of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corrected {
    /// It is written down.
    Changed,
    /// It was known already.
    Unchanged,
    /// Nothing is known of a message with this id, and the message itself did not come along.
    NoSuchMessage,
    /// The journal could not write it.
    Failed,
}

/// One correction.
#[derive(Debug)]
pub struct Correction {
    /// The message's id ([`crate::engine::message_id`]).
    pub id: String,
    /// The message, when it came along.
    pub bytes: Option<Arc<[u8]>>,
    /// What it is.
    pub truth: Truth,
    /// Who says so, as the front end knows them; not authenticated.
    pub by: String,
    /// The front end.
    pub front: &'static str,
    /// Where to say what became of it.
    pub answer: oneshot::Sender<Corrected>,
}

impl Service {
    /// Hands corrections to `journal`; without this, no front end takes any.
    #[must_use]
    pub fn correcting(mut self, journal: mpsc::Sender<Correction>) -> Self {
        self.corrections = Some(journal);
        self
    }

    /// Whether corrections are taken.
    pub fn takes_corrections(&self) -> bool {
        self.corrections.is_some()
    }

    /// Hands a correction to the journal and waits until it is written, at most as long as for a judgement.
    pub async fn correct(
        &self,
        id: String,
        bytes: Option<Arc<[u8]>>,
        truth: Truth,
        by: String,
        front: &'static str,
    ) -> Corrected {
        let Some(journal) = &self.corrections else { return Corrected::Failed };
        let (answer, written) = oneshot::channel();
        let correction = Correction { id, bytes, truth, by, front, answer };
        let write = async {
            journal.send(correction).await.map_err(|_| ())?;
            written.await.map_err(|_| ())
        };
        match tokio::time::timeout(self.limits.patience, write).await {
            Ok(Ok(corrected)) => corrected,
            Ok(Err(())) | Err(_) => Corrected::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::service::ServiceLimits;
    use crate::sources::Sources;

    fn service() -> Service {
        Service::new(Engine::new(&Sources::embedded()).expect("engine"), ServiceLimits::default())
    }

    async fn correct(service: &Service) -> Corrected {
        service.correct("00".into(), None, Truth::Scam, "ana".into(), "http").await
    }

    #[tokio::test]
    async fn a_correction_is_answered_by_the_journal() {
        assert_eq!(correct(&service()).await, Corrected::Failed);
        let (sender, mut journal) = mpsc::channel::<Correction>(1);
        let service = service().correcting(sender);
        let keeper = async {
            let correction = journal.recv().await.expect("correction");
            assert_eq!((correction.truth, correction.by.as_str()), (Truth::Scam, "ana"));
            correction.answer.send(Corrected::Changed).expect("waited for");
        };
        let (corrected, ()) = tokio::join!(correct(&service), keeper);
        assert_eq!(corrected, Corrected::Changed);
        drop(journal);
        assert_eq!(correct(&service).await, Corrected::Failed);
    }
}
