//! A conversation over real sockets with simulated vendors: what the customer hears, and what is stored
//! of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use model::{Speaker, TurnKind};
use sim::carriers::twilio::{Line, StreamIds};
use sim::person::{Experience, Person};
use sim::vendors::openai::{Reply, Script, When};
use sim::vendors::{deepgram, elevenlabs, openai};
use sim::voice::Heard;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::scene::{ACCOUNT, Carrier, PATIENCE, Scene, parameters};

pub(crate) struct Vendors {
    deepgram: deepgram::Server,
    openai: openai::Server,
    pub(crate) elevenlabs: elevenlabs::Server,
}

impl Vendors {
    async fn start(script: Script) -> Self {
        let voice = elevenlabs::Behaviour::new("key");
        Self::with_voice(script, voice).await
    }

    pub(crate) async fn with_voice(script: Script, voice: elevenlabs::Behaviour) -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        Self {
            deepgram: deepgram::Server::start(deepgram::Config {
                listen,
                behaviour: deepgram::Behaviour::new("key").without_delay(),
            })
            .await
            .unwrap(),
            openai: openai::Server::start(openai::Config {
                listen,
                behaviour: openai::Behaviour::new("key", Arc::new(script)).without_delay(),
            })
            .await
            .unwrap(),
            elevenlabs: elevenlabs::Server::start(elevenlabs::Config {
                listen,
                behaviour: voice.without_delay(),
            })
            .await
            .unwrap(),
        }
    }

    async fn scene(&self) -> Scene {
        self.scene_with(&[]).await
    }

    pub(crate) async fn scene_with(&self, besides: &[(&str, &str)]) -> Scene {
        let (recognizer, model) = (self.deepgram.url(), self.openai.url());
        let voice = self.elevenlabs.url();
        let mut variables = vec![
            ("DEEPGRAM_BASE_URL", recognizer.as_str()),
            ("OPENAI_BASE_URL", &model),
            ("ELEVENLABS_BASE_URL", &voice),
        ];
        variables.extend(besides);
        Scene::with(&variables).await
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let mut all = self.deepgram.violations();
        all.extend(self.openai.violations());
        all.extend(self.elevenlabs.violations());
        all
    }
}

/// The carrier's end of a call, until the worker closes it.
async fn carry(person: &Person, carrier: &mut Carrier) -> Line {
    carry_until(person, carrier, |_line| false).await
}

/// The carrier's end of a call, until it is as wanted or the worker closes it.
pub(crate) async fn carry_until(
    person: &Person,
    carrier: &mut Carrier,
    done: impl Fn(&Line) -> bool,
) -> Line {
    let since = Instant::now();
    let mut line = Line::answered(person, Duration::ZERO);
    let ids = StreamIds {
        account_sid: ACCOUNT.to_owned(),
        call_sid: "CA1".to_owned(),
        stream_sid: "MZ1".to_owned(),
    };
    line.connect(ids, &parameters(0), Duration::ZERO);
    while !done(&line) {
        assert!(
            since.elapsed() < PATIENCE,
            "goes on for ever: {}",
            line.log()
        );
        while let Some(message) = line.poll_message() {
            carrier.says(&message).await;
        }
        tokio::select! {
            message = carrier.socket.next() => {
                let message = message.unwrap().unwrap();
                if let Message::Text(text) = &message {
                    line.receive(text, since.elapsed());
                } else {
                    assert!(message.is_close(), "{message:?}");
                    return line;
                }
            }
            () = tokio::time::sleep_until(since + line.poll_timeout()) => {
                line.advance(since.elapsed());
            }
        }
    }
    line
}

/// The whole words that the person heard.
pub(crate) fn heard(line: &Line) -> Vec<String> {
    let entries = line.log().entries().iter();
    let words = entries.filter_map(|entry| {
        let Experience::Heard(Heard::Word { text, .. }) = entry else {
            return None;
        };
        Some(text.clone())
    });
    words.collect()
}

#[tokio::test]
async fn a_customer_is_greeted_answered_and_can_interrupt() {
    let script = Script::new()
        .on(
            When::customer_says(&["hours"]),
            Reply::says("We are open from nine to five on every day but Sunday, and on Friday until seven in the evening."),
        )
        .on(
            When::customer_says(&["tuesday"]),
            Reply::says("Tuesday it is. Goodbye.").and_ends_the_call(),
        );
    let vendors = Vendors::start(script).await;
    let scene = vendors.scene().await;
    let person = Person::answers_after_rings(0)
        .says("What are your hours?")
        .interrupts_after_words(9)
        .says("Wait, can I come on Tuesday?");
    let mut carrier = scene.carrier().await;
    let line = carry(&person, &mut carrier).await;
    scene.control.reaches("0 closed with agent_ended").await;

    let turns = scene.control.turns.lock().unwrap().clone();
    let told: Vec<_> = turns
        .iter()
        .map(|turn| (turn.speaker, turn.kind, turn.interrupted))
        .collect();
    assert_eq!(
        told,
        [
            (Speaker::Agent, TurnKind::Greeting, false),
            (Speaker::Customer, TurnKind::Talk, false),
            (Speaker::Agent, TurnKind::Talk, true),
            (Speaker::Customer, TurnKind::Talk, false),
            (Speaker::Agent, TurnKind::Farewell, false),
        ]
    );
    let stored: Vec<String> = turns
        .iter()
        .filter(|turn| turn.speaker == Speaker::Agent)
        .flat_map(|turn| turn.text.split_whitespace())
        .map(str::to_owned)
        .collect();
    let mut heard = heard(&line);
    // The voice's times put the pause behind a word into the word: one that ended within a blink of
    // the interruption may not count as heard.
    let said_last = turns.iter().rfind(|turn| turn.interrupted).unwrap();
    let cut_at = 1 + said_last.text.split_whitespace().count();
    if stored.get(cut_at) != heard.get(cut_at) {
        heard.remove(cut_at);
    }
    assert_eq!(stored, heard, "the transcript is what was heard");
    let stream = line.stream().unwrap();
    assert_eq!(stream.stats().clears, 1);
    assert_eq!(stream.problems(), []);
    assert_eq!(vendors.violations(), Vec::<String>::new());
}
