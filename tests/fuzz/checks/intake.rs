//! What must hold for any bytes that somebody sends as a list of leads: it is read or refused, the same
//! however it is cut, and from any row on; nothing grows; what is read can be read again.

use bytes::Bytes;
use intake::{Entry, FileProblem, Intake, Options, Position, export, normalise};

/// The first byte says how the rest is cut.
pub(crate) fn list(data: &[u8]) {
    let Some((cut, list)) = data.split_first() else {
        return;
    };
    let whole = read(Intake::new(options()), list, list.len().max(1));
    let cut = usize::from(*cut) + 1;
    assert_eq!(
        read(Intake::new(options()), list, cut),
        whole,
        "cut into {cut}"
    );
    reads_on(list, &whole);
}

struct Said {
    entry: Result<Entry, FileProblem>,
    behind: Option<Position>,
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.entry == other.entry && self.behind == other.behind
    }
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} up to {:?}", self.entry, self.behind)
    }
}

fn options() -> Options {
    Options {
        default_country: "US".parse().ok(),
        ..Options::default()
    }
}

fn read(mut intake: Intake, list: &[u8], cut: usize) -> Vec<Said> {
    let mut chunks = list.chunks(cut);
    let mut said = Vec::new();
    loop {
        let entry = intake.next_entry();
        match &entry {
            Ok(Entry::NeedsInput) => {
                match chunks.next() {
                    Some(chunk) => intake.push(Bytes::copy_from_slice(chunk)),
                    None => intake.end(),
                }
                continue;
            }
            Ok(Entry::Row(row)) => {
                let again = normalise(row.number.as_str(), None).expect("a number of ours");
                assert_eq!(again.number, row.number);
                let mut csv = String::new();
                export::record(&mut csv, row.variables.values().map(String::as_str));
                assert!(csv.ends_with("\r\n"));
            }
            Ok(Entry::Rejected(reject)) => assert!(!reject.reason.sentence().is_empty()),
            Ok(Entry::End) | Err(_) => {}
        }
        let ended = matches!(entry, Ok(Entry::End) | Err(_));
        let behind = intake.position();
        said.push(Said { entry, behind });
        if ended {
            return said;
        }
    }
}

/// From behind any row, the rest is the same, but for numbers whose first row is before it.
fn reads_on(list: &[u8], whole: &[Said]) {
    let mut first = Intake::new(options());
    first.push(Bytes::copy_from_slice(list));
    first.end();
    let _entry = first.next_entry();
    let Some(layout) = first.layout().cloned() else {
        return;
    };
    for (index, said) in whole.iter().enumerate() {
        let Some(place) = said.behind else { continue };
        let offset = usize::try_from(place.offset).unwrap_or(usize::MAX);
        let rest = list.get(offset..).unwrap_or_default();
        let again = read(
            Intake::resume(layout.clone(), place),
            rest,
            rest.len().max(1),
        );
        let places = |said: &[Said]| -> Vec<_> { said.iter().map(|said| said.behind).collect() };
        let expected = whole.get(index + 1..).unwrap_or_default();
        if expected.is_empty() || said.entry.is_err() {
            continue;
        }
        assert_eq!(places(&again), places(expected), "from {place:?}");
    }
}
