//! Every command of the README is run: those of `curl` here, against a running installation, and those
//! with files of their own in its folder; the others by who is named in the list below.

use std::path::Path;

use tokio::process::Command;

use crate::process::Running;

/// Commands that something else runs, and what.
const RUN_ELSEWHERE: &[(&str, &str)] = &[
    (
        "git clone",
        "whoever reads this has done it; the gate runs on a fresh clone",
    ),
    ("cd trunkline", "the gate runs in a fresh clone"),
    ("make run", "`cargo run`, whose binary the journeys start"),
    ("make test", "the gate"),
    ("make conformance", "the gate"),
    ("make bench", "by hand: its numbers need a quiet machine"),
    (
        "make watch",
        "`.ci/watch.sh`, with the block of `bash` commands that follows it",
    ),
];

/// The binary itself, without the cargo that finds it.
const OWN: &str = "cargo run -- ";

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_readme_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let state = tempfile::tempdir().unwrap();
    let here = Running::start(state.path(), &["--quiet"]).await;
    let address = format!(
        "{}:{}",
        here.base.host_str().unwrap(),
        here.base.port().unwrap()
    );

    let mut script = "set -euo pipefail\n".to_owned();
    let mut curls = 0;
    for line in commands(&readme) {
        if RUN_ELSEWHERE
            .iter()
            .any(|(command, _)| line.starts_with(command))
        {
            continue;
        }
        let here = ["curl ", "export ", "printf ", "echo ", OWN];
        assert!(
            here.iter().any(|command| line.starts_with(command)),
            "nothing runs this command of the README: {line}"
        );
        curls += usize::from(line.starts_with("curl "));
        let here = line
            .replace("localhost:8080", &address)
            .replace(".trunkline/", &format!("{}/", state.path().display()))
            .replace("curl -s ", "curl -sS --fail-with-body ")
            .replace(OWN, concat!(env!("CARGO_BIN_EXE_trunkline"), " "));
        script.push_str(&here);
        script.push('\n');
    }
    assert!(curls >= 4, "the README shows how to use the API");
    let output = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(home(&state))
        .env("TRUNKLINE_STATE_DIR", state.path())
        .output()
        .await
        .unwrap();
    let (told, problems) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{script}\n{told}\n{problems}");
    assert!(
        told.contains("\"call_") || told.contains("call_"),
        "no call was made: {told}"
    );
    assert!(
        told.contains("Expected finish"),
        "nothing was simulated: {told}"
    );
    assert!(
        told.contains("the installation that runs") && told.contains("\"elapsed_ms\""),
        "nobody looked for what is wrong: {told}"
    );
}

fn home(state: &tempfile::TempDir) -> &Path {
    state.path()
}

/// The lines of all blocks that are marked as shell.
fn commands(readme: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && !line.trim().is_empty() && !line.starts_with('#') {
            found.push(line.to_owned());
        }
    }
    assert!(!found.is_empty(), "the README has no commands");
    found
}
