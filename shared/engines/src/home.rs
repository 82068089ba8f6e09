//! The state folder: one process at a time, closed to other users, with an access key of its own, and never
//! opened by a version of another layout.

use std::cmp::Ordering;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use settings::Secret;
use store::aws::AccessKey;

use super::room::Room;

/// How the folder is laid out, and its files. Raise it with a change that the version before cannot work
/// with, and take an older folder there when it is opened; what no release ever wrote is refused. Rows have
/// shapes of their own (`store`).
const LAYOUT: u32 = 3;
const TABLE_FILE: &str = "dynamodb.sqlite";

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error(
        "another process{} uses the state folder {}; stop it, or set TRUNKLINE_STATE_DIR to another folder",
        .process.map(|id| format!(" ({id})")).unwrap_or_default(), .folder.display()
    )]
    InUse {
        folder: PathBuf,
        process: Option<u32>,
    },
    #[error("cannot use {}", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the state folder {} is of a newer version (layout {layout}, this one knows {LAYOUT}); start that version, or set TRUNKLINE_STATE_DIR to another folder",
        .folder.display()
    )]
    Newer { folder: PathBuf, layout: u32 },
    #[error(
        "the state folder {} was written before the first release (layout {layout}, this version knows {LAYOUT}) and cannot be read; remove it, or set TRUNKLINE_STATE_DIR to another folder",
        .folder.display()
    )]
    Older { folder: PathBuf, layout: u32 },
    #[error("{} does not say the folder's layout, which is a number from 1", .path.display())]
    Layout { path: PathBuf },
    #[error("{} is not the access key of an installation; remove it to have a new one made", .path.display())]
    Key { path: PathBuf },
}

/// The open state folder. Holds its lock until dropped; a killed process loses it at once.
#[derive(Debug)]
pub(super) struct Home {
    engines: PathBuf,
    key: Arc<AccessKey>,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    access_key_id: String,
    secret_access_key: String,
}

impl Home {
    pub(super) fn open(state_dir: &Path) -> Result<Self, HomeError> {
        let engines = state_dir.join("engines");
        let objects = engines.join("s3");
        create_private_dir(state_dir)?;
        let lock = lock(state_dir)?;
        create_private_dir(&engines)?;
        keep_layout(state_dir, &engines.join("layout"))?;
        create_private_dir(&objects)?;
        let key = Arc::new(access_key(&engines.join("access-key.json"))?);
        Ok(Self {
            engines,
            key,
            _lock: lock,
        })
    }

    /// Room for the last words of those who stop because the disk is full.
    pub(super) fn keep_room(&self, state_dir: &Path) -> Result<Room, HomeError> {
        Room::keep(state_dir, &self.engines)
            .map_err(|(path, source)| HomeError::Io { path, source })
    }

    pub(super) fn access_key(&self) -> Arc<AccessKey> {
        Arc::clone(&self.key)
    }

    pub(super) fn table_file(&self) -> PathBuf {
        self.engines.join(TABLE_FILE)
    }

    pub(super) fn queues_file(&self) -> PathBuf {
        self.engines.join("sqs.sqlite")
    }

    pub(super) fn objects_dir(&self) -> PathBuf {
        self.engines.join("s3")
    }
}

fn lock(state_dir: &Path) -> Result<File, HomeError> {
    let path = state_dir.join("lock");
    let io_error = |source| HomeError::Io {
        path: path.clone(),
        source,
    };
    let mut file = private_file()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            // The process id is a help for the reader; without it the message still stands.
            let process = std::fs::read_to_string(&path)
                .ok()
                .and_then(|holder| holder.trim().parse().ok());
            return Err(HomeError::InUse {
                folder: state_dir.to_owned(),
                process,
            });
        }
        Err(TryLockError::Error(source)) => return Err(io_error(source)),
    }
    file.set_len(0).map_err(io_error)?;
    file.rewind().map_err(io_error)?;
    write!(file, "{}", process::id()).map_err(io_error)?;
    Ok(file)
}

/// Refuses the folder of another layout, and writes today's into a new one.
fn keep_layout(state_dir: &Path, path: &Path) -> Result<(), HomeError> {
    let io_error = |source| HomeError::Io {
        path: path.to_owned(),
        source,
    };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let layout = text.trim().parse::<u32>().ok().filter(|layout| *layout > 0);
            let layout = layout.ok_or_else(|| HomeError::Layout {
                path: path.to_owned(),
            })?;
            let folder = state_dir.to_owned();
            match layout.cmp(&LAYOUT) {
                Ordering::Less => Err(HomeError::Older { folder, layout }),
                Ordering::Equal => Ok(()),
                Ordering::Greater => Err(HomeError::Newer { folder, layout }),
            }
        }
        // The first layout was not written down.
        Err(error) if error.kind() == io::ErrorKind::NotFound && holds_a_table(path) => {
            Err(HomeError::Older {
                folder: state_dir.to_owned(),
                layout: 1,
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Written beside and renamed: a process killed here leaves no half a number.
            let fresh = path.with_extension("new");
            let options = private_file()
                .write(true)
                .create(true)
                .truncate(true)
                .open(&fresh);
            let mut file = options.map_err(io_error)?;
            writeln!(file, "{LAYOUT}").map_err(io_error)?;
            file.sync_all().map_err(io_error)?;
            std::fs::rename(&fresh, path).map_err(io_error)
        }
        Err(error) => Err(io_error(error)),
    }
}

fn holds_a_table(layout: &Path) -> bool {
    layout.with_file_name(TABLE_FILE).exists()
}

/// Reads the access key, or makes one at the first start.
fn access_key(path: &Path) -> Result<AccessKey, HomeError> {
    let io_error = |source| HomeError::Io {
        path: path.to_owned(),
        source,
    };
    let kept = match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str::<KeyFile>(&text).map_err(|_not_ours| HomeError::Key {
            path: path.to_owned(),
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = KeyFile {
                access_key_id: format!("LOCAL{}", hex::encode_upper(rand::random::<[u8; 8]>())),
                secret_access_key: hex::encode(rand::random::<[u8; 32]>()),
            };
            // Written beside and renamed: a process killed here leaves no half a key.
            let fresh = path.with_extension("new");
            let mut file = private_file()
                .write(true)
                .create(true)
                .truncate(true)
                .open(&fresh)
                .map_err(io_error)?;
            serde_json::to_writer(&mut file, &made)
                .map_err(|error| io_error(io::Error::from(error)))?;
            file.sync_all().map_err(io_error)?;
            std::fs::rename(&fresh, path).map_err(io_error)?;
            made
        }
        Err(error) => return Err(io_error(error)),
    };
    Ok(AccessKey {
        id: kept.access_key_id,
        secret: Secret::new(kept.secret_access_key),
    })
}

fn create_private_dir(path: &Path) -> Result<(), HomeError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| HomeError::Io {
        path: path.to_owned(),
        source,
    })
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
