//! Whether another worker would take a call now: asked the way the carrier comes, through the load
//! balancer, so that the answer is the balancer's choice.

use std::time::Duration;

use http::StatusCode;
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

/// Returns once calls would reach another worker; never, where there is none.
pub(crate) async fn another_worker_is_ready(media_socket: &Url) {
    answered(media_socket, READY_IN_A_ROW).await;
}

/// Returns once calls would reach a worker, this one or another; never, where they would not.
pub(crate) async fn calls_arrive(media_socket: &Url) {
    answered(media_socket, 1).await;
}

/// Returns once so many questions in a row had a good answer.
async fn answered(media_socket: &Url, times: u32) {
    let Some((client, url)) = asking(media_socket) else {
        // As if there were no worker behind the address.
        return std::future::pending().await;
    };
    let mut tick = tokio::time::interval(ASK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut in_a_row = 0;
    while in_a_row < times {
        tick.tick().await;
        let answer = client.get(url.clone()).send().await;
        let ready = answer.is_ok_and(|answer| answer.status() == StatusCode::OK);
        in_a_row = if ready { in_a_row + 1 } else { 0 };
    }
}

fn asking(media_socket: &Url) -> Option<(reqwest::Client, Url)> {
    // A connection for each question: a balancer chooses by the connection.
    let client = reqwest::Client::builder()
        .timeout(ANSWER_MAX)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build();
    match (client, ready_url(media_socket)) {
        (Ok(client), Some(url)) => Some((client, url)),
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
}
