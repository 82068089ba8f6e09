//! Scenes out of a seed: people of all kinds, agents of all settings, far sides that fail.

use std::sync::Arc;
use std::time::Duration;

use model::{
    AgentFields, AgentId, AmdMode, BargeIn, CallId, CallSnapshot, Direction, MachineAction,
    PromptId, RenderedPrompt, SilencePolicy, TenantId, TurnTaking,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::checks::MUMBLES;
use super::checks::answering::{OPT_OUT_KEY, OPT_OUTS, PUT_THROUGH};
use super::{Break, Broke, Network, Scene};
use crate::peer::fault::{Fault, Faults};
use crate::peer::latency::{Latency, chance};
use crate::person::{CarrierVerdict, Person, Pickup};
use crate::vendors::openai::Script;

const SAYINGS: [&str; 14] = [
    "Yes, that works for me.",
    "What time was it again?",
    "Who is this?",
    "Can I park there?",
    "No, I can't make it on that day.",
    "Sure.",
    "Could you repeat that please?",
    "I think so, but let me check my calendar first.",
    "How long does it take?",
    "Thursday is fine.",
    "Do I have to bring anything?",
    "My number is five five one two.",
    "Hm, let me think. Yes, I will be there.",
    "That sounds good to me, thanks.",
];
const OPENINGS: [&str; 4] = [
    "Hello?",
    "Yes, hello, Ann speaking.",
    "Hi.",
    "Good morning, who is calling?",
];
const INTERRUPTIONS: [&str; 4] = [
    "Wait, stop.",
    "Sorry, who is this?",
    "No no, that is wrong.",
    "Hold on a second please.",
];

impl Scene {
    /// The scene of this number. Half of them work, in the others some far side fails.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = chance(seed, "scene", 0);
        let snapshot = snapshot(agent(&mut rng));
        let brain = Arc::new(Script::dental_reminder());
        let mut scene = Self::new(seed, person(&mut rng), snapshot, brain);
        scene.speech_cached = rng.random_ratio(1, 2);
        if rng.random_ratio(1, 4) {
            scene.network = Network {
                to_worker: Latency::between_ms(30, 90),
                to_carrier: Latency::between_ms(30, 90),
                vendors: Latency::between_ms(40, 120),
            };
        }
        if rng.random_ratio(1, 4) {
            scene.openai.first_token = Latency::between_ms(300, 1_500);
        }
        if rng.random_ratio(1, 2) {
            fail(&mut scene, &mut rng);
        }
        answering(&mut scene, &mut chance(seed, "answering", 0));
        if scene.stream_lost_at.is_none() && scene.hung_up_at.is_none() {
            breaks(&mut scene, &mut chance(seed, "breaks", 0));
        }
        if scene.breaks.is_empty() {
            die(&mut scene, &mut chance(seed, "line", 0));
        }
        scene
    }

    /// Nothing fails in it.
    #[must_use]
    pub fn works(&self) -> bool {
        self.has_vendors() && self.stream_lost_at.is_none() && self.breaks.is_empty()
    }

    /// No vendor fails in it.
    pub(super) fn has_vendors(&self) -> bool {
        self.deepgram.faults.is_none()
            && self.openai.faults.is_none()
            && self.elevenlabs.faults.is_none()
    }

    /// The recognizer does not fail in it, nor does the line.
    pub(super) fn hears(&self) -> bool {
        self.deepgram.faults.is_none()
            && self.stream_lost_at.is_none()
            && self.line_dead_at.is_none()
            && self.breaks.is_empty()
    }
}

/// Gives the call rules about machines, and now and then somebody or something else that answers.
fn answering(scene: &mut Scene, rng: &mut ChaCha8Rng) {
    let modes = [AmdMode::Off, AmdMode::Start, AmdMode::MessageEnd];
    let actions = [
        MachineAction::HangUp,
        MachineAction::LeaveMessage,
        MachineAction::Talk,
    ];
    let rules = &mut scene.snapshot.answering;
    rules.detect = pick(rng, &modes);
    rules.machine = pick(rng, &actions);
    rules.voicemail_message = Some(pick(rng, &MESSAGES).to_owned());
    rules.business_name = Some("Bright Dental".to_owned());
    rules.purpose = Some("your appointment on Friday".to_owned());
    rules.opt_out_key = OPT_OUT_KEY.chars().next();
    match rng.random_range(0..40) {
        0..=7 => scene.person = mailbox(rng),
        8 => scene.person = Person::fax().after_rings(1),
        9..=11 => scene.person = screening(rng),
        12..=15 => {
            let person = scene.person.clone();
            scene.person = person.says(pick(rng, &OPT_OUTS));
        }
        16 | 17 => {
            let person = scene.person.clone();
            scene.person = person.waits_ms(rng.random_range(500..=4_000)).presses('9');
        }
        _rest => {}
    }
    if rng.random_ratio(1, 4) {
        // Beyond it the acknowledgement does not wait any more.
        scene.store = Latency::between_ms(15, 4_500);
    }
}

