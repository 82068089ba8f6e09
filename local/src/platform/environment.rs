//! The variables with which a process beside this one works on the same installation: a function under
//! `cargo lambda watch`, or a media worker of its own. Kept in the state folder while we run.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use model::TenantId;
use providers::vendors::Vendor;
use settings::{Secret, Settings, VendorRole};

/// Name of the file in the state folder, readable by its owner only. A shell reads it with
/// `set -a; . .trunkline/environment`.
pub const ENVIRONMENT_FILE: &str = "environment";

/// Names and values, simulated sides included.
#[must_use]
pub fn variables(
    settings: &Settings,
    engines: Vec<(&'static str, Secret)>,
) -> Vec<(&'static str, Secret)> {
    let mut variables = engines;
    let mut set = |name, value: Option<&str>| {
        if let Some(value) = value {
            variables.push((name, Secret::new(value.to_owned())));
        }
    };
    set(
        "PUBLIC_URL",
        settings.public.public_url.as_ref().map(url::Url::as_str),
    );
    set(
        "MEDIA_URL",
        settings.public.media_url.as_ref().map(url::Url::as_str),
    );
    for (name, value) in settings.carrier.variables() {
        set(name, Some(value.expose()));
    }
    let dialing = settings.dialing;
    for (name, value) in [
        (
            "TRUNKLINE_CARRIER_CALLS_MAX",
            dialing.carrier_calls_max.to_string(),
        ),
        (
            "TRUNKLINE_TENANT_CALLS_MAX",
            dialing.tenant_calls_max.to_string(),
        ),
        (
            "TRUNKLINE_CARRIER_CALLS_PER_SECOND",
            dialing.call_interval.as_secs_f64().recip().to_string(),
        ),
    ] {
        set(name, Some(&value));
    }
    for vendor in Vendor::in_use(settings) {
        for (name, value) in (vendor.settings)(settings).variables() {
            set(name, value);
        }
    }
    for role in VendorRole::ALL {
        set(role.variable(), Some(&settings.chains.of(role).join(",")));
    }
    let storage = &settings.storage;
    for (name, value) in [
        ("TRUNKLINE_TABLE", &storage.table),
        ("TRUNKLINE_BUCKET", &storage.bucket),
        ("TRUNKLINE_DIAL_QUEUE", &storage.dial_queue),
        ("TRUNKLINE_RECORDINGS_QUEUE", &storage.recordings_queue),
        ("TRUNKLINE_IMPORT_QUEUE", &storage.import_queue),
    ] {
        set(name, Some(value));
    }
    variables
}

/// Writes the file.
///
/// # Errors
/// When the state folder cannot be written.
pub(crate) fn keep(
    state_dir: &Path,
    tenant: TenantId,
    variables: &[(&'static str, Secret)],
) -> anyhow::Result<PathBuf> {
    let path = state_dir.join(ENVIRONMENT_FILE);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(&path)
        .context("writing the environment file")?;
    writeln!(
        file,
        "# The owner's tenant, as messages and events name it: {tenant}"
    )
    .context("writing the environment file")?;
    for (name, value) in variables {
        writeln!(file, "{name}={}", quoted(value.expose()))
            .context("writing the environment file")?;
    }
    Ok(path)
}

/// Reads the file: names and values. `None` where there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub(crate) fn kept(state_dir: &Path) -> anyhow::Result<Option<Vec<(String, String)>>> {
    let text = match fs::read_to_string(state_dir.join(ENVIRONMENT_FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("reading the environment file"),
    };
    // A value that has a line's end in it is none of ours.
    let lines = text.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
        Some((name.to_owned(), value.replace(r"'\''", "'")))
    });
    Ok(Some(lines.collect()))
}

/// As a shell reads it back: single quotes, and no single quote inside.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_kept() {
        let state = tempfile::tempdir().unwrap();
        let odd = "it's $HOME `x` \\ \"q\"";
        keep(
            state.path(),
            TenantId::from_parts(0, 0),
            &[("TWILIO_AUTH_TOKEN", Secret::new(odd.to_owned()))],
        )
        .unwrap();
        let script = format!(
            ". {}/{ENVIRONMENT_FILE}; printf %s \"$TWILIO_AUTH_TOKEN\"",
            state.path().display()
        );
        let read = std::process::Command::new("sh")
            .arg("-c")
            .arg(script)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), odd);
        let ours = kept(state.path()).unwrap().unwrap();
        assert_eq!(ours, [("TWILIO_AUTH_TOKEN".to_owned(), odd.to_owned())]);
    }
}
