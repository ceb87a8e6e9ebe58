//! The one writer: what waits together is committed together.

use std::sync::Arc;

use arc_swap::ArcSwap;
use sqlx::{AnyConnection, Connection, Executor};
use tokio::sync::mpsc;

use super::changes::{Change, Context, Effect};
use super::{Clock, JournalError, Order};
use crate::guards::Policy;

/// Most changes in one transaction, and the most bytes of messages: the answer to the first must not wait for long.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 32 << 20;

/// Commits until every sender is gone.
pub(super) async fn run(
    mut connection: AnyConnection,
    mut queue: mpsc::Receiver<Order>,
    clock: Clock,
    policy: Arc<ArcSwap<Policy>>,
) {
    while let Some(first) = queue.recv().await {
        let batch = gather(first, &mut queue);
        let context = Context { now: clock(), policy: policy.load_full() };
        commit(&mut connection, batch, &context).await;
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the journal could not be closed cleanly");
    }
}

/// What waits, in order, up to the bounds of one batch.
fn gather(first: Order, queue: &mut mpsc::Receiver<Order>) -> Vec<Order> {
    let mut bytes = first.0.bytes();
    let mut batch = vec![first];
    while batch.len() < BATCH && bytes < BATCH_BYTES {
        let Ok(order) = queue.try_recv() else { break };
        bytes += order.0.bytes();
        batch.push(order);
    }
    batch
}

/// All or nothing; if nothing, each by itself, so that one change that cannot be made does not stop the others.
async fn commit(connection: &mut AnyConnection, batch: Vec<Order>, context: &Context) {
    let (changes, waiting): (Vec<Change>, Vec<_>) = batch.into_iter().unzip();
    metrics::counter!("bypost_journal_batches_total").increment(1);
    metrics::counter!("bypost_journal_changes_total").increment(changes.len() as u64);
    if changes.len() > 1
        && let Ok(effects) = together(connection, &changes, context).await
    {
        for (waiter, effect) in waiting.into_iter().zip(effects) {
            // Whoever asked may have gone; the change is made all the same.
            let _ = waiter.send(Ok(effect));
        }
        return;
    }
    for (waiter, change) in waiting.into_iter().zip(&changes) {
        let result = together(connection, std::slice::from_ref(change), context).await;
        let result = result.map(|mut effects| effects.pop().unwrap_or(Effect::Done));
        if let Err(error) = &result {
            tracing::error!(%error, change = change.name(), "the journal did not take a change");
        }
        let _ = waiter.send(result.map_err(|e| JournalError::of(&e)));
    }
}

/// Design note: the statements are written out, since a full disk makes SQLite end the transaction by itself, which a
/// transaction object that counts its depth does not survive.
async fn together(
    connection: &mut AnyConnection,
    changes: &[Change],
    context: &Context,
) -> Result<Vec<Effect>, sqlx::Error> {
    let begin = if connection.backend_name() == "SQLite" { "BEGIN IMMEDIATE" } else { "BEGIN" };
    connection.execute(begin).await?;
    let made = apply_all(connection, changes, context).await;
    if made.is_err() {
        // It fails where the database has ended the transaction already.
        let _ = connection.execute("ROLLBACK").await;
    }
    made
}

async fn apply_all(
    connection: &mut AnyConnection,
    changes: &[Change],
    context: &Context,
) -> Result<Vec<Effect>, sqlx::Error> {
    let mut effects = Vec::with_capacity(changes.len());
    for change in changes {
        effects.push(change.apply(connection, context).await?);
    }
    connection.execute("COMMIT").await?;
    Ok(effects)
}
