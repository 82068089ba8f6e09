//! A conversation over real sockets with simulated vendors: what the customer hears, and what is stored
//! of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use model::{Speaker, TurnKind};
use serde_json::Value;
use sim::openai::{Reply, Script, When};
use sim::voice::{Heard, Listener, Voice, speak};
use sim::{deepgram, elevenlabs, openai};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_tungstenite::tungstenite::Message;

use crate::scene::{Carrier, PATIENCE, Scene};

const FRAME: usize = 160;

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

/// A person at the carrier's end: speaks frames, hears what is played in real time, returns marks.
pub(crate) struct Line {
    carrier: Carrier,
    tick: Interval,
    frames: u64,
    saying: VecDeque<u8>,
    buffer: VecDeque<Played>,
    played: u64,
    listener: Listener,
    pub(crate) words: Vec<String>,
    clears: usize,
    words_at_clear: usize,
    /// When we stopped speaking, and how long after it the next audio came.
    spoken_until: Option<Instant>,
    first_sound_after: Option<Duration>,
}

enum Played {
    Audio(VecDeque<u8>),
    Mark(String),
}

impl Line {
    pub(crate) fn new(carrier: Carrier) -> Self {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self {
            carrier,
            tick,
            frames: 0,
            saying: VecDeque::new(),
            buffer: VecDeque::new(),
            played: 0,
            listener: Listener::new(),
            words: Vec::new(),
            clears: 0,
            words_at_clear: 0,
            spoken_until: None,
            first_sound_after: None,
        }
    }

    fn says(&mut self, text: &str) {
        self.saying.extend(speak(text, &Voice::new(110)).audio);
        self.first_sound_after = None;
    }

    /// Lives on until `done`.
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "never: {what}; heard {:?}",
                self.words
            );
            tokio::select! {
                _tick = self.tick.tick() => self.tick_once().await,
                message = self.carrier.socket.next() => {
                    let message = message.unwrap().unwrap();
                    if let Message::Text(text) = &message {
                        self.take(text);
                    } else {
                        assert!(message.is_close(), "{message:?}");
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        match message["event"].as_str().unwrap() {
            "media" => {
                let payload = message["media"]["payload"].as_str().unwrap();
                let audio = base64_simd::STANDARD.decode_to_vec(payload).unwrap();
                if let Some(spoken) = self.spoken_until {
                    self.first_sound_after.get_or_insert(spoken.elapsed());
                }
                self.buffer.push_back(Played::Audio(audio.into()));
            }
            "mark" => {
                let name = message["mark"]["name"].as_str().unwrap().to_owned();
                self.buffer.push_back(Played::Mark(name));
            }
            "clear" => {
                self.clears += 1;
                self.words_at_clear = self.words.len();
                // Marks come back at once, audio does not.
                self.buffer
                    .retain(|played| matches!(played, Played::Mark(_)));
            }
            other => panic!("{other}"),
        }
    }

    async fn tick_once(&mut self) {
        let taken = self.saying.len().min(FRAME);
        let mut frame: Vec<u8> = self.saying.drain(..taken).collect();
        if taken > 0 && self.saying.is_empty() {
            self.spoken_until = Some(Instant::now());
        }
        frame.resize(FRAME, 0xFF);
        self.carrier.audio(self.frames, &frame).await;
        self.frames += 1;
        let mut heard = Vec::new();
        while heard.len() < FRAME {
            match self.buffer.front_mut() {
                None => break,
                Some(Played::Mark(name)) => {
                    let name = std::mem::take(name);
                    self.buffer.pop_front();
                    self.carrier.mark(&name).await;
                }
                Some(Played::Audio(audio)) => {
                    let wanted = (FRAME - heard.len()).min(audio.len());
                    heard.extend(audio.drain(..wanted));
                    if audio.is_empty() {
                        self.buffer.pop_front();
                    }
                }
            }
        }
        while let Some(Played::Mark(name)) = self.buffer.front_mut() {
            let name = std::mem::take(name);
            self.buffer.pop_front();
            self.carrier.mark(&name).await;
        }
        heard.resize(FRAME, 0xFF);
        for heard in self.listener.hear(&heard, self.played) {
            match heard {
                Heard::Word { text, .. } => self.words.push(text),
                Heard::Garbled { .. } => self.words.push("[garbled]".to_owned()),
                Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. } | Heard::Cut { .. } => {}
            }
        }
        self.played += 160;
    }
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
    let mut line = Line::new(scene.call(0).await);
    line.until("the greeting", |line| line.words == ["Hello."])
        .await;

    let quiet_until = line.frames + 40;
    line.until("a pause", |line| line.frames >= quiet_until)
        .await;

    line.says("What are your hours?");
    line.until("the answer", |line| {
        line.words.iter().any(|word| word == "every")
    })
    .await;
    let answered_after = line.first_sound_after.unwrap();
    // Endpointing, in real time on a busy machine; the engine's own part is measured by the bench.
    assert!(
        answered_after < Duration::from_secs(3),
        "{answered_after:?}"
    );
    assert_eq!(line.clears, 0);

    line.says("Wait, can I come on Tuesday?");
    line.until("the interruption", |line| line.clears == 1)
        .await;
    line.until("the end", |line| {
        line.words.last().is_some_and(|word| word == "Goodbye.")
    })
    .await;
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
    let mut heard: Vec<String> = line
        .words
        .iter()
        .filter(|word| *word != "[garbled]")
        .cloned()
        .collect();
    // The voice's times put the pause behind a word into the word: one that ended within a blink of
    // the interruption may not count as heard.
    let cut_at = line.words_at_clear;
    if stored.get(cut_at - 1) != heard.get(cut_at - 1) {
        heard.remove(cut_at - 1);
    }
    assert_eq!(stored, heard, "the transcript is what was heard");
    assert_eq!(vendors.violations(), Vec::<String>::new());
}
