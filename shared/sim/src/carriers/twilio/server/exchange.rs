//! What all calls of one simulated carrier have in common: its clock, its files, its way out and who is driven.
//!
//! It does not know what a call does next; that is decided by its driver and the core.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::carriers::recording::RecordingFiles;
use crate::carriers::twilio::account::{Account, lock};
use crate::carriers::twilio::record::{Record, Recording};

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) account: Arc<Account>,
    pub(super) recordings: RecordingFiles,
    /// Where records of calls are kept.
    records: Option<PathBuf>,
    pub(super) http: reqwest::Client,
    started: Instant,
    /// The drivers that run, by their calls, each with what wakes it.
    drivers: Mutex<BTreeMap<String, Arc<Notify>>>,
    pub(super) changed: watch::Sender<u64>,
    pub(super) stop: CancellationToken,
}

impl Exchange {
    /// One that begins now and keeps its files in a folder, or in memory.
    pub(super) fn new(account: Arc<Account>, state_dir: Option<&Path>) -> io::Result<Self> {
        let recordings = match state_dir {
            Some(folder) => RecordingFiles::in_folder(&folder.join("recordings"))?,
            None => RecordingFiles::in_memory(),
        };
        let records = state_dir.map(|folder| folder.join("calls"));
        if let Some(folder) = &records {
            fs::create_dir_all(folder)?;
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // Whom it calls back is on this machine.
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .user_agent("TwilioProxy/1.1")
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            account,
            recordings,
            records,
            http,
            started: Instant::now(),
            drivers: Mutex::default(),
            changed: watch::Sender::new(0),
            stop: CancellationToken::new(),
        })
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.started + at
    }

    pub(super) fn noticed(&self, code: u32, what: &str, call_sid: &str) {
        self.account.noticed(code, what, Some(call_sid));
    }

    pub(super) fn tell_change(&self) {
        self.changed
            .send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Keeps the record of a call. The file is replaced as a whole.
    pub(super) fn save(&self, record: &Record) -> io::Result<()> {
        let Some(folder) = &self.records else {
            return Ok(());
        };
        let draft = folder.join(format!("{}.tmp", record.sid));
        fs::write(&draft, serde_json::to_vec(record)?)?;
        fs::rename(draft, record_file(folder, &record.sid))
    }

    /// What a process before this one kept, oldest first.
    pub(super) fn kept(&self) -> io::Result<Vec<Record>> {
        let mut records: Vec<Record> = Vec::new();
        let Some(folder) = &self.records else {
            return Ok(records);
        };
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                match serde_json::from_slice(&fs::read(&path)?) {
                    Ok(record) => records.push(record),
                    Err(error) => {
                        tracing::warn!(%error, "a kept call of the simulated carrier cannot be read");
                    }
                }
            }
        }
        records.sort_by_key(|record| record.created_at);
        Ok(records)
    }

    /// Finishes what a process before this one recorded, and gives its length in bytes.
    pub(super) fn finish(&self, recording: &Recording) -> u64 {
        let finished = self
            .recordings
            .finish(&recording.sid, recording.order.channels);
        finished.unwrap_or_else(|error| {
            tracing::error!(%error, "a recording cannot be finished");
            0
        })
    }

    /// Removes the record of a call.
    pub(super) fn forget(&self, sid: &str) -> io::Result<()> {
        match &self.records {
            Some(folder) => fs::remove_file(record_file(folder, sid)),
            None => Ok(()),
        }
    }

    /// Wakes the driver of a call; if it has none, gives what will wake one that is started now.
    pub(super) fn enter(&self, sid: &str) -> Option<Arc<Notify>> {
        let mut drivers = lock(&self.drivers);
        if let Some(driver) = drivers.get(sid) {
            driver.notify_one();
            return None;
        }
        let wake = Arc::new(Notify::new());
        drivers.insert(sid.to_owned(), Arc::clone(&wake));
        Some(wake)
    }

    /// Whether no call has a driver.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.drivers).is_empty()
    }

    /// Ends the driver of a call that has nothing left to do.
    pub(super) fn retire(&self, sid: &str, is_idle: impl FnOnce() -> bool) -> bool {
        let mut drivers = lock(&self.drivers);
        let idle = is_idle();
        if idle {
            drivers.remove(sid);
            self.tell_change();
        }
        idle
    }
}

fn record_file(folder: &Path, sid: &str) -> PathBuf {
    folder.join(format!("{sid}.json"))
}