/// Breaks the line of some calls: of machines about when the carrier says who answered, of people mostly when
/// they wait for an answer. Some of them speak into what they are told about it.
fn breaks(scene: &mut Scene, rng: &mut ChaCha8Rng) {
    let by_person = matches!(
        scene.person.pickup(),
        Pickup::Answers {
            by: CarrierVerdict::Human,
            ..
        }
    );
    if !rng.random_ratio(1, if by_person { 6 } else { 4 }) {
        return;
    }
    if by_person && rng.random_ratio(1, 2) {
        scene.person = Person::answers_after_rings(0)
            .replies_after_ms(rng.random_range(350..=1_500))
            .says(pick(rng, &SAYINGS))
            .interrupts_after_words(rng.random_range(1..=6))
            .says(pick(rng, &SAYINGS))
            .says(pick(rng, &SAYINGS))
            .says("No, thanks, goodbye.");
    }
    for _break in 0..rng.random_range(1..=2) {
        let ms = |range| Duration::from_millis(range);
        let when = match rng.random_range(0..6) {
            0 | 1 => Broke::At(ms(rng.random_range(500..=15_000))),
            2..=4 if by_person => Broke::AfterTurn {
                nth: rng.random_range(1..=3),
                wait: ms(rng.random_range(0..=2_000)),
            },
            _rest => Broke::AfterVerdict(ms(rng.random_range(0..=5_000))),
        };
        scene.breaks.push(Break {
            when,
            kills: rng.random_ratio(1, 3),
            gap: ms(rng.random_range(200..=3_000)),
        });
    }
}

fn mailbox(rng: &mut ChaCha8Rng) -> Person {
    let person = Person::voicemail(pick(rng, &MAILBOXES))
        .sounds(rng.random_range(90..220), rng.random_range(80..=130));
    if rng.random_ratio(1, 8) {
        return person;
    }
    let hz = rng.random_range(350..=1_900);
    person
        .waits_ms(rng.random_range(0..=2_500))
        .beeps(hz, rng.random_range(120..=900))
}

fn screening(rng: &mut ChaCha8Rng) -> Person {
    let person = Person::screening(pick(rng, &SCREENINGS)).replies_after_ms(900);
    match rng.random_range(0..5) {
        0 => person
            .says("They are not there. Please leave a message after the tone.")
            .waits_ms(rng.random_range(0..=2_500))
            .beeps(rng.random_range(350..=1_900), rng.random_range(120..=900)),
        1 => person
            .says("The person you are calling is not available.")
            .hangs_up_after_ms(500),
        2 => person,
        _rest => person
            .says("Thanks, please stay on the line.")
            .waits_ms(rng.random_range(1_000..=8_000))
            .opens_with(PUT_THROUGH)
            .says(pick(rng, &SAYINGS))
            .says("No, thanks, goodbye."),
    }
}

const MESSAGES: [&str; 2] = [
    "Hello, this is Bright Dental. Please call us back about Friday.",
    "Please call Bright Dental. Thank you. Goodbye.",
];
const MAILBOXES: [&str; 4] = [
    "Hi, you have reached Ann. Please leave a message after the tone.",
    "I can't come to the phone right now. Leave your name and number after the beep.",
    "You have reached the voicemail of five five five one two. At the tone, please record your message. When you have finished recording you may hang up.",
    "Hi, this is Ann. Leave me a message.",
];
const SCREENINGS: [&str; 2] = [
    "Hi, the person you're calling is using a screening service, and will get a copy of this conversation. Go ahead and say your name, and why you're calling.",
    "Hi, if you record your name and reason for calling, I'll see if this person is available.",
];

/// A call of this agent.
#[must_use]
pub(super) fn snapshot(agent: AgentFields) -> CallSnapshot {
    CallSnapshot {
        tenant_id: TenantId::from_parts(0, 1),
        call_id: CallId::from_parts(0, 2),
        direction: Direction::Outbound,
        agent_id: AgentId::from_parts(0, 3),
        agent,
        campaign_id: None,
        lead_id: None,
        notice: None,
        answering: model::AmdPolicy::default(),
        prompt: RenderedPrompt {
            id: PromptId::from_parts(0, 4),
            version: 1,
            system: "You are the assistant of a dental clinic.\nDay: Friday\n".to_owned(),
            greeting: "Hello, this is the assistant of Bright Dental. Do you have a moment?"
                .to_owned(),
        },
        trace_id: None,
    }
}

