//! Where recordings are kept.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::wav::{HEADER_BYTES, header, to_mono};

/// Keeps recordings by their id, in a folder or in memory.
///
/// Writing is blocking: a call hands over a second of audio at a time, which the operating system
/// takes into its cache.
#[derive(Debug)]
pub struct RecordingFiles {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Memory(Mutex<BTreeMap<String, Vec<u8>>>),
}

impl RecordingFiles {
    /// Keeps recordings as `{id}.wav` in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            place: Place::Folder(folder.to_owned()),
        })
    }

    #[must_use]
    pub const fn in_memory() -> Self {
        Self {
            place: Place::Memory(Mutex::new(BTreeMap::new())),
        }
    }

    /// Adds samples, beginning the file if there is none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, id: &str, channels: u16, samples: &[u8]) -> io::Result<()> {
        match &self.place {
            Place::Folder(folder) => {
                let mut file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(path(folder, id)?)?;
                if file.metadata()?.len() == 0 {
                    file.write_all(&header(channels, 0))?;
                }
                file.write_all(samples)
            }
            Place::Memory(files) => {
                let mut files = lock(files);
                let file = files.entry(id.to_owned());
                let file = file.or_insert_with(|| header(channels, 0).to_vec());
                file.extend_from_slice(samples);
                Ok(())
            }
        }
    }

    /// Writes the lengths into the header and gives the bytes of samples; 0 when there is no file.
    /// Can be repeated.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn finish(&self, id: &str, channels: u16) -> io::Result<u64> {
        let block = u64::from(channels) * 2;
        // A process that died may have left half a sample at the end.
        let whole = |length: u64| {
            let samples = length.saturating_sub(HEADER_BYTES as u64);
            samples - samples % block.max(1)
        };
        match &self.place {
            Place::Folder(folder) => {
                let mut file = match OpenOptions::new().write(true).open(path(folder, id)?) {
                    Ok(file) => file,
                    Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(0),
                    Err(problem) => return Err(problem),
                };
                let samples = whole(file.metadata()?.len());
                file.set_len(HEADER_BYTES as u64 + samples)?;
                file.seek(SeekFrom::Start(0))?;
                file.write_all(&header(channels, fits(samples)?))?;
                file.sync_all()?;
                Ok(samples)
            }
            Place::Memory(files) => {
                let mut files = lock(files);
                let Some(file) = files.get_mut(id) else {
                    return Ok(0);
                };
                let samples = whole(file.len() as u64);
                let lengths = header(channels, fits(samples)?);
                for (to, from) in file.iter_mut().zip(lengths) {
                    *to = from;
                }
                Ok(samples)
            }
        }
    }

    /// The whole file, mixed into one channel if asked.
    ///
    /// # Errors
    /// When there is no such file or it cannot be read.
    pub fn read(&self, id: &str, mix_to_mono: bool) -> io::Result<Vec<u8>> {
        let file = match &self.place {
            Place::Folder(folder) => {
                let mut bytes = Vec::new();
                File::open(path(folder, id)?)?.read_to_end(&mut bytes)?;
                bytes
            }
            Place::Memory(files) => lock(files)
                .get(id)
                .cloned()
                .ok_or(io::ErrorKind::NotFound)?,
        };
        if !mix_to_mono {
            return Ok(file);
        }
        let mono = to_mono(file.get(HEADER_BYTES..).unwrap_or_default());
        let mut mixed = header(1, fits(mono.len() as u64)?).to_vec();
        mixed.extend_from_slice(&mono);
        Ok(mixed)
    }

    /// Deletes the file. One that is not there is no error.
    ///
    /// # Errors
    /// When the file is there and stays.
    pub fn delete(&self, id: &str) -> io::Result<()> {
        match &self.place {
            Place::Folder(folder) => match fs::remove_file(path(folder, id)?) {
                Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(problem),
                Ok(()) | Err(_) => Ok(()),
            },
            Place::Memory(files) => {
                lock(files).remove(id);
                Ok(())
            }
        }
    }

    /// Whether the file is there.
    #[must_use]
    pub fn holds(&self, id: &str) -> bool {
        match &self.place {
            Place::Folder(folder) => path(folder, id).is_ok_and(|path| path.exists()),
            Place::Memory(files) => lock(files).contains_key(id),
        }
    }
}

