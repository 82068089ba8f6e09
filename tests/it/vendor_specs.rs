//! What we send to speech and language vendors, held against their own machine-readable descriptions,
//! and their own message shapes held against what we read.
//!
//! The descriptions (`tests/descriptions`) are older than the vendors' newest clients, so only what they
//! name is checked, not that they name everything.

mod schema;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Method, Uri};
use conversation::{
    ChatMessage, Generate, Generation, GenerationId, Recognition, ToolCall, ToolSpec,
};
use model::AudioPosition;
use providers::llm::Tuning;
use providers::llm::openai::codec as openai;
use providers::probe::Probes;
use providers::stt::RecognizerConfig;
use providers::stt::deepgram::codec as deepgram;
use providers::vendors::Vendor;
use serde_json::{Value, json};
use settings::{Settings, VendorRole};
use tokio::net::TcpListener;
use url::Url;

use schema::Schemas;

use crate::descriptions::description;

const DEEPGRAM: &str = "deepgram";
const DEEPGRAM_REST: &str = "deepgram-rest";
const OPENAI: &str = "openai";

#[test]
fn every_parameter_of_a_recognition_is_deepgrams() {
    let description = description(DEEPGRAM);
    let schemas = Schemas::new(&description);
    let query = &description["channels"]["/v1/listen"]["bindings"]["ws"]["query"]["properties"];
    let query = query.as_object().unwrap();
    let config = RecognizerConfig {
        language: "en-IN".to_owned(),
        endpointing_ms: 300,
        position: AudioPosition::ZERO,
        tag: "tenant_1 call_1".to_owned(),
    };
    let base = Url::parse("https://api.deepgram.com").unwrap();
    let url = deepgram::listen_url(&base, "nova-3", &config);
    let mut seen = 0;
    for (name, value) in url.query_pairs() {
        let Some(schema) = query.get(name.as_ref()) else {
            panic!("{name} is not a parameter of Deepgram's");
        };
        schemas.check(schema, &json!(value), &name);
        seen += 1;
    }
    assert!(seen >= 11, "only {seen} parameters");
}

#[tokio::test]
async fn what_shows_whether_a_key_is_taken_is_a_request_of_deepgrams() {
    let description = description(DEEPGRAM_REST);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let router = Router::new().fallback(async move |method: Method, uri: Uri| {
        seen.lock().unwrap().push((method, uri));
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let variables = [("DEEPGRAM_API_KEY", "key"), ("DEEPGRAM_BASE_URL", &base)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::from_variables(&variables.into()).unwrap();
    let mut vendors = Vendor::of_chain(VendorRole::Recognizer, &settings);
    let recognizer = vendors.remove(0);
    recognizer
        .probe(&Probes::new(&settings.proxies).unwrap(), &settings)
        .await;
    let asked = asked.lock().unwrap().clone();
    let [(method, uri)] = asked.as_slice() else {
        panic!("asked {asked:?}");
    };
    let method = method.as_str().to_lowercase();
    let described = &description["paths"][uri.path()][&method];
    assert!(described.is_object(), "{method} {uri} is not Deepgram's");
    assert_eq!(uri.query(), None);
}

#[test]
fn every_control_message_is_deepgrams() {
    let description = description(DEEPGRAM);
    let schemas = Schemas::new(&description);
    for (name, sent) in [
        ("KeepAlive", deepgram::KEEP_ALIVE),
        ("Finalize", deepgram::FINALIZE),
        ("CloseStream", deepgram::CLOSE_STREAM),
    ] {
        let sent: Value = serde_json::from_str(sent).unwrap();
        let schema = schemas.named(&format!("ListenV1_ListenV1{name}"));
        schemas.check(schema, &sent, name);
        assert_eq!(sent["type"], name);
    }
}

#[test]
fn every_message_that_deepgram_describes_is_understood() {
    let description = description(DEEPGRAM);
    let schemas = Schemas::new(&description);
    let scale = deepgram::Scale {
        start: AudioPosition::ZERO,
        end: AudioPosition::from_millis(60_000),
    };
    for name in ["Results", "Metadata", "UtteranceEnd", "SpeechStarted"] {
        // The smallest message that the description allows, and the largest.
        for optional in [false, true] {
            let schema = schemas.named(&format!("ListenV1_ListenV1{name}"));
            let message = schemas.example(schema, optional);
            schemas.check(schema, &message, name);
            let heard = deepgram::decode(&message.to_string(), scale).unwrap();
            let understood = match heard {
                deepgram::Message::Heard(Recognition::Final { .. }) => optional,
                deepgram::Message::Heard(_) => name != "Metadata",
                deepgram::Message::Aside => true,
                deepgram::Message::Unknown
                | deepgram::Message::NotUnderstood
                | deepgram::Message::Error => false,
            };
            assert!(understood, "{name}: {heard:?}");
        }
    }
}

#[test]
fn every_request_to_a_model_is_openais() {
    let description = description(OPENAI);
    let schemas = Schemas::new(&description);
    let schema = schemas.named("CreateChatCompletionRequest");
    let fields = schemas.properties(schema);
    for base in ["https://api.openai.com/v1", "https://llm.example.com"] {
        let takes = openai::Capabilities::of(&Url::parse(base).unwrap());
        for request in [smallest(), largest()] {
            let tuning = Tuning {
                model: None,
                prompt_cache_key: Some("agent_1-2"),
            };
            let body = openai::encode(&request, "gpt-5.4-mini", tuning, takes).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            schemas.check(schema, &body, "request");
            for field in body.as_object().unwrap().keys() {
                assert!(fields.contains(field), "{field} is not a field of OpenAI's");
            }
        }
    }
}

#[test]
fn every_chunk_that_openai_describes_is_understood() {
    let description = description(OPENAI);
    let schemas = Schemas::new(&description);
    let schema = schemas.named("CreateChatCompletionStreamResponse");
    for optional in [false, true] {
        let chunk = schemas.example(schema, optional);
        schemas.check(schema, &chunk, "chunk");
        let mut answer = openai::Answer::new(GenerationId(0));
        answer.push(format!("data: {chunk}\n\ndata: [DONE]\n\n").as_bytes());
        answer.end();
        let events: Vec<_> = std::iter::from_fn(|| answer.next_event()).collect();
        let finished = matches!(events.last(), Some(Generation::Finished { .. }));
        assert!(finished, "{chunk}\n{events:?}");
    }
}

fn smallest() -> Generate {
    Generate {
        id: GenerationId(0),
        route: 0,
        messages: vec![Arc::new(ChatMessage::System("Be brief.".to_owned()))],
        tools: Arc::from([]),
    }
}

fn largest() -> Generate {
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "end_call".to_owned(),
        arguments: String::new(),
    };
    let messages = [
        ChatMessage::System("Be brief.".to_owned()),
        ChatMessage::Agent {
            text: String::new(),
            tool_calls: vec![],
        },
        ChatMessage::Customer("Goodbye.".to_owned()),
        ChatMessage::Agent {
            text: String::new(),
            tool_calls: vec![call.clone()],
        },
        ChatMessage::ToolResult {
            id: "call_1".to_owned(),
            content: "done".to_owned(),
        },
        ChatMessage::Agent {
            text: "Bye.".to_owned(),
            tool_calls: vec![call],
        },
    ];
    Generate {
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: Arc::from([ToolSpec {
            name: "end_call".to_owned(),
            description: "Ends the call.".to_owned(),
            parameters: r#"{"type":"object","properties":{}}"#.to_owned(),
        }]),
        ..smallest()
    }
}
