//! Who runs in a world: the holder of a lock on `nova.lock`, which the system releases however the holder ends. The file
//! holds the holder's process number, and its presence marks the directory as nova's.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// The outcome of asking for the lock.
#[derive(Debug)]
pub enum Locked {
    /// We hold it.
    Ours(Lock),
    /// A living process holds it; its number, unless it is just about to write it.
    Theirs(Option<i32>),
}

pub(super) fn path(data: &Path) -> PathBuf {
    data.join("nova.lock")
}

/// Marks `data` as nova's.
pub(super) fn found(data: &Path) -> io::Result<()> {
    open(data).map(drop)
}

pub(super) fn take(data: &Path) -> io::Result<Locked> {
    let mut file = open(data)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(std::process::id().to_string().as_bytes())?;
            // A lock on a file that `nova clean` has just removed protects nothing.
            if fs::exists(path(data))? { Ok(Locked::Ours(Lock(file))) } else { take(data) }
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok(Locked::Theirs(text.trim().parse().ok()))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(data: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_asker_learns_the_holders_number_and_gets_its_turn() {
        let data = std::env::temp_dir().join(format!("nova-lock-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        let Locked::Ours(held) = take(&data).unwrap() else { panic!("nobody holds it") };
        let Locked::Theirs(holder) = take(&data).unwrap() else { panic!("it is held") };
        assert_eq!(holder, Some(std::process::id().cast_signed()));
        drop(held);
        assert!(matches!(take(&data).unwrap(), Locked::Ours(_)));
        fs::remove_dir_all(data).unwrap();
    }
}
