//! Whether another worker would take a call now: asked the way the carrier comes, through the load
//! balancer, so that the answer is the balancer's choice.

use std::time::Duration;

use http::StatusCode;
use settings::Proxies;
use tokio::time::MissedTickBehavior;
use url::Url;

/// A worker that takes calls answers here with 200, one that is stopping with 503.
pub const READY_PATH: &str = "/media/ready";

/// How often is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// So many answers in a row must be good: a balancer that still knows us as well as another worker gives us
/// every second request.
const READY_IN_A_ROW: u32 = 4;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// The longest answer of a worker about itself that is read.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// Why a call would not come to a worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreached {
    /// Nobody could be asked; what happened instead.
    #[error("{0}")]
    NoAnswer(String),
    #[error("a worker answers there, and takes no calls")]
    NoCalls,
    /// With which status.
    #[error("somebody else answers there, with status {0}")]
    Stranger(u16),
}

/// Asks at the public media address whether a call would come to a worker.
#[derive(Debug)]
pub(crate) struct Question {
    client: reqwest::Client,
    url: Url,
}

/// Returns once calls would reach another worker; never, where there is none.
pub(crate) async fn another_worker_is_ready(media_socket: &Url, proxies: &Proxies) {
    let Some(question) = Question::at(media_socket, proxies) else {
        // As if there were no worker behind the address.
        return std::future::pending().await;
    };
    let mut tick = tokio::time::interval(ASK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut in_a_row = 0;
    while in_a_row < READY_IN_A_ROW {
        tick.tick().await;
        in_a_row = if question.ask().await.is_ok() {
            in_a_row + 1
        } else {
            0
        };
    }
}

impl Question {
    /// `None`, and told, where nobody can be asked.
    pub(crate) fn at(media_socket: &Url, proxies: &Proxies) -> Option<Self> {
        // A connection for each question: a balancer chooses by the connection.
        let client = reqwest::Client::builder()
            .timeout(ANSWER_MAX)
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none());
        match (
            providers::through(client, proxies).build(),
            ready_url(media_socket),
        ) {
            (Ok(client), Some(url)) => Some(Self { client, url }),
            (Err(error), _) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "other workers cannot be asked for"
                );
                None
            }
            (Ok(_), None) => {
                tracing::error!("other workers cannot be asked for at this media address");
                None
            }
        }
    }

    /// Where it asks.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a call would come to a worker now, this one or another.
    pub(crate) async fn ask(&self) -> Result<(), Unreached> {
        let no_answer = |error: &reqwest::Error| {
            Unreached::NoAnswer(providers::what_happened(error, ANSWER_MAX))
        };
        let asked = self.client.get(self.url.clone()).send().await;
        let mut answer = asked.map_err(|error| no_answer(&error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| no_answer(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Unreached::Stranger(status.as_u16()));
            }
            body.extend_from_slice(&chunk);
        }
        understood(status, &body)
    }
}

/// What an answer means. A worker says of itself how it is; one that waits for its keys says nothing more than 503.
fn understood(status: StatusCode, body: &[u8]) -> Result<(), Unreached> {
    let says = serde_json::from_slice::<serde_json::Value>(body).ok();
    let says = says.as_ref().and_then(|body| body["status"].as_str());
    match (status, says) {
        (StatusCode::OK, Some("ok")) => Ok(()),
        (StatusCode::SERVICE_UNAVAILABLE, Some(_how)) => Err(Unreached::NoCalls),
        (StatusCode::SERVICE_UNAVAILABLE, None) if body.is_empty() => Err(Unreached::NoCalls),
        (status, _) => Err(Unreached::Stranger(status.as_u16())),
    }
}

/// Beside the media socket, over HTTP.
fn ready_url(media_socket: &Url) -> Option<Url> {
    let rest = media_socket.as_str().strip_prefix("ws")?;
    let mut url: Url = format!("http{rest}").parse().ok()?;
    let (beside, _carrier) = url.path().rsplit_once('/')?;
    let base = beside.strip_suffix("/media")?.to_owned();
    url.set_path(&format!("{base}{READY_PATH}"));
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_goes_where_the_sockets_go() {
        let asked = |socket: &str| ready_url(&socket.parse().unwrap()).map(String::from);
        assert_eq!(
            asked("wss://media.example.com/base/media/carrier").as_deref(),
            Some("https://media.example.com/base/media/ready")
        );
        assert_eq!(
            asked("ws://127.0.0.1:8081/media/carrier").as_deref(),
            Some("http://127.0.0.1:8081/media/ready")
        );
        assert_eq!(asked("https://media.example.com/media/carrier"), None);
    }

    #[test]
    fn an_answer_is_a_workers_only_if_it_says_so() {
        let told = |status, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            understood(status, body.as_bytes()).map_err(|why| why.to_string())
        };
        assert_eq!(
            told(200, r#"{"status":"ok","calls":0,"calls_max":5}"#),
            Ok(())
        );
        let no_calls = "a worker answers there, and takes no calls";
        for (status, body, why) in [
            (503, r#"{"status":"draining"}"#, no_calls),
            (503, "", no_calls),
            (
                200,
                "<html>",
                "somebody else answers there, with status 200",
            ),
            (
                200,
                r#"{"status":"fine"}"#,
                "somebody else answers there, with status 200",
            ),
            (
                503,
                "<html>",
                "somebody else answers there, with status 503",
            ),
            (404, "", "somebody else answers there, with status 404"),
        ] {
            assert_eq!(told(status, body), Err(why.to_owned()));
        }
    }

    #[tokio::test]
    async fn what_happened_is_told_in_words() {
        let ask = |url: String| async move {
            let question = Question::at(&url.parse().unwrap(), &Proxies::default()).unwrap();
            question.ask().await.unwrap_err().to_string()
        };
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = gone.local_addr().unwrap().port();
        drop(gone);
        let refused = ask(format!("ws://127.0.0.1:{port}/media/carrier")).await;
        assert_eq!(refused, "the connection is refused: nobody listens there");

        // Somebody who does not speak TLS.
        let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = plain.local_addr().unwrap().port();
        let router = axum::Router::new();
        let serving = tokio::spawn(async move { axum::serve(plain, router).await });
        let tls = ask(format!("wss://127.0.0.1:{port}/media/carrier")).await;
        assert!(tls.starts_with("no encrypted connection"), "{tls}");
        let stranger = ask(format!("ws://127.0.0.1:{port}/media/carrier")).await;
        assert_eq!(stranger, "somebody else answers there, with status 404");
        serving.abort();
    }
}
