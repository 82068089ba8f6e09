//! One list through the product's reader, in chunks of any size, and on from any place.

use bytes::Bytes;
use intake::{Entry, FileProblem, Intake, Layout, Options, Position, RejectCode, Row};

/// All that a list gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) entries: Vec<Read>,
    /// Why the list was refused as a whole.
    pub(crate) problem: Option<FileProblem>,
    pub(crate) layout: Option<Layout>,
    /// Behind each entry.
    places: Vec<Position>,
}

/// An entry, and the cells that it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) entry: Entry,
    pub(crate) cells: Vec<String>,
}

impl Read {
    pub(crate) fn lead(&self) -> Option<&Row> {
        match &self.entry {
            Entry::Row(row) => Some(row),
            Entry::Rejected(_) | Entry::NeedsInput | Entry::End => None,
        }
    }

    /// The row as the spreadsheet program shows it.
    pub(crate) fn row(&self) -> u64 {
        match &self.entry {
            Entry::Row(row) => row.start.row,
            Entry::Rejected(reject) => reject.row,
            Entry::NeedsInput | Entry::End => 0,
        }
    }

    /// Which row had a number first is not known after reading on: a lead and one that comes again are alike.
    fn without_earlier_rows(&self) -> (u64, Option<RejectCode>) {
        let code = match &self.entry {
            Entry::Rejected(reject) => Some(reject.reason.kind()),
            Entry::Row(_) | Entry::NeedsInput | Entry::End => None,
        };
        let code = code.filter(|code| *code != RejectCode::DuplicateInFile);
        (self.row(), code)
    }
}

/// The list in chunks of so many bytes.
pub(crate) fn read(list: &[u8], options: &Options, chunk_bytes: usize) -> Reading {
    rest(Intake::new(options.clone()), list, chunk_bytes)
}

/// The list in one go, after finding that smaller chunks and reading on from any place give the same.
pub(crate) fn read_every_way(list: &[u8], options: &Options) -> Reading {
    let whole = read(list, options, list.len());
    for chunk_bytes in [1, 7, 1_000] {
        let parts = read(list, options, chunk_bytes);
        assert_eq!(parts, whole, "in chunks of {chunk_bytes}");
    }
    let Some(layout) = whole.layout.as_ref().filter(|_| whole.problem.is_none()) else {
        return whole;
    };
    let stored: Layout = serde_json::from_str(&serde_json::to_string(layout).unwrap()).unwrap();
    for (done, place) in whole.places.iter().enumerate() {
        let from = usize::try_from(place.offset).unwrap().min(list.len());
        let later = rest(Intake::resume(stored.clone(), *place), &list[from..], 50);
        let alike = |reads: &[Read]| {
            let reads = reads.iter().map(Read::without_earlier_rows);
            reads.collect::<Vec<_>>()
        };
        let expected = alike(&whole.entries[done + 1..]);
        assert_eq!(alike(&later.entries), expected, "read on from {place:?}");
    }
    whole
}

fn rest(mut intake: Intake, bytes: &[u8], chunk_bytes: usize) -> Reading {
    let mut chunks = bytes.chunks(chunk_bytes.max(1)).map(Bytes::copy_from_slice);
    let (mut entries, mut places, mut problem) = (Vec::new(), Vec::new(), None);
    let mut layout = None;
    loop {
        match intake.next_entry() {
            Ok(Entry::NeedsInput) => match chunks.next() {
                Some(chunk) => intake.push(chunk),
                None => intake.end(),
            },
            Ok(Entry::End) => break,
            Ok(entry) => {
                let cells = intake.cells().map(str::to_owned).collect();
                entries.push(Read { entry, cells });
                places.extend(intake.position());
                layout = intake.layout().cloned();
            }
            Err(why) => {
                problem = Some(why);
                break;
            }
        }
    }
    Reading {
        entries,
        problem,
        layout,
        places,
    }
}