/// Ids are letters and digits: anything else could name a file elsewhere.
fn path(folder: &Path, id: &str) -> io::Result<PathBuf> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(folder.join(format!("{id}.wav")))
}

fn fits(samples: u64) -> io::Result<u32> {
    u32::try_from(samples).map_err(|_too_long| io::ErrorKind::FileTooLarge.into())
}

/// A map is whole after every step on it, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::recording::Recorder;
    use crate::voice::{Heard, Listener, SILENCE, Voice, mulaw, speak};

    fn heard(samples: &[i16]) -> String {
        let audio: Vec<u8> = samples
            .iter()
            .map(|sample| mulaw::encode(*sample))
            .collect();
        let words = Listener::new()
            .hear(&audio, 0)
            .into_iter()
            .filter_map(|heard| match heard {
                Heard::Word { text, .. } => Some(text),
                Heard::Garbled { .. }
                | Heard::Cut { .. }
                | Heard::SpeechStarted { .. }
                | Heard::SpeechStopped { .. } => None,
            });
        words.collect::<Vec<_>>().join(" ")
    }

    fn check(files: &RecordingFiles) {
        let person = speak("This is the person.", &Voice::new(180)).audio;
        let agent = speak("And this is the agent.", &Voice::new(110)).audio;
        let length = person.len().max(agent.len());
        let padded = |mut audio: Vec<u8>| {
            audio.resize(length, SILENCE);
            audio
        };
        let mut recorder = Recorder::new(2);
        recorder.frame(&padded(person), &padded(agent));
        files.append("RE1", 2, &recorder.take()).unwrap();
        assert_eq!(files.finish("RE1", 2).unwrap(), length as u64 * 4);
        assert_eq!(files.finish("RE1", 2).unwrap(), length as u64 * 4);

        let file = files.read("RE1", false).unwrap();
        let mut wav = hound::WavReader::new(io::Cursor::new(file)).unwrap();
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
        let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
        let channel = |nth: usize| {
            samples
                .iter()
                .skip(nth)
                .step_by(2)
                .copied()
                .collect::<Vec<_>>()
        };
        assert_eq!(heard(&channel(0)), "This is the person.");
        assert_eq!(heard(&channel(1)), "And this is the agent.");

        let mixed = files.read("RE1", true).unwrap();
        let wav = hound::WavReader::new(io::Cursor::new(mixed)).unwrap();
        assert_eq!((wav.spec().channels, wav.duration() as usize), (1, length));

        files.delete("RE1").unwrap();
        files.delete("RE1").unwrap();
        assert!(!files.holds("RE1"));
        assert!(files.read("RE1", false).is_err());
        assert_eq!(files.finish("RE1", 2).unwrap(), 0);
    }

    #[test]
    fn both_sides_can_be_read_back_out_of_a_recording_in_memory() {
        check(&RecordingFiles::in_memory());
    }

    #[test]
    fn both_sides_can_be_read_back_out_of_a_recording_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        check(&RecordingFiles::in_folder(folder.path()).unwrap());
    }

    #[test]
    fn a_file_that_a_dead_process_left_in_mid_sample_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let files = RecordingFiles::in_folder(folder.path()).unwrap();
        files.append("RE1", 2, &[1, 2, 3, 4, 5, 6]).unwrap();
        let next = RecordingFiles::in_folder(folder.path()).unwrap();
        assert_eq!(next.finish("RE1", 2).unwrap(), 4);
        let file = next.read("RE1", false).unwrap();
        assert_eq!(
            hound::WavReader::new(io::Cursor::new(file))
                .unwrap()
                .duration(),
            1
        );
    }

    #[test]
    fn an_id_cannot_name_a_file_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let files = RecordingFiles::in_folder(folder.path()).unwrap();
        assert!(files.append("../RE1", 2, &[0; 4]).is_err());
    }
}
