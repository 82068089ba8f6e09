//! Everybody but us, in a process of their own: customers, carrier and vendors behind one loopback port.
//!
//! The peers are those of `sim`, with its strictness; their sockets are driven here, so that what goes
//! over them is noted by one clock ([`crate::book`]) just before it is sent and just after it came.

mod carrier;
mod language;
mod speech;

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use axum::extract::State;
use axum::routing::{any, get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use sim::peer::latency::Latency;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::book::Book;
use crate::control::{Hello, Seen, VENDOR_KEY};
use language::Model;

/// The far side does not outlive its bench, nor a bench that was forgotten.
const LIFETIME_MAX: Duration = Duration::from_secs(30 * 60);

/// What all peers share.
#[derive(Debug)]
pub(crate) struct FarSide {
    book: Book,
    epoch: Instant,
    /// When it started, in nanoseconds since 1970.
    started_ns: u64,
    recognizer: sim::vendors::deepgram::Vendor,
    synthesiser: sim::vendors::elevenlabs::Vendor,
    model: Model,
    hang_up: watch::Sender<bool>,
}

/// Serves `calls` calls until the process is ended, or its standard input is.
pub(crate) async fn run(calls: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (hang_up, _nobody_yet) = watch::channel(false);
    let far_side = Arc::new(FarSide {
        book: Book::new(calls),
        epoch: Instant::now(),
        started_ns: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?,
        recognizer: sim::vendors::deepgram::Vendor::new(sim::vendors::deepgram::Behaviour {
            latency: Latency::between_ms(60, 90),
            ..sim::vendors::deepgram::Behaviour::new(VENDOR_KEY)
        }),
        synthesiser: sim::vendors::elevenlabs::Vendor::new(sim::vendors::elevenlabs::Behaviour {
            first_byte: Latency::between_ms(80, 120),
            ..sim::vendors::elevenlabs::Behaviour::new(VENDOR_KEY)
        }),
        model: Model::new(),
        hang_up,
    });
    let router = Router::new()
        .route(
            "/2010-04-01/Accounts/{account}/Calls.json",
            post(carrier::create),
        )
        .route(
            "/2010-04-01/Accounts/{account}/{*rest}",
            any(carrier::other),
        )
        .route("/carriers/twilio/{*rest}", any(carrier::resume))
        .route("/v1/listen", any(speech::recognizer))
        .route("/v1/chat/completions", post(language::complete))
        .route("/v1/models", get(language::models))
        .route(
            "/v1/text-to-speech/{voice}/multi-stream-input",
            any(speech::synthesiser),
        )
        .route("/bench/reset", post(reset))
        .route("/bench/seen", get(seen))
        .route("/bench/hang-up", post(hang_up_all))
        .with_state(far_side);
    let listener = listener.tap_io(|stream| {
        // Without it small messages wait for acknowledgements. A failure costs only time.
        let _slower = stream.set_nodelay(true);
    });
    let hello = serde_json::to_string(&Hello { url })?;
    writeln!(std::io::stdout(), "{hello}").context("saying where the far side is")?;
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served.context("serving"),
        () = parent_gone() => Ok(()),
        () = tokio::time::sleep(LIFETIME_MAX) => anyhow::bail!("the bench forgot its far side"),
    }
}

/// Standard input ends with the process that holds its other end.
async fn parent_gone() {
    let mut input = tokio::io::stdin();
    let mut sink = tokio::io::sink();
    // However it ends, it has ended.
    let _ended = tokio::io::copy(&mut input, &mut sink).await;
}

async fn reset(State(far_side): State<Arc<FarSide>>) {
    far_side.book.reset();
}

async fn seen(State(far_side): State<Arc<FarSide>>) -> Json<Seen> {
    let mut seen = far_side.book.seen();
    let vendors = [
        ("recognizer", far_side.recognizer.violations()),
        ("synthesiser", far_side.synthesiser.violations()),
        ("model", far_side.model.violations()),
    ];
    for (vendor, violations) in vendors {
        seen.violations += violations.count();
        let first = violations.list().into_iter().take(5);
        seen.violations_first
            .extend(first.map(|what| format!("{vendor}: {what}")));
    }
    Json(seen)
}

async fn hang_up_all(State(far_side): State<Arc<FarSide>>) {
    far_side.hang_up.send_replace(true);
}
