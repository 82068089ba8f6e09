//! Settings and secrets: which there are, where they come from, what is wrong. Never what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use settings::{Settings, VariableSource};
use store::secrets::{Secrets, SettingsError};

use crate::{Check, Doctor, Finding, Group, check};

/// Variables that are ours and no settings: where secrets are, and what tests and the template use.
const OTHER_NAMES: [&str; 1] = ["TRUNKLINE_SECRETS"];
const OTHER_PREFIXES: [&str; 3] = [
    "TRUNKLINE_CONFORMANCE_",
    "TRUNKLINE_DEPLOYED_",
    "TRUNKLINE_SIM_",
];

/// The settings as a whole, one check for each that cannot be used, and for each that nothing reads.
pub(crate) fn settings(doctor: &Doctor) -> Vec<Check> {
    let variables = &doctor.installation.variables;
    let mender = doctor.mender();
    let names = Settings::names();
    let mut by_source: BTreeMap<Option<VariableSource>, Vec<&str>> = BTreeMap::new();
    for name in &names {
        by_source
            .entry(variables.source(name))
            .or_default()
            .push(name);
    }
    let mut parts = Vec::new();
    let mut details = Vec::new();
    // `None`, the defaults, comes first in the map and is told last.
    let (defaults, given): (Vec<_>, Vec<_>) = by_source
        .iter()
        .partition(|(source, _names)| source.is_none());
    for (source, names) in given.into_iter().chain(defaults) {
        let from = match source {
            Some(VariableSource::Environment) => "from the environment".to_owned(),
            Some(VariableSource::Beneath(what)) => format!("from {}", short(what)),
            None => "by default".to_owned(),
        };
        parts.push(format!("{} {from}", names.len()));
        details.push(format!("{from}: {}", names.join(", ")));
    }
    let summary = Finding::ok(parts.join(", ")).with_details(details);
    let mut checks = vec![summary.named(Group::Settings, "all", Duration::ZERO)];
    for problem in &doctor.problems.0 {
        let finding = Finding::failed(&*problem.problem, mender.set(problem.variable));
        checks.push(finding.named(Group::Settings, problem.variable, Duration::ZERO));
    }
    let unknown = variables.names().filter(|name| {
        name.starts_with("TRUNKLINE_")
            && !names.contains(name)
            && !OTHER_NAMES.contains(name)
            && !OTHER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            && variables.source(name) == Some(VariableSource::Environment)
    });
    for name in unknown {
        let finding = Finding::warning(
            "nothing reads it: no setting is called so",
            format!("unset {name}"),
        );
        checks.push(finding.named(Group::Settings, name, Duration::ZERO));
    }
    for name in doctor.settings.proxies.passed_over() {
        let finding = Finding::warning(
            "names no HTTP proxy, and is passed over: connections go straight",
            "export HTTPS_PROXY=http://…",
        );
        checks.push(finding.named(Group::Settings, *name, Duration::ZERO));
    }
    checks
}

/// A check for each secret that is named. The error names a secret that cannot be read.
pub(crate) async fn secrets(doctor: &Doctor) -> (Vec<Check>, Result<(), String>) {
    let installation = &doctor.installation;
    let ids = installation.variables.secrets();
    if ids.is_empty() {
        return (Vec::new(), Ok(()));
    }
    let vault = match &installation.secrets {
        Some(vault) => vault.clone(),
        None => Secrets::connect().await,
    };
    let looks = ids.iter().map(|id| {
        let mend = doctor.mender().put_secret(id);
        check(Group::Secrets, short(id), mend, secret(doctor, &vault, id))
    });
    let checks = join_all(looks).await;
    let unreadable = checks
        .iter()
        .find(|check| check.state == crate::CheckState::Failed);
    let readable = match unreadable {
        Some(check) => Err(check.name.clone()),
        None => Ok(()),
    };
    (checks, readable)
}

async fn secret(doctor: &Doctor, vault: &Secrets, id: &str) -> Finding {
    let mender = doctor.mender();
    let fields = match vault.read(id).await {
        Ok(fields) => fields,
        Err(problem) => {
            let put = mender.put_secret(id);
            return match problem {
                SettingsError::Empty { .. } => {
                    Finding::failed("it does not exist or has no value yet", put)
                }
                SettingsError::Malformed { .. } => {
                    Finding::failed("it is not a JSON object whose fields are texts", put)
                }
                SettingsError::Unreadable { cause, .. } => {
                    let described = format!(
                        "secretsmanager describe-secret --secret-id {}",
                        crate::mend::quoted(id)
                    );
                    let found = format!("it cannot be read: {}", first_line(&cause));
                    Finding::failed(found, mender.aws(&described))
                }
                SettingsError::Settings(problems) => Finding::failed(problems.to_string(), put),
            };
        }
    };
    let names = Settings::names();
    let unknown: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|name| !names.contains(name))
        .collect();
    if !unknown.is_empty() {
        let found = format!("no setting is called {}", unknown.join(" or "));
        return Finding::warning(found, mender.put_secret(id));
    }
    let changed = changed(doctor, id, &fields);
    if !changed.is_empty() {
        let changed: Vec<&str> = changed.into_iter().collect();
        let found = format!("changed since this was started: {}", changed.join(", "));
        return Finding::warning(found, crate::mend::read_secrets_anew());
    }
    let known: Vec<&str> = fields.keys().map(String::as_str).collect();
    let number = known.len();
    let plural = if number == 1 { "setting" } else { "settings" };
    Finding::ok(format!("{number} {plural}")).with_details(vec![known.join(", ")])
}

/// Fields that are in force otherwise than the secret has them now.
fn changed<'a>(
    doctor: &Doctor,
    id: &str,
    fields: &'a BTreeMap<String, String>,
) -> BTreeSet<&'a str> {
    let variables = &doctor.installation.variables;
    let ours = Some(VariableSource::Beneath(id.to_owned()));
    let differs = fields.iter().filter(|(name, value)| {
        let now = value.trim();
        let source = variables.source(name);
        let unread = source.is_none() && !now.is_empty();
        unread || (source == ours && variables.value(name) != Some(now))
    });
    differs.map(|(name, _value)| name.as_str()).collect()
}

/// A secret's name without what an ARN has before it.
fn short(id: &str) -> &str {
    match id.split_once(":secret:") {
        Some((_before, name)) => name,
        None => id,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
