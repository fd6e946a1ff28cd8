//! A task that runs until it is told to stop, or is dropped.

use std::future::Future;

use tokio::{sync::oneshot, task::JoinHandle};

use crate::failure::Failure;

#[derive(Debug)]
pub(super) struct Part {
    task: JoinHandle<Result<(), Failure>>,
    /// Dropped to say stop.
    running: Option<oneshot::Sender<()>>,
}

impl Part {
    /// Starts what `run` makes of the future that ends when it is time to stop.
    pub(super) fn spawn<F>(run: impl FnOnce(Stopped) -> F) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let (running, stopped) = oneshot::channel();
        Self { task: tokio::spawn(run(Stopped(stopped))), running: Some(running) }
    }

    /// Waits for it to end by itself.
    pub(super) async fn ended(&mut self) -> Result<(), Failure> {
        (&mut self.task).await.unwrap_or_else(|error| Err(Failure::Internal(error.to_string())))
    }

    /// Tells it to stop and waits until it has.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        self.running.take();
        self.ended().await
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The word to stop, still to come.
#[derive(Debug)]
pub(super) struct Stopped(oneshot::Receiver<()>);

impl Stopped {
    pub(super) async fn asked(self) {
        let _ = self.0.await;
    }
}
