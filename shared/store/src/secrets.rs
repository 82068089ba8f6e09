//! Settings on AWS: the environment, and beneath it the fields of secrets.
//!
//! Keys of carrier and vendors are in Secrets Manager, never in a function's configuration. A secret is
//! a JSON object whose fields are named like settings. It is read once, at start; where none is named,
//! nothing is asked. Errors name the secret and never what is in it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use settings::{Problems, Settings, Variables};

use crate::aws;
use crate::error::in_words;

/// A start waits for the answer, and a function's start is waited for on the phone.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "the secret {id} has no value yet: give it one with `aws secretsmanager put-secret-value`"
    )]
    Empty { id: String },
    #[error("the secret {id} cannot be read: {cause}")]
    Unreadable { id: String, cause: String },
    #[error("the secret {id} must be a JSON object whose fields are texts")]
    Malformed { id: String },
    #[error(transparent)]
    Settings(#[from] Problems),
}

/// Settings of this process: its environment, and beneath it the secrets that it names in
/// `TRUNKLINE_SECRETS`.
///
/// # Errors
/// See [`SettingsError`].
pub async fn settings() -> Result<Settings, SettingsError> {
    Ok(variables().await?.settings()?)
}

/// What [`settings()`] are made of.
///
/// # Errors
/// A secret that is named cannot be read.
pub async fn variables() -> Result<Variables, SettingsError> {
    let mut variables = Variables::from_environment();
    if !variables.secrets().is_empty() {
        let secrets = Secrets::connect().await;
        secrets.lay_beneath(&mut variables).await?;
    }
    Ok(variables)
}

/// Secrets Manager.
#[derive(Debug, Clone)]
pub struct Secrets(Client);

impl Secrets {
    /// As the SDK's own environment names it. Nothing is asked yet.
    pub async fn connect() -> Self {
        Self::new(&aws::shared_config(&aws::AwsConfig::of_environment()).await)
    }

    /// Where this configuration says.
    #[must_use]
    pub fn new(shared: &aws_config::SdkConfig) -> Self {
        let config = aws_sdk_secretsmanager::config::Builder::from(shared)
            .timeout_config(aws::timeouts(ATTEMPT_TIMEOUT, OPERATION_TIMEOUT));
        Self(Client::from_conf(config.build()))
    }

    /// Reads the secrets that the variables name and lays them beneath; of two that have a field, the
    /// first counts.
    async fn lay_beneath(&self, variables: &mut Variables) -> Result<(), SettingsError> {
        // One after the other: the second goes over the first one's connection, and there are two at most.
        for id in variables.secrets() {
            let fields = self.read(&id).await?;
            variables.lay_beneath(&id, fields);
        }
        Ok(())
    }

    /// The fields of a secret.
    ///
    /// # Errors
    /// See [`SettingsError`]; what is in the secret is never told.
    pub async fn read(&self, id: &str) -> Result<BTreeMap<String, String>, SettingsError> {
        let id = id.to_owned();
        let value = match self.0.get_secret_value().secret_id(&id).send().await {
            Ok(value) => value,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|refusal| refusal.is_resource_not_found_exception()) =>
            {
                // A secret that was made and never filled is answered like one that does not exist.
                return Err(SettingsError::Empty { id });
            }
            Err(error) => {
                let cause = in_words(&error);
                return Err(SettingsError::Unreadable { id, cause });
            }
        };
        let Some(text) = value.secret_string() else {
            return Err(SettingsError::Malformed { id });
        };
        if text.trim().is_empty() {
            return Err(SettingsError::Empty { id });
        }
        // What is wrong with it is not said: a parser's message may repeat a part of it.
        serde_json::from_str(text).map_err(|_secret| SettingsError::Malformed { id })
    }
}

#[cfg(test)]
mod tests;
