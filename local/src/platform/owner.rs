//! The owner's API key: made once, shown once, kept in the state folder.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use settings::Secret;

/// Name of the file in the state folder, readable by its owner only.
pub const KEY_FILE: &str = "api-key";

/// The owner's key and whether it is new.
#[derive(Debug)]
pub struct OwnerKey {
    pub key: Secret,
    /// Made just now: show it, it is not shown again.
    pub fresh: bool,
}

impl OwnerKey {
    /// The key that the settings preset, or the one that the state folder keeps, or a `fresh` one.
    ///
    /// # Errors
    /// When the state folder cannot be read or written.
    pub fn ensure(
        state_dir: &Path,
        preset: Option<&Secret>,
        fresh: impl FnOnce() -> Secret,
    ) -> anyhow::Result<Self> {
        let path = state_dir.join(KEY_FILE);
        if let Some(key) = preset {
            keep(&path, key.expose())?;
            return Ok(Self {
                key: key.clone(),
                fresh: false,
            });
        }
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => {
                let key = Secret::new(text.trim().to_owned());
                return Ok(Self { key, fresh: false });
            }
            Ok(_empty) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("reading the owner's API key"),
        }
        let key = fresh();
        keep(&path, key.expose())?;
        Ok(Self { key, fresh: true })
    }
}

/// Written whole or not at all: a half-written key would lock the owner out.
fn keep(path: &Path, key: &str) -> anyhow::Result<()> {
    let draft = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(&draft)
        .context("writing the owner's API key")?;
    file.write_all(key.as_bytes())
        .context("writing the owner's API key")?;
    file.sync_all().context("writing the owner's API key")?;
    fs::rename(&draft, path).context("keeping the owner's API key")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn fresh() -> Secret {
        Secret::new("tk_fresh".to_owned())
    }

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner_only() {
        let state = tempfile::tempdir().unwrap();
        let first = OwnerKey::ensure(state.path(), None, fresh).unwrap();
        let again = OwnerKey::ensure(state.path(), None, fresh).unwrap();
        assert!(first.fresh && !again.fresh);
        assert_eq!(first.key.expose(), again.key.expose());
        let mode = fs::metadata(state.path().join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_preset_key_wins_and_is_kept() {
        let state = tempfile::tempdir().unwrap();
        OwnerKey::ensure(state.path(), None, fresh).unwrap();
        let preset = Secret::new("preset-key-0123456789".to_owned());
        OwnerKey::ensure(state.path(), Some(&preset), fresh).unwrap();
        let kept = OwnerKey::ensure(state.path(), None, fresh).unwrap();
        assert_eq!(kept.key.expose(), preset.expose());
    }
}