fn agent(rng: &mut ChaCha8Rng) -> AgentFields {
    let mut agent = AgentFields::new("Reminder", PromptId::from_parts(0, 4));
    let barge_in = [BargeIn::Immediate, BargeIn::Balanced, BargeIn::Protected];
    agent.turn_taking = TurnTaking {
        barge_in: pick(rng, &barge_in),
        endpointing_ms: rng.random_range(150..=600),
        max_end_of_turn_ms: rng.random_range(1_500..=4_000),
        false_interruption_ms: rng.random_range(800..=2_500),
    };
    agent.greeting_interruptible = rng.random_ratio(3, 4);
    agent.silence = SilencePolicy {
        remind_after_ms: rng.random_range(4_000..=9_000),
        max_reminders: rng.random_range(0..=2),
        hang_up_after_ms: rng.random_range(3_000..=8_000),
    };
    agent.max_duration_seconds = rng.random_range(30..=180);
    agent
}

fn person(rng: &mut ChaCha8Rng) -> Person {
    let mut person = Person::answers_after_rings(0)
        .sounds(rng.random_range(90..220), rng.random_range(80..=130))
        .replies_after_ms(rng.random_range(350..=1_500));
    if rng.random_ratio(1, 10) {
        // Never says a word.
        return person;
    }
    if rng.random_ratio(2, 3) {
        person = person.opens_with(pick(rng, &OPENINGS));
    }
    for _step in 0..rng.random_range(1..=6) {
        person = match rng.random_range(0..20) {
            0..=8 => person.says(pick(rng, &SAYINGS)),
            9..=12 => person
                .interrupts_after_words(rng.random_range(1..=12))
                .says(pick(rng, &INTERRUPTIONS)),
            13 | 14 => person.mumbles(pick(rng, &MUMBLES)),
            15 => person.coughs_ms(rng.random_range(60..=700)),
            16 | 17 => person.waits_ms(rng.random_range(200..=6_000)),
            18 => person.presses(pick(rng, &['1', '5', '#'])),
            _rest => person
                .waits_ms(rng.random_range(100..=2_500))
                .opens_with(pick(rng, &SAYINGS)),
        };
    }
    match rng.random_range(0..4) {
        0 => person.says("No, thanks, goodbye."),
        1 => person.hangs_up_after_ms(rng.random_range(0..=4_000)),
        _rest => person,
    }
}

/// Now and then nothing is heard of a person, from the first moment or from some moment on.
fn die(scene: &mut Scene, rng: &mut ChaCha8Rng) {
    let Pickup::Answers { by, .. } = scene.person.pickup() else {
        return;
    };
    if by == CarrierVerdict::Human && rng.random_ratio(1, 12) {
        let from_the_first = rng.random_ratio(1, 2);
        let at_ms = if from_the_first {
            0
        } else {
            rng.random_range(0..=30_000)
        };
        scene.line_dead_at = Some(Duration::from_millis(at_ms));
    }
}

/// Gives one or more far sides a fault.
fn fail(scene: &mut Scene, rng: &mut ChaCha8Rng) {
    for _fault in 0..rng.random_range(1..=3) {
        match rng.random_range(0..10) {
            0..=2 => scene.deepgram.faults = faults(rng, 30),
            3..=5 => scene.openai.faults = faults(rng, 20),
            6..=7 => scene.elevenlabs.faults = faults(rng, 12),
            8 => scene.stream_lost_at = Some(Duration::from_millis(rng.random_range(0..=40_000))),
            _rest => scene.hung_up_at = Some(Duration::from_millis(rng.random_range(0..=40_000))),
        }
    }
}

fn faults(rng: &mut ChaCha8Rng, messages_max: u32) -> Faults {
    let messages = rng.random_range(1..=messages_max);
    let kinds = [
        Fault::RefuseConnect,
        Fault::Unauthorized,
        Fault::RateLimited {
            retry_after: Some(Duration::from_secs(1)),
        },
        Fault::ServerError,
        Fault::CloseAfter { messages },
        Fault::CutAfter { messages },
        Fault::SilentAfter {
            messages: rng.random_range(0..=messages_max),
        },
        Fault::GarbageAfter { messages },
        Fault::Slow {
            extra: Duration::from_millis(rng.random_range(50..=2_500)),
        },
    ];
    let mut faults = Faults::none();
    for _fault in 0..rng.random_range(1..=3) {
        faults = faults.at(rng.random_range(0..6), pick(rng, &kinds));
    }
    if rng.random_ratio(1, 5) {
        // A vendor that is down altogether.
        faults = faults.randomly(scene_seed(rng), 1_000, &[pick(rng, &kinds)]);
    }
    faults
}

fn scene_seed(rng: &mut ChaCha8Rng) -> u64 {
    rng.random()
}

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    let place = rng.random_range(0..from.len());
    from[place]
}
