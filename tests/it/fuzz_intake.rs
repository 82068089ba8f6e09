//! Replays lists that were ever found to be worth trying on the reader of lists.
//!
//! The checks are those of the fuzz target (`tests/fuzz`), so that an input found there stays found.

use std::path::Path;

#[path = "../fuzz/checks/intake.rs"]
mod checks;

#[test]
fn every_list_of_the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/intake");
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let file = entry.unwrap().path();
        let input = std::fs::read(&file).unwrap();
        let held = std::panic::catch_unwind(|| checks::list(&input));
        assert!(held.is_ok(), "{} does not hold", file.display());
        replayed += 1;
    }
    assert!(replayed >= 20, "the corpus has only {replayed} files");
}

proptest::proptest! {
    /// The checks hold for lists that nobody chose, too.
    #[test]
    fn any_list_holds(
        cut in proptest::prelude::any::<u8>(),
        list in "number,name\n((\\+1415555[0-9]{4}|[\"\r\n,;|\t=é\u{feff}\u{0}a-z]{0,6})(,|\n|\r\n|\r|\"){1,2}){0,20}",
    ) {
        let mut data = vec![cut];
        data.extend(list.bytes());
        checks::list(&data);
    }

    #[test]
    fn any_bytes_hold(data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        checks::list(&data);
    }
}
