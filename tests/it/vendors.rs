//! The product's clients against the simulated vendors on real sockets: what goes in comes out, the
//! strict peers have nothing to object to, and every way of failing is told as what it is.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conversation::{
    ChatMessage, FailureKind, Generate, Generation, GenerationId, Recognition, Synthesis, ToolSpec,
    UtteranceId,
};
use model::AudioPosition;
use providers::llm::{Models, Tuning};
use providers::stt::{Recognizer, RecognizerConfig, Recognizers};
use providers::tts::{Synthesizer, Synthesizers};
use settings::Settings;
use sim::peer::fault::{Fault, Faults};
use sim::vendors::openai::{Reply, Script, When};
use sim::vendors::{deepgram, elevenlabs, openai};

const KEY: &str = "a-key-of-ours";

/// Every wait of a test ends within this.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_the_agent_says_is_what_the_recognizer_hears() {
    let world = World::start(Faults::none()).await;
    for route in 0..world.synthesizers.routes() {
        let mut voice = world.synthesizers.open(route, None, "en");
        let audio = speak(
            &mut voice,
            &["I would like to book a table.", "For four people."],
        )
        .await;
        let heard = recognize(&world, &audio).await;
        let words: Vec<_> = heard
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        assert_eq!(
            words.join(" "),
            "i would like to book a table for four people"
        );
    }
    world.has_no_objections();
}

#[tokio::test]
async fn an_interrupted_utterance_is_silent_and_the_next_one_speaks() {
    let world = World::start(Faults::none()).await;
    for route in 0..world.synthesizers.routes() {
        let mut voice = world.synthesizers.open(route, None, "en");
        let long = "This sentence is long enough to be interrupted in the middle of it. ".repeat(5);
        voice.speak(UtteranceId(1), &long);
        let (first, _) = next_audio(&mut voice).await;
        assert_eq!(first, UtteranceId(1));
        voice.cancel(UtteranceId(1));
        voice.speak(UtteranceId(2), "Yes?");
        voice.finish(UtteranceId(2));
        loop {
            let (utterance, event) = event(&mut voice).await;
            assert_eq!(utterance, UtteranceId(2));
            if event == Synthesis::Finished {
                break;
            }
        }
    }
    world.has_no_objections();
}

