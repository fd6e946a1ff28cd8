//! The sources on this machine: has the flags take them in at start, and keeps the disk copy. Files are read and written where
//! blocking is allowed, and a disk that hangs stops nothing but a start that was told to read a file there.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{
    answer::Answer,
    bootstrap,
    disk::{DiskCopy, Unusable},
    error::ConfigError,
    status::Status,
};
use crate::{Flags, Source};

/// How long a start waits for a local file. It takes milliseconds, but for a disk that hangs.
const LOCAL_FILE: Duration = Duration::from_secs(1);
/// How long a copy that could not be written waits for another try.
const DISK_RETRY: Duration = Duration::from_mins(1);

/// Has the flags take in the bootstrap file at `path`.
pub(super) async fn take_bootstrap(flags: &Flags, path: PathBuf) -> Result<(), ConfigError> {
    let named = path.clone();
    let read = timeout(LOCAL_FILE, spawn_blocking(move || bootstrap::read(&path))).await;
    let features = match read {
        Ok(Ok(read)) => read?,
        Ok(Err(_)) => return Err(bootstrap::wrong(&named, &"reading it failed")),
        Err(_) => return Err(bootstrap::wrong(&named, &"it could not be read in time")),
    };
    flags.apply(features, Source::Bootstrap).map_err(|error| bootstrap::wrong(&named, &error))
}

/// Has the flags take in the copy, if there is a good one. Gives its text.
pub(super) async fn take_copy(flags: &Flags, copy: &Arc<DiskCopy>, status: &Status) -> Option<Arc<RawValue>> {
    let reading = Arc::clone(copy);
    let read = match timeout(LOCAL_FILE, spawn_blocking(move || reading.read())).await {
        Ok(Ok(read)) => read,
        _ => Err(Unusable::Hanging),
    };
    let taken = read.and_then(|answer| {
        let Some(Answer { text, features }) = answer else { return Ok(None) };
        flags.apply(features, Source::Disk)?;
        Ok(Some(text))
    });
    match taken {
        Ok(text) => {
            let text = text.map(Arc::from);
            if text.is_some() {
                status.uses(Source::Disk);
            }
            text
        }
        Err(error) => {
            status.disk_failed("unusable", format!("{} is not used: {error}", copy.path().display()));
            None
        }
    }
}

/// Writes each answer that is another than `last`, the newest first and only it.
pub(super) async fn write_copies(
    copy: Arc<DiskCopy>,
    mut last: Option<Arc<RawValue>>,
    mut news: watch::Receiver<Option<Arc<RawValue>>>,
    status: Status,
) {
    while news.changed().await.is_ok() {
        loop {
            let Some(newest) = news.borrow_and_update().clone() else { break };
            if last.as_ref().is_some_and(|last| last.get() == newest.get()) {
                break;
            }
            let (copy, writing) = (Arc::clone(&copy), Arc::clone(&newest));
            let path = copy.path().display().to_string();
            match spawn_blocking(move || copy.write(&writing)).await {
                Ok(Ok(())) => {
                    last = Some(newest);
                    status.disk_works();
                    break;
                }
                Ok(Err(error)) => status.disk_failed("unwritable", format!("{path} can't be written: {error}")),
                Err(_) => return,
            }
            tokio::select! {
                () = sleep(DISK_RETRY) => {}
                changed = news.changed() => if changed.is_err() { return },
            }
        }
    }
}
