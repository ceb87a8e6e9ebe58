//! The threads that judge: a fixed number, which keep what they have compiled and allocated.
//!
//! Design note: every thread that judges has its own copy of the automata's caches, which grow with what it has seen. The
//! runtime's pool for blocking work takes a new thread whenever the others look busy, and memory grows with each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Something to do.
type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads; they end when this is dropped and what was asked is done.
#[derive(Debug)]
pub(super) struct Workers {
    jobs: Mutex<Sender<Job>>,
}

impl Workers {
    /// Starts `count` threads; fewer if the system has no more.
    pub(super) fn new(count: usize) -> Self {
        let (sender, jobs) = channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..count {
            let jobs = Arc::clone(&jobs);
            let name = format!("judge-{number}");
            if let Err(error) = std::thread::Builder::new().name(name).spawn(move || work(&jobs)) {
                tracing::error!(%error, "a judging thread could not be started");
            }
        }
        Self { jobs: Mutex::new(sender) }
    }

    /// Has `job` done by one of the threads; `None` if it panicked, or if there are no threads. A job whose caller has gone
    /// before its turn is not begun.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, done) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed()
                && let Ok(made) = catch_unwind(AssertUnwindSafe(job))
            {
                let _ = answer.send(made);
            }
        });
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job).ok()?;
        done.await.ok()
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_its_own_job_only() {
        let workers = Workers::new(1);
        assert_eq!(workers.run(|| 1).await, Some(1));
        assert_eq!(workers.run(|| -> i32 { panic!("expected in this test") }).await, None);
        assert_eq!(workers.run(|| 2).await, Some(2));
        assert_eq!(Workers::new(0).run(|| 3).await, None);
    }
}
