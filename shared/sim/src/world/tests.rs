//! Calls that are told apart by what a person went through.

use audio::line::Side;
use expect_test::{Expect, expect};
use model::{AgentFields, MachineAction, PromptId};

use super::*;
use crate::peer::fault::{Fault, Faults};
use crate::person;
use crate::vendors::openai::Script;

fn scene(person: Person) -> Scene {
    let agent = AgentFields::new("Reminder", PromptId::from_parts(0, 4));
    let brain = Arc::new(Script::dental_reminder());
    Scene::new(1, person, random::snapshot(agent), brain)
}

fn check(scene: &Scene, expected: &Expect) {
    let report = run(scene);
    expected.assert_eq(&report.to_string());
    assert_eq!(report.broken, Vec::new());
}

#[test]
fn a_reminder_call_goes_from_hello_to_goodbye() {
    let person = Person::answers_after_rings(0)
        .opens_with("Hello?")
        .says("Yes, who is this?")
        .says("Sure, that works.")
        .says("Can I park there?")
        .says("No, thanks, goodbye.");
    check(
        &scene(person),
        &expect![[r#"
            agent_ended after 49.9 s
              0.01 agent:  [of: Hello, this is the assistant of Bright Dental. Do you have a moment?]
              0.01 customer: Hello?
              1.65 agent: I am calling from Bright Dental to remind you of your appointment on Friday at 10:30 a.m. with Dr. Patel. Can you make it?
             11.53 customer: Yes, who is this?
             13.60 agent: I am the automated assistant of Bright Dental. I am calling about your appointment on Friday. Can you make it?
             21.95 customer: Sure, that works.
             24.18 agent: Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?
             33.65 customer: Can I park there?
             35.84 agent: Yes, parking is free behind the building, and the entrance is on Mill Lane. Is there anything else you would like to know?
             44.71 customer: No, thanks, goodbye.
             46.98 agent: Thank you, and see you soon. Goodbye! <end_call>
            the person's side:
            0.00-0.34 person: Hello?
            0.06-10.82 agent: Hello,- I am calling from Bright Dental to remind you of your appointment on Friday at 10:30 a.m. with Dr. Patel. Can you make it?
            11.52-12.60 person: Yes, who is this?
            13.64-21.24 agent: I am the automated assistant of Bright Dental. I am calling about your appointment on Friday. Can you make it?
            21.94-23.02 person: Sure, that works.
            24.20-32.94 agent: Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?
            33.64-34.74 person: Can I park there?
            35.88-44.00 agent: Yes, parking is free behind the building, and the entrance is on Mill Lane. Is there anything else you would like to know?
            44.70-46.02 person: No, thanks, goodbye.
            47.02-49.58 agent: Thank you, and see you soon. Goodbye!
            noticed: [Interrupted(SpeechStarted)]
        "#]],
    );
}

#[test]
fn an_interrupted_agent_stops_within_a_frame_and_remembers_what_was_heard() {
    let person = Person::answers_after_rings(0)
        .says("Yes?")
        .interrupts_after_words(6)
        .says("Sorry, when is that?")
        .hangs_up_after_ms(9_000);
    check(
        &scene(person),
        &expect![[r#"
        customer_hung_up after 19.7 s
          0.01 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
          5.43 customer: Yes?
          6.76 agent: Wonderful, you are confirmed for Friday [of: Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?]
          9.41 customer: Sorry, when is that?
         11.75 agent: Your appointment with Dr. Patel is on Friday at 10:30 a.m., at our practice on Mill Lane. Can you make [of: Your appointment with Dr. Patel is on Friday at 10:30 a.m., at our practice on Mill Lane. Can you make it?]
        the person's side:
        0.06-4.72 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
        5.42-5.62 person: Yes?
        6.80-9.40 agent: Wonderful, you are confirmed for Friday
        9.40-10.68 person: Sorry, when is that?
        9.46-19.60 agent: at Your appointment with Dr. Patel is on Friday at 10:30 a.m., at our practice on Mill Lane. Can you make it?
        noticed: [Interrupted(SpeechStarted)]
    "#]],
    );
}

#[test]
fn a_cough_is_no_interruption_and_the_agent_goes_on() {
    let person = Person::answers_after_rings(0)
        .waits_ms(800)
        .coughs_ms(300)
        .hangs_up_after_ms(9_000);
    check(
        &scene(person),
        &expect![[r#"
            customer_hung_up after 10.1 s
              0.01 agent: Hello, this [of: Hello, this is the assistant of Bright Dental. Do you have a moment?]
              2.98 agent: is the assistant of Bright Dental. Do you have a moment?
            the person's side:
            0.06-6.84 agent: Hello, this is- is the assistant of Bright Dental. Do you have a moment?
            noticed: [Interrupted(SpeechStarted), FalseInterruption]
        "#]],
    );
}

#[test]
fn nobody_speaks() {
    check(
        &scene(Person::answers_after_rings(0)),
        &expect![[r#"
        customer_silent after 40.9 s
          0.01 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
         15.04 agent: Are you still there?
         26.63 agent: Are you still there?
         38.24 agent: Thank you for your time. Goodbye.
        the person's side:
        0.06-40.54 agent: Hello, this is the assistant of Bright Dental. Do you have a moment? Are you still there? Are you still there? Thank you for your time. Goodbye.
    "#]],
    );
}

#[test]
fn a_recognizer_that_dies_is_replaced_and_hears_the_words_again() {
    let person = Person::answers_after_rings(0)
        .says("Yes, I have a moment for you.")
        .says("That is fine, thank you.")
        .says("No, goodbye.");
    let mut scene = scene(person);
    scene.deepgram.faults = Faults::none().at(0, Fault::CutAfter { messages: 9 });
    check(
        &scene,
        &expect![[r#"
        agent_ended after 23.5 s
          0.01 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
          5.43 customer: Yes, I have a moment for you.
          8.54 agent: Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?
         18.03 customer: That is fine, thank you.
         20.53 agent: Thank you, and see you soon. Goodbye! <end_call>
        the person's side:
        0.06-4.72 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
        5.42-7.38 person: Yes, I have a moment for you.
        8.58-17.32 agent: Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?
        18.02-19.56 person: That is fine, thank you.
        20.56-23.12 agent: Thank you, and see you soon. Goodbye!
        noticed: [RecognitionRetried]
    "#]],
    );
}

#[test]
fn a_voice_that_is_down_is_replaced_by_the_other_one() {
    let person = Person::answers_after_rings(0)
        .says("Yes?")
        .says("No, goodbye.");
    let mut scene = scene(person);
    scene.speech_cached = false;
    scene.elevenlabs.faults = Faults::none()
        .at(0, Fault::ServerError)
        .at(1, Fault::RefuseConnect);
    check(
        &scene,
        &expect![[r#"
            agent_ended after 21.2 s
              0.33 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
              5.73 customer: Yes?
              7.09 agent: Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?
             16.57 customer: No, goodbye.
             18.30 agent: Thank you, and see you soon. Goodbye! <end_call>
            the person's side:
            0.36-5.02 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
            5.72-5.92 person: Yes?
            7.12-15.86 agent: Wonderful, you are confirmed for Friday at 10:30 a.m. with Dr. Patel. Is there anything else you would like to know?
            16.56-17.32 person: No, goodbye.
            18.32-20.88 agent: Thank you, and see you soon. Goodbye!
            noticed: [SynthesisRetried, SynthesisRetried]
        "#]],
    );
}

#[test]
fn a_model_that_is_down_ends_the_call_politely() {
    let person = Person::answers_after_rings(0).says("Yes?");
    let mut scene = scene(person);
    scene.openai.faults = Faults::none().randomly(1, 1_000, &[Fault::ServerError]);
    check(
        &scene,
        &expect![[r#"
        vendor_failed after 12.1 s
          0.01 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
          5.43 customer: Yes?
          6.31 agent: I am sorry, I am having technical trouble. Thank you for your time. Goodbye.
        the person's side:
        0.06-4.72 agent: Hello, this is the assistant of Bright Dental. Do you have a moment?
        5.42-5.62 person: Yes?
        6.34-11.74 agent: I am sorry, I am having technical trouble. Thank you for your time. Goodbye.
        noticed: [GenerationRetried]
    "#]],
    );
}

#[test]
fn a_line_that_is_dead_from_the_first_moment_is_found() {
    let mut scene = scene(Person::answers_after_rings(0).opens_with("Hello?"));
    scene.line_dead_at = Some(Duration::ZERO);
    let report = run(&scene);
    assert_eq!(report.broken, Vec::new());
    let [(at, Finding::Silent(Side::Customer))] = report.line.as_slice() else {
        panic!("{report}");
    };
    assert!(at.as_millis() < 5_100, "{at:?}");
}

#[test]
fn a_mailbox_that_records_without_a_sound_is_no_dead_line() {
    let greeting = "Hi, you have reached Ann. Please leave a message after the tone.";
    let mut scene = scene(Person::voicemail(greeting).beep());
    scene.snapshot.answering.machine = MachineAction::LeaveMessage;
    scene.snapshot.answering.detect = AmdMode::MessageEnd;
    let message =
        "Hello, this is Bright Dental. Please call us back about Friday. Thank you, and goodbye.";
    scene.snapshot.answering.voicemail_message = Some(message.to_owned());
    // Behind its beep.
    scene.line_dead_at = Some(Duration::from_millis(5_200));
    let report = run(&scene);
    assert_eq!(report.outcome, Some(Outcome::VoicemailLeft), "{report}");
    assert!(report.lasted > Duration::from_secs(11), "{report}");
    assert_eq!(report.line, Vec::new(), "{report}");
}

#[test]
fn the_same_scene_always_gives_the_same_report() {
    for seed in 0..20 {
        let mut scene = Scene::random(seed);
        scene.trace = true;
        assert_eq!(
            run(&scene).to_string(),
            run(&scene).to_string(),
            "seed {seed}"
        );
    }
}

/// Plays scenes that work with a bug built in, and counts those in which the checks find it.
fn found(defect: Defect, symptoms: &[Promise]) {
    found_in(|_any| true, 60, defect, symptoms);
}

/// The same, in so many scenes of the kind in which the bug can show.
fn found_in(concerns: impl Fn(&Scene) -> bool, seeds: u64, defect: Defect, symptoms: &[Promise]) {
    let mut found = 0;
    let mut played = 0;
    let mut other = Vec::new();
    for seed in 0..seeds {
        let mut scene = Scene::random(seed);
        if !scene.works() || scene.network != Network::nearby() || !concerns(&scene) {
            continue;
        }
        scene.defect = Some(defect);
        played += 1;
        let report = run(&scene);
        let shows = |broken: &Broken| symptoms.contains(&broken.promise);
        if report.broken.iter().any(shows) {
            found += 1;
        } else {
            other.push((seed, report.broken));
        }
    }
    assert!(
        found > 0 && found * 4 >= played,
        "{defect:?} found in {found} of {played} calls; the others: {other:?}"
    );
}

/// Scenes in which no vendor fails, and the line breaks.
fn breaks(scene: &Scene) -> bool {
    !scene.breaks.is_empty() && scene.has_vendors()
}

/// Plays scenes in which the line breaks into this, with a bug built in, and counts those in which the checks
/// find it.
fn found_after_breaks(
    concerns: impl Fn(&Scene) -> bool,
    broke_into: Gap,
    seeds: u64,
    defect: Defect,
    symptom: Promise,
) {
    let (mut found, mut played) = (0, 0);
    let mut other = Vec::new();
    for seed in 0..seeds {
        let mut scene = Scene::random(seed);
        if !breaks(&scene) || !concerns(&scene) || !run(&scene).gaps.contains(&broke_into) {
            continue;
        }
        scene.defect = Some(defect);
        played += 1;
        let report = run(&scene);
        if report.broken.iter().any(|broken| broken.promise == symptom) {
            found += 1;
        } else {
            other.push((seed, report.broken));
        }
    }
    assert!(
        found > 0 && found * 4 >= played,
        "{defect:?} found in {found} of {played} calls; the others: {other:?}"
    );
}

#[test]
fn an_answer_that_is_given_twice_after_a_break_is_found() {
    found_after_breaks(
        |_any| true,
        Gap::Owed,
        800,
        Defect::LastWordsTwice,
        Promise::AnsweredOnce,
    );
}

#[test]
fn a_mailbox_that_nobody_listens_to_after_a_break_is_found() {
    let detected = |scene: &Scene| {
        is_answered_by(scene, person::CarrierVerdict::Machine)
            && scene.snapshot.answering.machine != MachineAction::Talk
    };
    found_after_breaks(
        detected,
        Gap::AfterVerdict,
        1_500,
        Defect::MachinesForgotten,
        Promise::MachineByRule,
    );
}

#[test]
fn a_lost_audio_message_is_found() {
    found(
        Defect::AudioLost { every: 9 },
        &[Promise::WholeWords, Promise::SteadyAudio],
    );
}

#[test]
fn an_audio_message_out_of_order_is_found() {
    found(Defect::AudioReordered { every: 9 }, &[Promise::WholeWords]);
}

#[test]
fn a_clear_that_is_not_sent_is_found() {
    found(Defect::ClearSkipped, &[Promise::SilentWhenInterrupted]);
}

#[test]
fn marks_that_come_too_early_are_found() {
    found(Defect::MarksEarly, &[Promise::MarksWhenPlayed]);
}

#[test]
fn marks_out_of_order_are_found() {
    found(Defect::MarksReordered, &[Promise::MarksInOrder]);
}

#[test]
fn customer_audio_lost_on_the_way_is_found() {
    found(
        Defect::CustomerAudioLost { every: 40 },
        &[Promise::SaidIsTold],
    );
}

#[test]
fn turns_stored_twice_are_found() {
    found(Defect::TurnsStoredTwice, &[Promise::NumberedTurns]);
}

#[test]
fn an_end_that_is_ignored_is_found() {
    found(Defect::EndIgnored, &[Promise::Ends]);
}

#[test]
fn a_transcript_of_what_was_meant_is_found() {
    found(Defect::TranscriptIntended, &[Promise::HeardIsTold]);
}

#[test]
fn a_dead_line_that_nobody_notices_is_found() {
    let mut found = 0;
    for seed in 0..400 {
        let mut scene = Scene::random(seed);
        scene.defect = Some(Defect::DeadLineUnnoticed);
        if scene.line_dead_at.is_some() {
            let broken = run(&scene).broken;
            let found_it = |broken: &Broken| broken.promise == Promise::DeadLineFound;
            found += usize::from(broken.iter().any(found_it));
        }
    }
    assert!(found >= 10, "{found}");
}

#[test]
fn a_quiet_phone_taken_for_a_dead_line_is_found() {
    found(Defect::QuietTakenForDead, &[Promise::NothingFoundInVain]);
}

fn opts_out(scene: &Scene) -> bool {
    let script = format!("{:?}", scene.person);
    let says = checks::answering::OPT_OUTS
        .iter()
        .any(|words| script.contains(words));
    says || script.contains("Presses('9')")
}

/// A mailbox on which a message is to be left after its beep.
fn gets_a_message(scene: &Scene) -> bool {
    let leaves = scene.snapshot.answering.machine == MachineAction::LeaveMessage;
    is_answered_by(scene, person::CarrierVerdict::Machine) && scene.person.has_beep() && leaves
}

fn is_answered_by(scene: &Scene, wanted: person::CarrierVerdict) -> bool {
    matches!(scene.person.pickup(), Pickup::Answers { by, .. } if by == wanted)
}

#[test]
fn an_opt_out_that_is_not_stored_is_found() {
    found_in(opts_out, 300, Defect::OptOutLost, &[Promise::OptOutStored]);
}

#[test]
fn an_opt_out_acknowledged_too_early_is_found() {
    let slow = |scene: &Scene| opts_out(scene) && scene.store != Latency::fixed_ms(15);
    found_in(
        slow,
        600,
        Defect::OptOutToldEarly,
        &[Promise::OptOutStoredFirst],
    );
}

#[test]
fn a_message_before_the_beep_is_found() {
    found_in(
        gets_a_message,
        300,
        Defect::BeepImagined,
        &[Promise::MessageAfterBeep],
    );
}

#[test]
fn a_person_taken_for_a_machine_is_found() {
    let detected = |scene: &Scene| {
        is_answered_by(scene, person::CarrierVerdict::Human)
            && scene.snapshot.answering.detect == AmdMode::MessageEnd
            && scene.snapshot.answering.machine != MachineAction::Talk
    };
    found_in(
        detected,
        100,
        Defect::BeepImagined,
        &[Promise::MachineByRule],
    );
}

#[test]
fn a_fax_that_is_not_noticed_is_found() {
    let fax = |scene: &Scene| is_answered_by(scene, person::CarrierVerdict::Fax);
    found_in(fax, 600, Defect::MachinesUnheard, &[Promise::MachineByRule]);
}
