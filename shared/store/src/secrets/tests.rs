//! Secrets Manager as it answers: a value, none yet, one that is no JSON, a refusal.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};

use super::*;

/// Answers by the id that it is asked for.
#[derive(Debug, Clone)]
struct Vault(fn(&str) -> (u16, Value));

impl HttpClient for Vault {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Vault {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap();
        let asked: Value = serde_json::from_slice(body).unwrap();
        let (status, answer) = (self.0)(asked["SecretId"].as_str().unwrap());
        let body = SdkBody::from(answer.to_string());
        let mut response = HttpResponse::new(status.try_into().unwrap(), body);
        let kind = "application/x-amz-json-1.1";
        response.headers_mut().insert("content-type", kind);
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn holds(text: &str) -> (u16, Value) {
    (200, json!({ "SecretString": text }))
}

fn vault(id: &str) -> (u16, Value) {
    match id {
        "vendors" => holds(r#"{"OPENAI_API_KEY":"of the vendors","OPENAI_MODEL":""}"#),
        "owner" => holds(r#"{"OPENAI_API_KEY":"of the owner","OPENAI_MODEL":"m"}"#),
        "no-json" => holds("sk-hidden"),
        "number" => holds(r#"{"TRUNKLINE_PORT":1234567890}"#),
        "bytes" => (200, json!({ "SecretBinary": "c2staGlkZGVu" })),
        "blank" => holds(" "),
        "unfilled" => (400, json!({ "__type": "ResourceNotFoundException" })),
        _denied => (400, json!({ "__type": "AccessDeniedException" })),
    }
}

async fn read(ids: &[&str]) -> Result<Settings, SettingsError> {
    let credentials = Credentials::from_keys("AKIATEST", "secret", None);
    let provider = aws_sdk_secretsmanager::config::SharedCredentialsProvider::new(credentials);
    let shared = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(provider)
        .retry_config(RetryConfig::disabled())
        .http_client(Vault(vault));
    let listed = [("TRUNKLINE_SECRETS".to_owned(), ids.join(","))];
    let mut variables = Variables::from(BTreeMap::from(listed));
    let secrets = Secrets::new(&shared.build());
    secrets.lay_beneath(&mut variables).await?;
    Ok(variables.settings()?)
}

#[tokio::test]
async fn settings_are_filled_from_secrets_in_their_order() {
    let settings = read(&["vendors", "owner"]).await.unwrap();
    assert_eq!(settings.openai.api_key.unwrap().expose(), "of the vendors");
    assert_eq!(settings.openai.model, "m");
}

#[tokio::test]
async fn what_is_wrong_with_a_secret_is_told_without_what_is_in_it() {
    for (id, told) in [
        ("unfilled", "the secret unfilled has no value yet"),
        ("blank", "the secret blank has no value yet"),
        ("no-json", "the secret no-json must be a JSON object"),
        ("number", "the secret number must be a JSON object"),
        ("bytes", "the secret bytes must be a JSON object"),
        ("denied", "the secret denied cannot be read"),
    ] {
        let problem = read(&["vendors", id]).await.unwrap_err().to_string();
        assert!(problem.starts_with(told), "{problem}");
        assert!(!problem.contains("hidden"), "{problem}");
        assert!(!problem.contains("1234567890"), "{problem}");
    }
}