#[tokio::test]
async fn the_model_speaks_and_calls_a_tool() {
    let world = World::start(Faults::none()).await;
    world.models.warm();
    let events = generate(&world, "Goodbye then").await;
    let text: String = events
        .iter()
        .filter_map(|event| match event {
            Generation::Text(text) => Some(text.as_str()),
            Generation::ToolCall { .. } | Generation::Finished { .. } | Generation::Failed(_) => {
                None
            }
        })
        .collect();
    assert_eq!(text, "Goodbye, Zoë!");
    let called = events.iter().find_map(|event| match event {
        Generation::ToolCall {
            name, arguments, ..
        } => Some((name.as_str(), arguments.as_str())),
        Generation::Text(_) | Generation::Finished { .. } | Generation::Failed(_) => None,
    });
    assert_eq!(called, Some(("end_call", r#"{"why":"bye"}"#)));
    let last = events.last().unwrap();
    let Generation::Finished {
        length_limited: false,
        usage: Some(usage),
    } = last
    else {
        panic!("{last:?}");
    };
    assert!(usage.prompt_tokens > 0 && usage.completion_tokens > 0);
    world.has_no_objections();
}

#[tokio::test]
async fn a_model_that_fails_says_how() {
    for (fault, expected) in [
        (Fault::RefuseConnect, FailureKind::Closed),
        (Fault::Unauthorized, FailureKind::Unauthorized),
        (
            Fault::RateLimited {
                retry_after: Some(Duration::from_secs(2)),
            },
            FailureKind::RateLimited {
                retry_after: Some(Duration::from_secs(2)),
            },
        ),
        (Fault::ServerError, FailureKind::ServerError),
        (Fault::CloseAfter { messages: 2 }, FailureKind::Closed),
        (Fault::CutAfter { messages: 2 }, FailureKind::Closed),
        // Lines that are no field of an event stream are left aside, and then it ends too early.
        (Fault::GarbageAfter { messages: 2 }, FailureKind::Closed),
        (Fault::SilentAfter { messages: 0 }, FailureKind::Silent),
    ] {
        let world = World::start(Faults::none().at(0, fault)).await;
        let events = generate(&world, "Hello").await;
        let Some(Generation::Failed(failure)) = events.last() else {
            panic!("{fault:?}: {events:?}");
        };
        assert_eq!(failure.kind, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_recognizer_that_fails_says_how() {
    for (fault, expected) in [
        (Fault::RefuseConnect, FailureKind::Connect),
        (Fault::Unauthorized, FailureKind::Unauthorized),
        (
            Fault::RateLimited { retry_after: None },
            FailureKind::RateLimited { retry_after: None },
        ),
        (Fault::ServerError, FailureKind::ServerError),
        (Fault::CloseAfter { messages: 1 }, FailureKind::Closed),
        (Fault::CutAfter { messages: 1 }, FailureKind::Closed),
        (Fault::GarbageAfter { messages: 1 }, FailureKind::Protocol),
        (Fault::SilentAfter { messages: 1 }, FailureKind::Silent),
    ] {
        let world = World::start(Faults::none().at(0, fault)).await;
        let connected = world.recognizers.connect(0, recognition()).await;
        let kind = match connected {
            Err(failure) => failure.kind,
            Ok(mut recognizer) => loop {
                // Nobody speaks: results come all the same.
                let _told_by_the_last_event = recognizer.send_audio(&[0xFF; 16_000]);
                if let Recognition::Lost(failure) = heard(&mut recognizer).await {
                    break failure.kind;
                }
            },
        };
        assert_eq!(kind, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_voice_that_fails_says_how() {
    for route in 0..2 {
        for (fault, expected) in [
            (Fault::Unauthorized, FailureKind::Unauthorized),
            (Fault::ServerError, FailureKind::ServerError),
            (Fault::CutAfter { messages: 1 }, FailureKind::Closed),
            (Fault::SilentAfter { messages: 1 }, FailureKind::Silent),
        ] {
            let world = World::start(Faults::none().at(0, fault)).await;
            let mut voice = world.synthesizers.open(route, None, "en");
            voice.speak(
                UtteranceId(1),
                "One sentence that is long enough to come in pieces.",
            );
            voice.finish(UtteranceId(1));
            let kind = loop {
                match event(&mut voice).await {
                    (_, Synthesis::Audio { .. }) => {}
                    (_, Synthesis::Finished) => panic!("{fault:?} over {route} went unnoticed"),
                    (_, Synthesis::Failed(failure)) => break failure.kind,
                }
            };
            assert_eq!(kind, expected, "{fault:?} over {route}");
        }
    }
}

struct World {
    deepgram: deepgram::Server,
    openai: openai::Server,
    elevenlabs: elevenlabs::Server,
    recognizers: Recognizers,
    models: Models,
    synthesizers: Synthesizers,
}

impl World {
    /// All three vendors, quick and with these faults.
    async fn start(faults: Faults) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut behaviour = deepgram::Behaviour::new(KEY).without_delay();
        behaviour.faults = faults.clone();
        let deepgram = deepgram::Config { listen, behaviour };
        let deepgram = deepgram::Server::start(deepgram).await.unwrap();
        let bye = Reply::says("Goodbye, Zoë!").and_calls("end_call", r#"{"why":"bye"}"#);
        let script = Script::new().on(When::customer_says(&["goodbye"]), bye);
        let mut behaviour = openai::Behaviour::new(KEY, Arc::new(script)).without_delay();
        behaviour.faults = faults.clone();
        let openai = openai::Config { listen, behaviour };
        let openai = openai::Server::start(openai).await.unwrap();
        let mut behaviour = elevenlabs::Behaviour::new(KEY).without_delay();
        behaviour.faults = faults;
        let elevenlabs = elevenlabs::Config { listen, behaviour };
        let elevenlabs = elevenlabs::Server::start(elevenlabs).await.unwrap();
        let variables = [
            ("DEEPGRAM_API_KEY", KEY.to_owned()),
            ("DEEPGRAM_BASE_URL", deepgram.url()),
            ("OPENAI_API_KEY", KEY.to_owned()),
            ("OPENAI_BASE_URL", openai.url()),
            ("ELEVENLABS_API_KEY", KEY.to_owned()),
            ("ELEVENLABS_VOICE_ID", "voice-1".to_owned()),
            ("ELEVENLABS_BASE_URL", elevenlabs.url()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let settings = Settings::from_variables(&variables.into()).unwrap();
        Self {
            deepgram,
            openai,
            elevenlabs,
            recognizers: Recognizers::new(&settings).unwrap(),
            models: Models::new(&settings).unwrap(),
            synthesizers: Synthesizers::new(&settings).unwrap(),
        }
    }

    #[track_caller]
    fn has_no_objections(&self) {
        let objections = [
            self.deepgram.violations(),
            self.openai.violations(),
            self.elevenlabs.violations(),
        ];
        assert_eq!(objections.concat(), Vec::<String>::new());
    }
}

fn recognition() -> RecognizerConfig {
    RecognizerConfig {
        language: "en".to_owned(),
        endpointing_ms: 300,
        position: AudioPosition::from_millis(1_000),
        tag: "tenant call".to_owned(),
    }
}

async fn generate(world: &World, customer: &str) -> Vec<Generation> {
    let request = Generate {
        id: GenerationId(1),
        route: 0,
        messages: vec![
            Arc::new(ChatMessage::System("Be brief.".to_owned())),
            Arc::new(ChatMessage::Customer(customer.to_owned())),
        ],
        tools: Arc::from([ToolSpec {
            name: "end_call".to_owned(),
            description: "Ends the call.".to_owned(),
            parameters: r#"{"type":"object","properties":{"why":{"type":"string"}}}"#.to_owned(),
        }]),
    };
    let mut stream = world.models.generate(0, &request, Tuning::default());
    let mut events = Vec::new();
    loop {
        let event = within(poll_fn(|cx| stream.poll_event(cx))).await;
        let last = matches!(event, Generation::Finished { .. } | Generation::Failed(_));
        events.push(event);
        if last {
            return events;
        }
    }
}

/// Everything that is heard in this audio and a second of silence after it.
async fn recognize(world: &World, audio: &[u8]) -> String {
    let mut recognizer = within(world.recognizers.connect(0, recognition()))
        .await
        .unwrap();
    assert_eq!(heard(&mut recognizer).await, Recognition::Opened);
    let silence = [0xFF; 12_000];
    let length_ms = (audio.len() + silence.len()) / 8;
    let end = AudioPosition::from_millis(1_000 + u64::try_from(length_ms).unwrap() + 1);
    for frame in audio.chunks(160).chain(silence.chunks(160)) {
        recognizer.send_audio(frame).unwrap();
    }
    recognizer.close();
    let mut words = String::new();
    let mut last = AudioPosition::from_millis(1_000);
    loop {
        match heard(&mut recognizer).await {
            Recognition::Final {
                text,
                start,
                end: stop,
                ..
            } => {
                assert!(last <= start && start <= stop && stop <= end);
                last = stop;
                words.push(' ');
                words.push_str(&text);
            }
            Recognition::Lost(failure) => {
                assert_eq!(failure.kind, FailureKind::Closed);
                return words;
            }
            Recognition::Opened => panic!("opened twice"),
            Recognition::SpeechStarted { .. }
            | Recognition::Interim { .. }
            | Recognition::UtteranceEnded => {}
        }
    }
}

/// Speaks one utterance and gives its audio.
async fn speak(voice: &mut Box<dyn Synthesizer>, sentences: &[&str]) -> Vec<u8> {
    let utterance = UtteranceId(1);
    for sentence in sentences {
        voice.speak(utterance, sentence);
    }
    voice.finish(utterance);
    let mut spoken = Vec::new();
    loop {
        match event(voice).await {
            (_, Synthesis::Audio { audio, .. }) => spoken.extend_from_slice(&audio),
            (_, Synthesis::Finished) => return spoken,
            (_, Synthesis::Failed(failure)) => panic!("{failure}"),
        }
    }
}

async fn next_audio(voice: &mut Box<dyn Synthesizer>) -> (UtteranceId, Bytes) {
    match event(voice).await {
        (utterance, Synthesis::Audio { audio, .. }) => (utterance, audio),
        (_, other) => panic!("{other:?}"),
    }
}

async fn event(voice: &mut Box<dyn Synthesizer>) -> (UtteranceId, Synthesis) {
    within(poll_fn(|cx| voice.poll_event(cx))).await
}

async fn heard(recognizer: &mut Box<dyn Recognizer>) -> Recognition {
    within(poll_fn(|cx| recognizer.poll_event(cx))).await
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, future)
        .await
        .expect("nothing happened for too long")
}
