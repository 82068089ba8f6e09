//! Words in audio as situations and properties: what is heard of whole, cut and damaged speech.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn listen(audio: &[u8]) -> Vec<Heard> {
    let mut listener = Listener::new();
    let mut heard = listener.hear(&[SILENCE; 400], 0);
    heard.extend(listener.hear(audio, 400));
    heard.extend(listener.hear(&[SILENCE; 4_000], 400 + audio.len() as u64));
    heard.extend(listener.finish());
    heard
}

fn words(heard: &[Heard]) -> String {
    let mut line = Vec::new();
    for heard in heard {
        match heard {
            Heard::Word { text, .. } => line.push(text.clone()),
            Heard::Garbled { words, .. } => line.push(format!("<garbled {words}>")),
            Heard::Cut {
                text, heard, parts, ..
            } => line.push(format!("<cut {text} {heard}/{parts}>")),
            Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. } => {}
        }
    }
    line.join(" ")
}

fn check(audio: &[u8], expect: &Expect) {
    expect.assert_eq(&words(&listen(audio)));
}

fn frames(text: &str) -> Vec<Vec<u8>> {
    let speech = speak(text, &Voice::new(120));
    speech
        .audio
        .chunks(FRAME_BYTES)
        .map(<[u8]>::to_vec)
        .collect()
}

#[test]
fn a_sentence_is_heard_as_it_was_spoken() {
    let speech = speak(
        "Hello there, may I speak to Dr. O'Neil?",
        &Voice::named("maya"),
    );
    check(
        &speech.audio,
        &expect!["Hello there, may I speak to Dr. O'Neil?"],
    );
}

#[test]
fn any_script_is_spoken() {
    let text = "नमस्ते, आप कैसे हैं? Ünïcode—dash 😀 42";
    let speech = speak(text, &Voice::new(200));
    assert_eq!(words(&listen(&speech.audio)), text);
}

#[test]
fn speech_is_as_fast_as_people_speak() {
    let speech = speak(
        "this is a sentence of ordinary words that somebody might say on the phone",
        &Voice::new(120),
    );
    let seconds = speech.audio.len() as f64 / 8_000.0;
    let rate = speech.words.len() as f64 / seconds;
    assert!((2.2..3.5).contains(&rate), "{rate} words a second");
}

#[test]
fn a_lost_frame_garbles_its_word_only() {
    let mut frames = frames("one two three");
    frames.remove(14);
    check(&frames.concat(), &expect!["one <garbled 1> three"]);
}

#[test]
fn two_frames_swapped_garble_their_word() {
    let mut frames = frames("one two three");
    frames.swap(1, 2);
    check(&frames.concat(), &expect!["<garbled 1> two three"]);
}

#[test]
fn a_doubled_frame_garbles_its_word() {
    let mut frames = frames("one two three");
    let again = frames[0].clone();
    frames.insert(1, again);
    check(&frames.concat(), &expect!["<garbled 1> two three"]);
}

#[test]
fn a_gap_in_mid_word_garbles_it_although_every_frame_arrived() {
    let mut frames = frames("one two three");
    frames.insert(2, vec![SILENCE; 160]);
    check(&frames.concat(), &expect!["<garbled 1> two three"]);
}

#[test]
fn a_word_that_stops_is_cut() {
    let frames = frames("one two three");
    check(&frames[..16].concat(), &expect!["one <cut two 3/10>"]);
}

#[test]
fn lost_words_are_missed() {
    let frames = frames("one two three four");
    let rest = [&frames[..13], &frames[46..]].concat();
    check(&rest.concat(), &expect!["one <garbled 2> four"]);
}

#[test]
fn another_speech_in_mid_word_garbles_it() {
    let audio = [
        frames("one two")[..5].concat(),
        frames("sorry, go on").concat(),
    ]
    .concat();
    check(&audio, &expect!["<garbled 1> sorry, go on"]);
}

#[test]
fn a_speaker_who_was_cut_may_take_the_word_up_again() {
    let frames = frames("one two three");
    let audio = [
        frames[..16].concat(),
        vec![SILENCE; 3_000],
        frames[13..].concat(),
    ];
    check(&audio.concat(), &expect!["one <cut two 3/10> two three"]);
}

