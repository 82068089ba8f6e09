//! Whether the disk takes what is written, and what is kept back for when it does not.
//!
//! A disk is full when an engine could not write, or when a small file cannot be written any more: it is tried
//! every second, so that it is known before somebody waits for an answer. Then a file that was kept back is
//! given up: those who stop now find room for their last words. Nothing here ends anything.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::ErrorCode;
use tokio::sync::{Notify, watch};

use super::serve::stop_signal;

/// What is kept back: turns, outcomes and messages of the calls that a laptop holds.
const RESERVE_BYTES: usize = 2 * 1024 * 1024;
/// What must still find room: more than the engines write at once, but for objects.
const TRIED_BYTES: usize = 64 * 1024;
/// How often that is tried.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The disk takes no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFull {
    pub folder: PathBuf,
    why: Why,
}

/// What the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Full,
    Quota,
    FileTooLarge,
    /// Anything else that keeps us from writing.
    Unwritable,
}

impl fmt::Display for DiskFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        match self.why {
            Why::Full => write!(f, "the disk of {folder} is full"),
            Why::Quota => write!(f, "the quota of the disk of {folder} is used up"),
            Why::FileTooLarge => write!(f, "files in {folder} may not grow any further"),
            Why::Unwritable => write!(f, "the disk of {folder} cannot be written"),
        }
    }
}

impl Why {
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
        let known = [
            (StorageFull, Self::Full),
            (WriteZero, Self::Full),
            (QuotaExceeded, Self::Quota),
            (FileTooLarge, Self::FileTooLarge),
        ];
        let found = known.into_iter().find(|(kind, _)| *kind == error.kind());
        found.map_or(Self::Unwritable, |(_, why)| why)
    }

    /// Why SQLite could not write, if that was it.
    pub(super) fn of_sqlite(error: &rusqlite::Error) -> Option<Self> {
        let code = error.sqlite_error_code()?;
        if code == ErrorCode::DiskFull {
            return Some(Self::Full);
        }
        (code == ErrorCode::SystemIoFailure).then_some(Self::Unwritable)
    }
}

/// The room for the files of one installation.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state_dir: PathBuf,
    reserve: PathBuf,
    tried: PathBuf,
    full: watch::Sender<Option<DiskFull>>,
    suspected: Notify,
}

impl Room {
    /// Keeps the reserve back in this folder of the state folder.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn keep(state_dir: &Path, folder: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let inner = Inner {
            state_dir: state_dir.to_owned(),
            reserve: folder.join("reserve"),
            tried: folder.join("room"),
            full: watch::Sender::new(None),
            suspected: Notify::new(),
        };
        let kept = fs::metadata(&inner.reserve).is_ok_and(|file| file.len() >= reserve_bytes());
        if !kept {
            let written = fill(&inner.reserve, RESERVE_BYTES);
            written.map_err(|error| (inner.reserve.clone(), error))?;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// An engine could not write.
    pub(super) fn ran_out(&self, why: Why) {
        let is_news = self.0.full.send_if_modified(|full| {
            let is_news = full.is_none();
            full.get_or_insert_with(|| DiskFull {
                folder: self.0.state_dir.clone(),
                why,
            });
            is_news
        });
        if is_news {
            let given_up = fs::remove_file(&self.0.reserve);
            tracing::error!(
                reserve_is_free = given_up.is_ok(),
                "the disk takes no more, what was kept back is given up"
            );
        }
    }

    /// Something failed that a full disk may be the reason of: it is looked now.
    pub(super) fn suspect(&self) {
        self.0.suspected.notify_one();
    }

    /// Completes once the disk takes no more.
    pub(super) fn full(&self) -> watch::Receiver<Option<DiskFull>> {
        self.0.full.subscribe()
    }

    /// Looks until the stop, or until the disk is full.
    pub(super) async fn watch(self, stopping: watch::Receiver<bool>) {
        let stop = stop_signal(stopping);
        tokio::pin!(stop);
        while self.0.full.borrow().is_none() {
            tokio::select! {
                () = &mut stop => return,
                () = self.0.suspected.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let room = self.clone();
            // An error is the stop.
            tokio::task::spawn_blocking(move || room.look()).await.ok();
        }
    }

    fn look(&self) {
        if let Err(error) = try_out(&self.0.tried) {
            self.ran_out(Why::of(&error));
        }
    }
}

fn reserve_bytes() -> u64 {
    u64::try_from(RESERVE_BYTES).unwrap_or(u64::MAX)
}

/// Writes a file anew and gives its room back.
fn try_out(path: &Path) -> io::Result<()> {
    fill(path, TRIED_BYTES)?;
    File::options().write(true).open(path)?.set_len(0)
}

/// Writes a file of this length that no file system stores smaller than it is.
fn fill(path: &Path, bytes: usize) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut noise = 0x9E37_79B9_7F4A_7C15_u64;
    let mut block = Vec::with_capacity(TRIED_BYTES);
    let mut left = bytes;
    while left > 0 {
        block.clear();
        while block.len() < TRIED_BYTES.min(left) {
            // xorshift64
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            block.extend_from_slice(&noise.to_le_bytes());
        }
        block.truncate(left);
        file.write_all(&block)?;
        left -= block.len();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> (tempfile::TempDir, Room) {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::keep(folder.path(), folder.path()).unwrap();
        (folder, room)
    }

    #[test]
    fn room_is_kept_back_and_given_up_when_the_disk_takes_no_more() {
        let (folder, room) = kept();
        let reserve = folder.path().join("reserve");
        assert_eq!(fs::metadata(&reserve).unwrap().len(), reserve_bytes());
        room.look();
        assert_eq!(*room.full().borrow(), None);
        assert_eq!(fs::metadata(folder.path().join("room")).unwrap().len(), 0);

        // No file can be written where a folder stands.
        fs::remove_file(folder.path().join("room")).unwrap();
        fs::create_dir(folder.path().join("room")).unwrap();
        room.look();
        let full = room.full().borrow().clone().unwrap();
        assert_eq!(full.why, Why::Unwritable);
        assert!(!reserve.exists());
        // The first reason stands.
        room.ran_out(Why::Full);
        assert_eq!(*room.full().borrow(), Some(full));
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_fills_up_is_noticed_within_a_second_though_nobody_writes() {
        let (folder, room) = kept();
        let (_stop, stopping) = watch::channel(false);
        let watching = tokio::spawn(room.clone().watch(stopping));
        fs::create_dir(folder.path().join("room")).unwrap();
        let begun = tokio::time::Instant::now();
        let mut full = room.full();
        full.wait_for(Option::is_some).await.unwrap();
        assert!(begun.elapsed() <= LOOK_EVERY);
        watching.await.unwrap();
    }

    #[test]
    fn what_the_system_says_is_told_in_words() {
        let told = |kind: io::ErrorKind| {
            let why = Why::of(&io::Error::from(kind));
            let folder = PathBuf::from(".trunkline");
            DiskFull { folder, why }.to_string()
        };
        assert_eq!(
            told(io::ErrorKind::StorageFull),
            "the disk of .trunkline is full"
        );
        assert_eq!(
            told(io::ErrorKind::FileTooLarge),
            "files in .trunkline may not grow any further"
        );
        assert!(told(io::ErrorKind::QuotaExceeded).contains("quota"));
        assert!(told(io::ErrorKind::PermissionDenied).contains("cannot be written"));
    }
}
