//! The start of a worker whose keys are not there yet.
//!
//! A stack makes an empty secret and the worker beside it, and its owner fills the secret afterwards. Until
//! then the worker is well, as its service asks of it before a deploy counts as done, and takes no calls.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use settings::Settings;
use store::secrets::SettingsError;
use tokio::net::TcpListener;

/// How long somebody who has filled the secret waits at most; a request costs a two-hundred-thousandth of
/// a dollar.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Settings as soon as the secrets that hold keys are filled. Meanwhile `/health` is answered on what `listen`
/// opens, and everything else with 503.
///
/// # Errors
/// Settings or secrets are not usable in any other way, or nothing can be listened to.
pub(crate) async fn when_filled(
    read: impl AsyncFn() -> Result<Settings, SettingsError>,
    listen: impl AsyncFnOnce() -> io::Result<TcpListener>,
) -> anyhow::Result<Settings> {
    let empty = match read().await {
        Err(SettingsError::Empty { id }) => id,
        read => return Ok(read?),
    };
    tracing::warn!(secret = empty, "waiting for keys: the secret is empty");
    let listener = listen().await?;
    tokio::select! {
        settings = look_again(read) => Ok(settings?),
        served = wait_at(listener) => match served? {},
    }
}

async fn look_again(
    read: impl AsyncFn() -> Result<Settings, SettingsError>,
) -> Result<Settings, SettingsError> {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match read().await {
            Err(SettingsError::Empty { .. }) => {}
            read => return read,
        }
    }
}

async fn wait_at(listener: TcpListener) -> io::Result<Infallible> {
    let health = async || {
        let json = [(CONTENT_TYPE, "application/json")];
        (json, r#"{"status":"waiting_for_keys"}"#)
    };
    let router = Router::new()
        .route("/health", get(health))
        .fallback(async || StatusCode::SERVICE_UNAVAILABLE);
    axum::serve(listener, router).await?;
    Err(io::Error::other("the server ended"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn filled() -> Settings {
        Settings::from_variables(&BTreeMap::new()).unwrap()
    }

    fn empty() -> SettingsError {
        let id = "keys".to_owned();
        SettingsError::Empty { id }
    }

    async fn status(port: u16, path: &str) -> u16 {
        let url = format!("http://127.0.0.1:{port}{path}");
        reqwest::get(url).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn a_worker_without_keys_is_well_takes_no_calls_and_begins_when_they_come() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_filled = AtomicBool::new(false);
        let read = async || {
            let there = is_filled.load(Ordering::Relaxed);
            there.then(filled).ok_or_else(empty)
        };
        let outside = async {
            assert_eq!(status(port, "/health").await, 200);
            assert_eq!(status(port, "/media/ready").await, 503);
            assert_eq!(status(port, "/media/twilio").await, 503);
            is_filled.store(true, Ordering::Relaxed);
            tokio::time::pause();
        };
        let (settings, ()) = tokio::join!(when_filled(read, async || Ok(listener)), outside);
        settings.unwrap();
        // The port is free for the worker itself.
        drop(TcpListener::bind(("127.0.0.1", port)).await.unwrap());
    }

    #[tokio::test]
    async fn what_is_wrong_otherwise_ends_the_start() {
        let read = async || {
            Err(SettingsError::Malformed {
                id: "keys".to_owned(),
            })
        };
        let unused = async || Err(io::Error::other("nobody listens"));
        assert!(when_filled(read, unused).await.is_err());
        when_filled(async || Ok(filled()), unused).await.unwrap();
    }
}
