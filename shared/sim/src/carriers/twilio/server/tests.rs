//! Situations on real sockets: a worker and a webhook server on one side, the carrier on the other.

use std::collections::VecDeque;

use axum::extract::Form;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expect_test::{Expect, expect};
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;
use crate::carriers::twilio::sign;
use crate::voice::{Voice, speak};

const SID: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "12345";
const SOON: Duration = Duration::from_secs(20);

/// A product that says one sentence on each stream, closes when it was played, and writes down what
/// it is told.
#[derive(Clone)]
struct Product {
    base: String,
    told: Arc<Mutex<Vec<String>>>,
    /// What to answer to fetches of TwiML, in order; then a hang-up.
    documents: Arc<Mutex<VecDeque<String>>>,
    says: Arc<Mutex<Vec<u8>>>,
    /// Whether the worker stays on the line after its sentence.
    stays: bool,
}

impl Product {
    async fn start(stays: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let product = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            told: Arc::default(),
            documents: Arc::default(),
            says: Arc::new(Mutex::new(
                speak("Hello there, how are you?", &Voice::named("agent")).audio,
            )),
            stays,
        };
        let router = Router::new()
            .route("/hook/{kind}", post(Self::hook))
            .route("/twiml", post(Self::twiml))
            .route("/media", get(Self::media))
            .with_state(product.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        product
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn hook(
        State(product): State<Self>,
        OriginalUri(uri): OriginalUri,
        headers: HeaderMap,
        Form(fields): Form<Vec<(String, String)>>,
    ) -> StatusCode {
        product.check_signature(&uri, &headers, &fields);
        let of = |name: &str| {
            let found = fields.iter().find(|(field, _value)| field == name);
            found.map_or("-", |(_name, value)| value.as_str())
        };
        let line = match uri.path() {
            "/hook/status" => format!(
                "{} {} sip {}",
                of("SequenceNumber"),
                of("CallStatus"),
                of("SipResponseCode")
            ),
            "/hook/recording" => format!(
                "recording {} channels {}",
                of("RecordingStatus"),
                of("RecordingChannels")
            ),
            "/hook/amd" => format!("answered by {}", of("AnsweredBy")),
            _ => format!("stream {} {}", of("StreamEvent"), of("StreamError")),
        };
        lock(&product.told).push(line);
        StatusCode::NO_CONTENT
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn twiml(
        State(product): State<Self>,
        OriginalUri(uri): OriginalUri,
        headers: HeaderMap,
        Form(fields): Form<Vec<(String, String)>>,
    ) -> impl axum::response::IntoResponse {
        product.check_signature(&uri, &headers, &fields);
        lock(&product.told).push("asked for instructions".to_owned());
        let next = lock(&product.documents).pop_front();
        let document = next.unwrap_or_else(|| "<Response><Hangup/></Response>".to_owned());
        ([(header::CONTENT_TYPE, "text/xml")], document)
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn media(
        State(product): State<Self>,
        headers: HeaderMap,
        upgrade: WebSocketUpgrade,
    ) -> Response {
        let url = format!("{}/media", product.base.replace("http", "ws"));
        assert_eq!(headers["x-twilio-signature"], sign(TOKEN, &url, &[]));
        upgrade.on_upgrade(async move |mut socket| {
            while let Some(Ok(message)) = socket.recv().await {
                let Message::Text(text) = message else {
                    break;
                };
                let message: Value = serde_json::from_str(&text).unwrap();
                match message["event"].as_str().unwrap() {
                    "start" => {
                        let stream_sid = message["streamSid"].as_str().unwrap().to_owned();
                        let payload = STANDARD.encode(&*lock(&product.says));
                        for sent in [
                            serde_json::json!({"event": "media", "streamSid": stream_sid, "media": {"payload": payload}}),
                            serde_json::json!({"event": "mark", "streamSid": stream_sid, "mark": {"name": "end"}}),
                        ] {
                            socket.send(Message::text(sent.to_string())).await.unwrap();
                        }
                    }
                    "mark" if !product.stays => break,
                    "dtmf" => lock(&product.told).push(format!("key {}", message["dtmf"]["digit"])),
                    "stop" => lock(&product.told).push("stop".to_owned()),
                    _ => {}
                }
            }
            lock(&product.told).push("stream over".to_owned());
            // The carrier may have closed it before.
            let _closed = socket.send(Message::Close(None)).await;
        })
    }

    fn check_signature(&self, uri: &http::Uri, headers: &HeaderMap, fields: &[(String, String)]) {
        let signature = sign(TOKEN, &format!("{}{}", self.base, uri), fields);
        assert_eq!(headers["x-twilio-signature"], signature);
    }

    fn connect(&self, after: &str) -> String {
        format!(
            r#"<Response><Connect><Stream url="{}/media" statusCallback="{}/hook/stream"/></Connect>{after}</Response>"#,
            self.base.replace("http", "ws"),
            self.base
        )
    }

    /// Everything that this product was told, when `last` is among it.
    async fn told(&self, last: &str) -> String {
        let told = async {
            while !lock(&self.told).iter().any(|line| line == last) {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(SOON, told).await.is_ok();
        let told = lock(&self.told).join("\n");
        assert!(in_time, "{last} is not among\n{told}");
        told
    }
}

fn config(person: &str) -> Config {
    let mut config = Config::new(SID, TOKEN, Directory::everybody(person.parse().unwrap()));
    config.calls_per_second = 1_000;
    config.timing = Timing {
        setup: Duration::from_millis(5),
        ring: Duration::from_millis(10),
        timeout_second: Duration::from_secs(1),
        processing: Duration::from_millis(20),
    };
    config
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn request(
    server: &Server,
    method: Method,
    path: &str,
    form: &[(&str, &str)],
) -> (u16, Value) {
    let url = format!("{}/2010-04-01/Accounts/{SID}/{path}", server.url());
    let mut request = client().request(method, url).basic_auth(SID, Some(TOKEN));
    if !form.is_empty() {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        request = request
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Places a recorded call with these instructions and gives its id.
async fn place(server: &Server, product: &Product, twiml: &str) -> String {
    let hook = |kind: &str| format!("{}/hook/{kind}", product.base);
    let form = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Twiml", twiml),
        ("StatusCallback", &hook("status")),
        ("StatusCallbackEvent", "initiated"),
        ("StatusCallbackEvent", "ringing"),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
        ("Record", "true"),
        ("RecordingChannels", "dual"),
        ("Trim", "do-not-trim"),
        ("RecordingStatusCallback", &hook("recording")),
        ("Timeout", "1"),
    ];
    let (status, call) = request(server, Method::POST, "Calls.json", &form).await;
    assert_eq!(
        (status, call["status"].as_str()),
        (201, Some("queued")),
        "{call}"
    );
    call["sid"].as_str().unwrap().to_owned()
}

fn sorted(told: &str) -> String {
    let mut lines: Vec<&str> = told.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[tokio::test]
async fn a_call_is_answered_talked_on_recorded_and_over() {
    let product = Product::start(false).await;
    let server = Server::start(config(r#"answers after 2 rings | says "Fine, thanks.""#))
        .await
        .unwrap();
    let after = format!(
        "<Redirect method=\"POST\">{}/twiml</Redirect>",
        product.base
    );
    let sid = place(&server, &product, &product.connect(&after)).await;
    let view = server.call_over(&sid, SOON).await.unwrap();
    assert_eq!(view.status, Status::Completed);
    assert_eq!(view.log.heard_text(), "Hello there, how are you?");
    assert_eq!((view.log.garbled_words(), view.playout.underruns), (0, 0));
    assert!(server.settled(SOON).await);
    let told = product.told("recording completed channels 2").await;
    expect![[r#"
        0 initiated sip -
        1 ringing sip -
        2 in-progress sip -
        3 completed sip 200
        asked for instructions
        recording completed channels 2
        stream over
        stream stream-started -
        stream stream-stopped -"#]]
    .assert_eq(&sorted(&told));
    assert_eq!(server.violations(), []);
    assert_eq!(server.notices(), []);

    let (_, list) = request(
        &server,
        Method::GET,
        &format!("Recordings.json?CallSid={sid}"),
        &[],
    )
    .await;
    let recording = list["recordings"][0]["sid"].as_str().unwrap().to_owned();
    assert_eq!(list["recordings"][0]["status"], "completed");
    assert_eq!(list["recordings"][0]["track"], Value::Null);
    // The same one as its call has it: another schema.
    let path = format!("Calls/{sid}/Recordings.json");
    let (_, of_call) = request(&server, Method::GET, &path, &[]).await;
    assert_eq!(of_call["recordings"][0]["sid"], recording.as_str());
    assert_eq!(of_call["recordings"][0]["track"], "both");
    assert_eq!(of_call["recordings"][0]["media_url"], Value::Null);
    let url = format!(
        "{}/2010-04-01/Accounts/{SID}/Recordings/{recording}.wav?RequestedChannels=2",
        server.url()
    );
    let file = client()
        .get(url)
        .basic_auth(SID, Some(TOKEN))
        .send()
        .await
        .unwrap();
    assert_eq!(file.headers()["content-type"], "audio/x-wav");
    let file = file.bytes().await.unwrap();
    let wav = hound::WavReader::new(io::Cursor::new(&file)).unwrap();
    assert_eq!(
        (wav.spec().channels, file.len()),
        (2, wav.duration() as usize * 4 + 44)
    );

    let path = format!("Recordings/{recording}.json");
    assert_eq!(request(&server, Method::DELETE, &path, &[]).await.0, 204);
    assert_eq!(request(&server, Method::DELETE, &path, &[]).await.0, 404);
    let media = format!("Recordings/{recording}.wav");
    assert_eq!(request(&server, Method::GET, &media, &[]).await.0, 404);
    assert!(server.recording(&recording).is_err());
}

#[tokio::test]
async fn who_hangs_up_presses_a_key_first() {
    let product = Product::start(true).await;
    let server = Server::start(config(
        r#"answers | when hears "there" | presses 5 | hangs up after 100ms"#,
    ))
    .await
    .unwrap();
    let sid = place(&server, &product, &product.connect("")).await;
    assert_eq!(
        server.call_over(&sid, SOON).await.unwrap().status,
        Status::Completed
    );
    product.told("stream over").await;
    assert!(server.settled(SOON).await);
    let told = product.told("recording completed channels 2").await;
    expect![[r#"
        0 initiated sip -
        1 ringing sip -
        2 in-progress sip -
        3 completed sip 200
        key "5"
        recording completed channels 2
        stop
        stream over
        stream stream-started -
        stream stream-stopped -"#]]
    .assert_eq(&sorted(&told));
}

#[tokio::test]
async fn nobody_is_there() {
    let product = Product::start(false).await;
    for (person, expect) in [
        (
            "busy",
            expect![[r#"
            0 initiated sip -
            1 busy sip 486"#]],
        ),
        (
            "no answer",
            expect![[r#"
            0 initiated sip -
            1 ringing sip -
            2 no-answer sip 487"#]],
        ),
        (
            "unreachable",
            expect![[r#"
            0 initiated sip -
            1 failed sip 404"#]],
        ),
    ] {
        let server = Server::start(config(person)).await.unwrap();
        lock(&product.told).clear();
        let sid = place(&server, &product, &product.connect("")).await;
        let status = server.call_over(&sid, SOON).await.unwrap().status;
        assert!(status.is_over() && server.settled(SOON).await);
        expect.assert_eq(&lock(&product.told).join("\n"));
    }
}

#[tokio::test]
async fn a_request_ends_the_call() {
    let product = Product::start(true).await;
    let server = Server::start(config("answers")).await.unwrap();
    let sid = place(&server, &product, &product.connect("")).await;
    server
        .call_where(SOON, |view| view.streams == 1)
        .await
        .unwrap();
    let path = format!("Calls/{sid}.json");
    let (status, call) = request(&server, Method::POST, &path, &[("Status", "completed")]).await;
    assert_eq!((status, call["status"].as_str()), (200, Some("completed")));
    product.told("stop").await;
    let (status, problem) = request(&server, Method::POST, &path, &[("Status", "completed")]).await;
    assert_eq!((status, problem["code"].as_u64()), (400, Some(21_220)));
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_with_the_next_verb() {
    let product = Product::start(true).await;
    let server = Server::start(config("answers")).await.unwrap();
    let after = format!(
        "<Redirect method=\"POST\">{}/twiml</Redirect>",
        product.base
    );
    lock(&product.documents).push_back(product.connect(""));
    let sid = place(&server, &product, &product.connect(&after)).await;
    server
        .call_where(SOON, |view| view.streams == 1)
        .await
        .unwrap();
    server.cut_stream(&sid);
    server
        .call_where(SOON, |view| view.streams == 2)
        .await
        .unwrap();
    let path = format!("Calls/{sid}.json");
    let twiml = [("Twiml", "<Response><Say>Good bye.</Say></Response>")];
    assert_eq!(request(&server, Method::POST, &path, &twiml).await.0, 200);
    let view = server.call_over(&sid, SOON).await.unwrap();
    assert!(view.log.heard_text().ends_with("Good bye."), "{}", view.log);
    let told = product.told("recording completed channels 2").await;
    assert!(
        told.contains("stream stream-error 31903: the connection broke"),
        "{told}"
    );
    assert!(told.contains("asked for instructions"), "{told}");
}

#[tokio::test]
async fn a_worker_that_is_not_there_lets_the_call_go_on() {
    let product = Product::start(false).await;
    let server = Server::start(config("answers")).await.unwrap();
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let twiml = format!(
        r#"<Response><Connect><Stream url="ws://{gone}/media"/></Connect><Say>Sorry.</Say></Response>"#
    );
    let sid = place(&server, &product, &twiml).await;
    let view = server.call_over(&sid, SOON).await.unwrap();
    assert_eq!(view.log.heard_text(), "Sorry.");
    assert_eq!(server.notices()[0].code, 31_902);
}

#[tokio::test]
async fn a_mailbox_is_known_by_its_greeting() {
    let product = Product::start(true).await;
    let mailbox =
        r#"voicemail "You have reached the office. Nobody is here at the moment." after 0 rings"#;
    let server = Server::start(config(mailbox)).await.unwrap();
    let form = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Twiml", "<Response><Pause length=\"20\"/></Response>"),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        (
            "AsyncAmdStatusCallback",
            &format!("{}/hook/amd", product.base),
        ),
        ("MachineDetectionSpeechThreshold", "1000"),
    ];
    assert_eq!(
        request(&server, Method::POST, "Calls.json", &form).await.0,
        201
    );
    product.told("answered by machine_start").await;
}

#[tokio::test]
async fn somebody_calls_us() {
    let product = Product::start(false).await;
    let server = Server::start(config("busy")).await.unwrap();
    server.set_voice_url("+15005550006", &format!("{}/twiml", product.base));
    lock(&product.documents).push_back(product.connect(""));
    let customer = Person::answers_after_rings(0);
    let sid = server
        .call_in("+14155550100", "+15005550006", customer.clone())
        .unwrap();
    let view = server.call_over(&sid, SOON).await.unwrap();
    assert_eq!(
        (view.status, view.log.heard_text()),
        (Status::Completed, "Hello there, how are you?".to_owned())
    );
    lock(&product.documents).push_back("<Response><Reject reason=\"busy\"/></Response>".to_owned());
    let sid = server
        .call_in("+14155550100", "+15005550006", customer.clone())
        .unwrap();
    assert_eq!(
        server.call_over(&sid, SOON).await.unwrap().status,
        Status::Busy
    );
    assert_eq!(
        server.call_in("+14155550100", "+1999", customer),
        Err(NoVoiceUrl)
    );
}

#[tokio::test]
async fn a_lost_answer_has_placed_the_call_and_too_many_requests_have_not() {
    let product = Product::start(false).await;
    let mut config = config("answers | hangs up after 50ms");
    config.faults.lost_create_answers = 1;
    let server = Server::start(config).await.unwrap();
    let url = format!("{}/2010-04-01/Accounts/{SID}/Calls.json", server.url());
    let body = "To=%2B14155550100&From=%2B15005550006&Twiml=%3CResponse%2F%3E";
    let create = || {
        client()
            .post(&url)
            .basic_auth(SID, Some(TOKEN))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body)
    };
    assert!(create().send().await.is_err(), "the answer is lost");
    assert_eq!(server.calls().len(), 1);
    server.set_faults(Faults {
        too_many_requests: 1,
        ..Faults::default()
    });
    assert_eq!(create().send().await.unwrap().status(), 429);
    assert_eq!(server.calls().len(), 1);
    assert_eq!(create().send().await.unwrap().status(), 201);
    let (_, list) = request(
        &server,
        Method::GET,
        "Calls.json?To=%2B14155550100&PageSize=1",
        &[],
    )
    .await;
    assert_eq!(list["calls"].as_array().unwrap().len(), 1);
    let next = list["next_page_uri"].as_str().unwrap().to_owned();
    let prefix = format!("/2010-04-01/Accounts/{SID}/");
    let (_, rest) = request(
        &server,
        Method::GET,
        next.strip_prefix(&prefix).unwrap(),
        &[],
    )
    .await;
    assert_eq!(rest["calls"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next_page_uri"], Value::Null);
    assert_ne!(rest["calls"][0]["sid"], list["calls"][0]["sid"]);
    drop(product);
}

#[tokio::test]
async fn after_a_crash_in_mid_call_the_next_server_finishes_it() {
    let product = Product::start(true).await;
    let folder = tempfile::tempdir().unwrap();
    let mut first = config("answers");
    first.state_dir = Some(folder.path().to_owned());
    let server = Server::start(first.clone()).await.unwrap();
    let sid = place(&server, &product, &product.connect("")).await;
    let recording = server
        .call_where(SOON, |view| view.streams == 1)
        .await
        .unwrap()
        .recordings[0]
        .clone();
    // A second of audio has been written.
    let written = async {
        while !server.shared.exchange.recordings.holds(&recording) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, written).await.unwrap();
    drop(server);
    lock(&product.told).clear();

    let mut second = config("answers");
    second.state_dir = Some(folder.path().to_owned());
    let server = Server::start(second).await.unwrap();
    let told = product.told("recording completed channels 2").await;
    assert!(told.contains("3 completed sip 200"), "{told}");
    assert_eq!(server.call(&sid).unwrap().status, Status::Completed);
    let file = server.recording(&recording).unwrap();
    let wav = hound::WavReader::new(io::Cursor::new(&file)).unwrap();
    assert!(wav.duration() >= 8_000);
    // Every callback is known to be delivered.
    assert!(server.settled(SOON).await);
    drop(server);

    // Nothing is said twice, and what is deleted stays deleted.
    lock(&product.told).clear();
    let mut third = config("answers");
    third.state_dir = Some(folder.path().to_owned());
    let server = Server::start(third).await.unwrap();
    let path = format!("Recordings/{recording}.json");
    assert_eq!(request(&server, Method::DELETE, &path, &[]).await.0, 204);
    drop(server);
    let server = Server::start(Config {
        seed: 7,
        state_dir: Some(folder.path().to_owned()),
        ..config("answers")
    })
    .await
    .unwrap();
    assert_eq!(request(&server, Method::DELETE, &path, &[]).await.0, 404);
    assert!(server.recording(&recording).is_err());
    assert_eq!(*lock(&product.told), Vec::<String>::new());
}

#[tokio::test]
async fn a_worker_that_breaks_the_protocol_is_found_out() {
    let product = Product::start(false).await;
    lock(&product.says).clear();
    let server = Server::start(config("answers")).await.unwrap();
    let sid = place(&server, &product, &product.connect("")).await;
    server.call_over(&sid, SOON).await.unwrap();
    let violations = server.violations();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].to_string(), "31951 media without audio");
}

async fn refusal(server: &Server, changes: &[(&str, &str)], expect: &Expect) {
    let mut form = vec![
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Twiml", "<Response/>"),
    ];
    for (name, value) in changes {
        form.retain(|(kept, _value)| kept != name);
        form.push((name, value));
    }
    form.retain(|(_name, value)| !value.is_empty());
    let (status, answer) = request(server, Method::POST, "Calls.json", &form).await;
    expect.assert_eq(&format!(
        "{status} {} {}",
        answer["code"], answer["message"]
    ));
}

#[tokio::test]
async fn requests_that_the_carrier_refuses() {
    let mut config = config("busy");
    config.numbers = Some(BTreeSet::from(["+15005550006".to_owned()]));
    let server = Server::start(config).await.unwrap();
    for (changes, expect) in [
        (
            ("To", ""),
            expect![[r#"400 21201 "No 'To' number is specified""#]],
        ),
        (
            ("To", "4155550100"),
            expect![[r#"400 21211 "The 'To' number is not a valid phone number""#]],
        ),
        (
            ("From", ""),
            expect![[r#"400 21213 "No 'From' number is specified""#]],
        ),
        (
            ("From", "client:me"),
            expect![[r#"400 21212 "The 'From' number is not a valid phone number""#]],
        ),
        (
            ("From", "+15005550007"),
            expect![[r#"400 21210 "The 'From' number is not yours""#]],
        ),
        (
            ("Twiml", ""),
            expect![[r#"400 21205 "One of Url and Twiml must be given""#]],
        ),
        (
            ("Twiml", &"x".repeat(4_001)),
            expect![[r#"400 20422 "Twiml has an invalid value""#]],
        ),
        (
            ("Url", "twiml.xml"),
            expect![[r#"400 21205 "Url is not a valid URL""#]],
        ),
        (
            ("StatusCallback", "https://my_host.example/x"),
            expect![[r#"400 21609 "StatusCallback is not a valid URL""#]],
        ),
        (
            ("StatusCallbackEvent", "hungup"),
            expect![[r#"400 20422 "StatusCallbackEvent has an invalid value""#]],
        ),
        (
            ("StatusCallbackMethod", "PUT"),
            expect![[r#"400 20422 "StatusCallbackMethod has an invalid value""#]],
        ),
        (
            ("Timeout", "601"),
            expect![[r#"400 20422 "Timeout has an invalid value""#]],
        ),
        (
            ("Record", "yes"),
            expect![[r#"400 20422 "Record has an invalid value""#]],
        ),
        (
            ("RecordingChannels", "stereo"),
            expect![[r#"400 20422 "RecordingChannels has an invalid value""#]],
        ),
        (
            ("MachineDetection", "true"),
            expect![[r#"400 20422 "MachineDetection has an invalid value""#]],
        ),
        (
            ("MachineDetectionTimeout", "2"),
            expect![[r#"400 20422 "MachineDetectionTimeout has an invalid value""#]],
        ),
        (
            ("SendDigits", "12x"),
            expect![[r#"400 20422 "SendDigits has an invalid value""#]],
        ),
        (
            ("TimeOut", "30"),
            expect![[r#"400 20001 "unknown parameter TimeOut""#]],
        ),
    ] {
        refusal(&server, &[changes], &expect).await;
    }
    assert_eq!(server.violations().len(), 18);
    assert_eq!(server.calls().len(), 0);

    let url = format!("{}/2010-04-01/Accounts/{SID}/Calls.json", server.url());
    let response = client()
        .get(&url)
        .basic_auth(SID, Some("wrong"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.headers().contains_key("www-authenticate"));
    let problem: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["code"], 20_003);
    assert_eq!(
        request(&server, Method::GET, "Calls/CA1.json", &[]).await.0,
        404
    );
    assert_eq!(request(&server, Method::GET, "Calls", &[]).await.0, 404);
}

#[tokio::test]
async fn calls_leave_the_queue_at_the_accounts_rate() {
    let mut config = config("busy");
    config.calls_per_second = 1;
    let server = Server::start(config).await.unwrap();
    let form = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Twiml", "<Response/>"),
    ];
    let mut calls = Vec::new();
    for _call in 0..6 {
        calls.push(request(&server, Method::POST, "Calls.json", &form).await.1);
    }
    let queued = |nth: usize| {
        calls[nth]["queue_time"]
            .as_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    assert_eq!(queued(0), 0);
    assert!((1_000..=5_000).contains(&queued(5)), "{}", queued(5));
    let path = format!("Calls/{}.json", calls[5]["sid"].as_str().unwrap());
    let (_, canceled) = request(&server, Method::POST, &path, &[("Status", "canceled")]).await;
    assert_eq!(canceled["status"], "canceled");
}