#[test]
fn the_same_sentence_twice_is_heard_twice() {
    let audio = [frames("yes please").concat(), frames("yes please").concat()];
    check(&audio.concat(), &expect!["yes please yes please"]);
}

#[test]
fn who_joins_in_mid_sentence_hears_the_rest() {
    let frames = frames("one two three");
    let mut listener = Listener::new();
    assert_eq!(
        words(&listener.hear(&frames[13..].concat(), 0)),
        "two three"
    );
}

#[test]
fn noise_is_sound_without_words() {
    let heard = listen(&noise(300, &Voice::new(120)));
    expect![[r#"
        [
            SpeechStarted {
                at: 400,
            },
            SpeechStopped {
                at: 2800,
            },
        ]
    "#]]
    .assert_debug_eq(&heard);
}

#[test]
fn words_can_be_read_back_out_of_a_recording() {
    let speech = speak("Recorded for training purposes, really.", &Voice::new(100));
    let pcm: Vec<i16> = speech
        .audio
        .iter()
        .map(|byte| mulaw::decode(*byte))
        .collect();
    let back: Vec<u8> = pcm.iter().map(|sample| mulaw::encode(*sample)).collect();
    check(&back, &expect!["Recorded for training purposes, really."]);
}

#[test]
fn characters_begin_when_they_are_spoken() {
    let speech = speak("Hi you.", &Voice::new(100));
    let text: String = speech.chars.iter().map(|(letter, _at)| letter).collect();
    assert_eq!(text, "Hi you.");
    assert!(speech.chars.is_sorted_by_key(|(_letter, at)| *at));
    assert_eq!(speech.chars[3].1, speech.words[1].start);
}

fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-zA-Z0-9'éß,.?!]{1,14}", 1..6).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_cut_anywhere_is_heard_to_the_word(
        text in texts(),
        offset in 0_usize..500,
        cuts in proptest::collection::vec(1_usize..700, 1..20),
    ) {
        let speech = speak(&text, &Voice::new(140));
        let audio = [vec![SILENCE; offset], speech.audio.clone(), vec![SILENCE; 2_000]].concat();
        let mut listener = Listener::new();
        let (mut at, mut heard) = (0, Vec::new());
        for cut in cuts.iter().cycle() {
            if at >= audio.len() { break; }
            let end = (at + cut).min(audio.len());
            heard.extend(listener.hear(&audio[at..end], at as u64));
            at = end;
        }
        prop_assert_eq!(words(&heard), text);
        let starts: Vec<u64> = heard.iter().filter_map(|heard| match heard {
            Heard::Word { start, .. } => Some(*start - offset as u64),
            Heard::Garbled { .. } | Heard::Cut { .. } | Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. } => None,
        }).collect();
        let spoken: Vec<u64> = speech.words.iter().map(|word| word.start).collect();
        prop_assert_eq!(starts, spoken);
    }

    #[test]
    fn one_frame_lost_altered_or_swapped_is_noticed(
        text in texts(),
        kind in 0..4,
        pick in any::<proptest::sample::Index>(),
        bit in 0_u8..8,
        sample in 0_usize..160,
    ) {
        let speech = speak(&text, &Voice::new(140));
        let mut frames: Vec<Vec<u8>> = speech.audio.chunks(FRAME_BYTES).map(<[u8]>::to_vec).collect();
        let voiced: Vec<usize> = (0..frames.len()).filter(|at| frames[*at][0] & 1 == 0).collect();
        let at = voiced[pick.index(voiced.len())];
        match kind {
            0 => { frames.remove(at); }
            1 => frames[at][sample] ^= 1 << bit,
            2 => { let again = frames[at].clone(); frames.insert(at, again); }
            _ => {
                let other = if at + 1 < frames.len() { at + 1 } else { at - 1 };
                frames.swap(at, other);
            }
        }
        let heard = listen(&frames.concat());
        prop_assert_ne!(words(&heard), text);
        let noticed = heard.iter().any(|heard| matches!(heard, Heard::Garbled { .. } | Heard::Cut { .. }));
        prop_assert!(noticed, "{:?}", heard);
    }
}
