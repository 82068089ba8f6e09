//! Commands that mend things, as they are typed into a shell.
//!
//! They are for people: nothing runs them. What only the reader knows stands as `…`.

use ::carrier::CarrierName;
use providers::vendors::{VENDORS, Vendor};
use settings::{VariableSource, VendorRole};

use crate::{Installation, Place};

/// Settings of the carrier's, whose place is a secret like that of the vendors': keys, and what goes with them.
const KEPT_IN_SECRETS: &str = CarrierName::OF_SETTINGS.row().settings;
/// Settings that have secrets of their own, which the template fills.
const OWN_SECRETS: [&str; 2] = ["TRUNKLINE_API_KEY", "TRUNKLINE_EDGE_KEY"];
/// Settings that the template sets by a parameter of another name.
const PARAMETERS: [(&str, &str); 6] = [
    ("PUBLIC_URL", "PublicUrl"),
    ("MEDIA_URL", "MediaUrl"),
    ("TRUNKLINE_CARRIER_CALLS_MAX", "CarrierCallsMax"),
    (
        "TRUNKLINE_CARRIER_CALLS_PER_SECOND",
        "CarrierCallsPerSecond",
    ),
    ("TRUNKLINE_TENANT_CALLS_MAX", "TenantCallsMax"),
    ("TRUNKLINE_LOG", "LogFilter"),
];
/// Deploys with the parameters of the last time; `samconfig.toml` says the rest.
const DEPLOY: &str = "sam deploy";
/// What tells where an installation on AWS is, as the stack's output `Doctor` does. No key is among it.
const WHEREABOUTS: [&str; 9] = [
    "AWS_REGION",
    "TRUNKLINE_SECRETS",
    "TRUNKLINE_TABLE",
    "TRUNKLINE_BUCKET",
    "TRUNKLINE_DIAL_QUEUE",
    "TRUNKLINE_RECORDINGS_QUEUE",
    "TRUNKLINE_IMPORT_QUEUE",
    "PUBLIC_URL",
    "MEDIA_URL",
];
/// Starts the laptop installation, which makes what is missing.
pub(crate) const START: &str = "cargo run -- --quiet";

/// Writes commands for one installation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mender<'a>(&'a Installation);

impl<'a> Mender<'a> {
    pub(crate) fn new(installation: &'a Installation) -> Self {
        Self(installation)
    }

    /// Gives a setting another value.
    pub(crate) fn set(self, variable: &str) -> String {
        if self.0.place != Place::Aws {
            return format!("export {variable}=…");
        }
        let in_secret = is_kept_in_secrets(variable);
        match self.0.variables.source(variable) {
            Some(VariableSource::Beneath(secret)) => self.put_secret(&secret),
            None if in_secret => match self.secret_of_keys() {
                Some(secret) => self.put_secret(&secret),
                None => format!("export {variable}=…"),
            },
            Some(VariableSource::Environment) | None => {
                let parameter = PARAMETERS.iter().find(|(name, _)| *name == variable);
                match parameter {
                    Some((_name, parameter)) => deploy_with(&format!("{parameter}=…")),
                    None => format!("export {variable}=…"),
                }
            }
        }
    }

    /// Where the keys of carrier and vendors are or belong: not where other keys are.
    fn secret_of_keys(self) -> Option<String> {
        let variables = &self.0.variables;
        let others = OWN_SECRETS.map(|name| variables.source(name));
        let is_other = |id: &String| others.contains(&Some(VariableSource::Beneath(id.clone())));
        variables.secrets().into_iter().find(|id| !is_other(id))
    }

    /// Puts all keys into a secret anew. `keys.json` is what README, "Deploy", has its reader write.
    pub(crate) fn put_secret(self, secret: &str) -> String {
        self.aws(&format!(
            "secretsmanager put-secret-value --secret-id {} --secret-string file://keys.json",
            quoted(secret)
        ))
    }

    /// Makes what is missing of the installation itself.
    pub(crate) fn make(self) -> String {
        match self.0.place {
            Place::Aws => DEPLOY.to_owned(),
            Place::Laptop { .. } => START.to_owned(),
        }
    }

    /// A command of AWS's own, with the region if it is known, and on a laptop with the addresses and the
    /// access key of its engines.
    pub(crate) fn aws(self, command: &str) -> String {
        match (self.0.place, self.region()) {
            (Place::Laptop { .. }, _) => {
                let folder = self.0.variables.value("TRUNKLINE_STATE_DIR");
                let file = format!("{}/environment", folder.unwrap_or(".trunkline"));
                // A dot in front of a plain name would look for it where programs are.
                let file = if file.starts_with('/') {
                    file
                } else {
                    format!("./{file}")
                };
                format!("(set -a; . {}; aws {command})", quoted(&file))
            }
            (Place::Aws, Some(region)) => format!("aws --region {region} {command}"),
            (Place::Aws, None) => format!("aws {command}"),
        }
    }

    /// The command that examines, with this argument, if its reader can run it. On AWS it is told anew where to
    /// look: alone it would look for an installation on the reader's machine.
    pub(crate) fn own(self, argument: &str) -> Option<String> {
        let command = self.0.command.as_ref()?;
        let whereabouts = match self.0.place {
            Place::Aws => self.whereabouts(),
            Place::Laptop { .. } => String::new(),
        };
        Some(format!("{whereabouts}{command} {argument}"))
    }

