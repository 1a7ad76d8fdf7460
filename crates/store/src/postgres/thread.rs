//! A thread of its own for the writer: it hears the database's answer at once and has the next batch ready, however
//! busy the threads are on which requests are judged.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::store::StoreError;

/// The thread; it ends with this value.
#[derive(Debug)]
pub(super) struct WriterThread(Option<Runtime>);

impl WriterThread {
    /// Starts it.
    ///
    /// # Errors
    /// [`StoreError::Database`]: the system gives no thread.
    pub(super) fn start() -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sendhub-writer")
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => Ok(Self(Some(runtime))),
            Err(failure) => Err(StoreError::Database(format!(
                "no thread for the writer: {failure}"
            ))),
        }
    }

    /// Where to spawn what is to run on it; none after its end.
    pub(super) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Runs something on it: a connection that is opened there is waited for there.
    ///
    /// # Errors
    /// What it gives; [`StoreError::Database`] when it was cut short.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let cut = || StoreError::Database("the writer's thread has ended".into());
        let handle = self.handle().ok_or_else(cut)?;
        handle.spawn(work).await.unwrap_or_else(|_| Err(cut()))
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // The last who holds the store may be a task, which must not wait for a thread.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
