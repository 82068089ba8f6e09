//! Replays everything that was ever found to be worth trying on the parsers of vendors' messages.
//!
//! The checks are those of the fuzz targets (`tests/fuzz`), so that an input found there stays found.

use std::path::Path;

#[path = "../fuzz/checks/vendors.rs"]
mod checks;

#[test]
fn every_message_of_deepgram_in_the_corpus_holds() {
    replay("deepgram", checks::deepgram);
}

#[test]
fn every_message_of_elevenlabs_in_the_corpus_holds() {
    replay("elevenlabs", checks::elevenlabs);
}

#[test]
fn every_streamed_answer_in_the_corpus_holds() {
    replay("openai_sse", checks::openai_sse);
}

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus.join(target)).unwrap() {
        let file = entry.unwrap().path();
        let input = std::fs::read(&file).unwrap();
        let held = std::panic::catch_unwind(|| check(&input));
        assert!(held.is_ok(), "{} does not hold", file.display());
        replayed += 1;
    }
    assert!(
        replayed >= 20,
        "the corpus {target} has only {replayed} files"
    );
}

proptest::proptest! {
    /// The checks hold for inputs that nobody chose, too.
    #[test]
    fn any_input_holds(data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        checks::deepgram(&data);
        checks::elevenlabs(&data);
        checks::openai_sse(&data);
    }
}