    fn whereabouts(self) -> String {
        let variables = &self.0.variables;
        let told = WHEREABOUTS
            .into_iter()
            .filter(|name| variables.source(name) == Some(VariableSource::Environment));
        let told =
            told.filter_map(|name| Some(format!("{name}={} ", quoted(variables.value(name)?))));
        told.collect()
    }

    /// From the ARN of a secret: the one address that every installation on AWS is given.
    fn region(self) -> Option<String> {
        let secrets = self.0.variables.secrets();
        let regions = secrets.iter().filter_map(|id| {
            let mut parts = id.split(':');
            (parts.next() == Some("arn")).then(|| parts.nth(2))?
        });
        regions.map(str::to_owned).find(|region| !region.is_empty())
    }
}

/// Keys of carrier and vendors, what goes with them, and which vendors are asked: functions and worker read all
/// of it from one place.
fn is_kept_in_secrets(variable: &str) -> bool {
    let of_a_vendor = |vendor: &Vendor| variable.starts_with(vendor.prefix);
    let is_a_chain = |role: VendorRole| variable == role.variable();
    variable.starts_with(KEPT_IN_SECRETS)
        || VENDORS.iter().any(of_a_vendor)
        || VendorRole::ALL.into_iter().any(is_a_chain)
}

/// Deploys with another value of a parameter.
pub(crate) fn deploy_with(parameter: &str) -> String {
    format!("{DEPLOY} --parameter-overrides {parameter}")
}

/// Has everything start anew and read the secrets.
pub(crate) fn read_secrets_anew() -> String {
    deploy_with("KeysRevision=$(date +%s)")
}

/// Shows a page to whoever sits there.
pub(crate) fn browse(page: &str) -> String {
    let open = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    format!("{open} {page}")
}

/// Asks an address and says all that happens on the way.
pub(crate) fn ask(url: &str) -> String {
    format!("curl -sv {}", quoted(url))
}

/// A word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use settings::Variables;

    use super::*;

    fn installation(place: Place, variables: &[(&str, &str)]) -> Installation {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Installation {
            variables: Variables::from(variables.collect::<BTreeMap<_, _>>()),
            place,
            store: None,
            secrets: None,
            clock: Arc::new(::service::SystemClock),
            command: Some("cargo run -- doctor".to_owned()),
        }
    }

    #[test]
    fn a_setting_is_set_where_it_comes_from() {
        let laptop = installation(Place::Laptop { runs: true }, &[]);
        assert_eq!(
            Mender::new(&laptop).set("TWILIO_AUTH_TOKEN"),
            "export TWILIO_AUTH_TOKEN=…"
        );

        let secrets = "arn:aws:secretsmanager:eu-west-1:1:secret:Owner,arn:aws:secretsmanager:eu-west-1:1:secret:Keys,arn:aws:secretsmanager:eu-west-1:1:secret:Edge";
        let mut aws = installation(Place::Aws, &[("TRUNKLINE_SECRETS", secrets)]);
        let key = [(
            "TRUNKLINE_API_KEY".to_owned(),
            "a key of the owner's".to_owned(),
        )];
        let owner = "arn:aws:secretsmanager:eu-west-1:1:secret:Owner";
        aws.variables.lay_beneath(owner, key);
        let mender = Mender::new(&aws);
        let put = |secret: &str| {
            format!(
                "aws --region eu-west-1 secretsmanager put-secret-value --secret-id \
                 arn:aws:secretsmanager:eu-west-1:1:secret:{secret} --secret-string file://keys.json"
            )
        };
        for vendor in &VENDORS {
            assert_eq!(mender.set(vendor.key), put("Keys"));
        }
        assert_eq!(mender.set("TRUNKLINE_STT_CHAIN"), put("Keys"));
        assert_eq!(mender.set("TRUNKLINE_API_KEY"), put("Owner"));
        assert_eq!(
            mender.set("PUBLIC_URL"),
            format!("{DEPLOY} --parameter-overrides PublicUrl=…")
        );
    }

    #[test]
    fn a_command_for_a_laptop_goes_to_its_own_engines() {
        let laptop = installation(Place::Laptop { runs: true }, &[]);
        let command = Mender::new(&laptop).aws("sqs list-queues");
        assert_eq!(
            command,
            "(set -a; . ./.trunkline/environment; aws sqs list-queues)"
        );
        assert_eq!(
            Mender::new(&laptop).own("--fix numbers").as_deref(),
            Some("cargo run -- doctor --fix numbers")
        );
    }

    #[test]
    fn the_command_for_aws_says_where_to_look_and_no_key() {
        let aws = installation(
            Place::Aws,
            &[
                ("PUBLIC_URL", "https://a.b/$default"),
                ("TRUNKLINE_SECRETS", "Owner,Keys"),
                ("TWILIO_AUTH_TOKEN", "a token"),
                ("AWS_REGION", "eu-west-1"),
            ],
        );
        assert_eq!(
            Mender::new(&aws).own("--fix numbers").as_deref(),
            Some(
                "AWS_REGION=eu-west-1 TRUNKLINE_SECRETS=Owner,Keys PUBLIC_URL='https://a.b/$default' \
                 cargo run -- doctor --fix numbers"
            )
        );
    }

    #[test]
    fn a_word_with_odd_characters_is_one_word_to_a_shell() {
        assert_eq!(quoted("https://a.b/c?d=e&f"), "'https://a.b/c?d=e&f'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
