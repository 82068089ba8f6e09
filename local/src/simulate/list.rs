//! The list of leads from a file into a simulation, and its rejected rows into another file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Cursor, Read, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use forecast::{Entrant, EntrantAlternate, LEADS_MAX, Simulation};
use intake::rejects::{self, RejectWriter};
use intake::workbook::{WORKBOOK_BYTES_MAX, csv_options, is_workbook, to_csv};
use intake::{Country, Entry, Options, Reason, Reject, Row, SAMPLE_BYTES};
use jiff::Timestamp;
use model::{
    AlternateNumber, CampaignFields, Contact, PhoneNumber, Suppression, SuppressionReason,
};
use service::lead::imports::{alternates_of, lane_of};
use service::lead::listed::is_kept_out;

/// What tells a workbook.
const FIRST_BYTES: u64 = 4;
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Reads the whole list. Rows that are no leads are counted and, if asked for, written.
pub(super) fn read(
    simulation: &mut Simulation,
    path: &Path,
    options: Options,
    suppressed: &BTreeSet<PhoneNumber>,
    rejects: Option<&Path>,
) -> anyhow::Result<()> {
    let mut list = List::open(path, options)?;
    let mut rejects = match rejects {
        Some(path) => Some(Rejects::create(path)?),
        None => None,
    };
    while let Some(found) = list.next_row()? {
        let lead = found.and_then(|row| {
            let row_number = row.start.row;
            entrant(row, suppressed, simulation.campaign()).map_err(|reason| Reject {
                row: row_number,
                column: None,
                reason,
            })
        });
        let reject = match lead {
            Ok(lead) => {
                if simulation.leads() >= LEADS_MAX {
                    let shown = path.display();
                    bail!("{shown} has more than {LEADS_MAX} leads: split it");
                }
                simulation.add(lead);
                continue;
            }
            Err(reject) => reject,
        };
        simulation.refuse(reject.reason.code());
        if let Some(rejects) = &mut rejects {
            rejects.write(&reject, &list)?;
        }
    }
    match rejects {
        Some(rejects) => rejects.finish(&list),
        None => Ok(()),
    }
}

/// The numbers of a list; rows without one are passed over.
pub(super) fn numbers(
    path: &Path,
    country: Option<Country>,
) -> anyhow::Result<BTreeSet<PhoneNumber>> {
    let options = Options {
        default_country: country,
        ..Options::default()
    };
    let mut list = List::open(path, options)?;
    let mut numbers = BTreeSet::new();
    while let Some(found) = list.next_row()? {
        if let Ok(row) = found {
            numbers.insert(row.number);
            numbers.extend(row.alternates);
        }
    }
    Ok(numbers)
}

/// Nobody else notices a number that comes again.
fn leads_max() -> usize {
    usize::try_from(LEADS_MAX).unwrap_or(usize::MAX)
}

/// A list while it is read.
struct List<'a> {
    path: &'a Path,
    file: Box<dyn Read>,
    list: RejectWriter,
    /// Its first bytes, up to what is looked at to tell what it is.
    head: Vec<u8>,
    chunk: Vec<u8>,
}

impl<'a> List<'a> {
    fn open(path: &'a Path, mut options: Options) -> anyhow::Result<Self> {
        let shown = path.display();
        let reading = || format!("reading the list from {shown}");
        let mut file = File::open(path).with_context(reading)?;
        let mut head = Vec::new();
        let first = Read::by_ref(&mut file)
            .take(FIRST_BYTES)
            .read_to_end(&mut head);
        first.with_context(reading)?;
        let workbook = is_workbook(&head);
        let rest = Cursor::new(head).chain(file);
        let file: Box<dyn Read> = if workbook {
            let csv = sheet(path, rest, options.sheet.as_deref())?;
            options = csv_options(options);
            Box::new(Cursor::new(csv))
        } else {
            Box::new(rest)
        };
        Ok(Self {
            path,
            file,
            list: RejectWriter::new(options).remembering(leads_max()),
            head: Vec::new(),
            chunk: vec![0; CHUNK_BYTES],
        })
    }

    /// The next row or why it is none; nothing at the end.
    fn next_row(&mut self) -> anyhow::Result<Option<Result<Row, Reject>>> {
        let shown = self.path.display();
        loop {
            let entry = self.list.next_entry();
            match entry.map_err(|problem| anyhow!("{shown}: {problem}"))? {
                Entry::Row(row) => return Ok(Some(Ok(row))),
                Entry::Rejected(reject) => return Ok(Some(Err(reject))),
                Entry::End => return Ok(None),
                Entry::NeedsInput => {
                    let read = self.file.read(&mut self.chunk);
                    let read = read.with_context(|| format!("reading the list from {shown}"))?;
                    if read == 0 {
                        self.list.end();
                    } else {
                        let bytes = self.chunk.get(..read).unwrap_or_default();
                        let room = SAMPLE_BYTES.saturating_sub(self.head.len());
                        let head = bytes.get(..room.min(read)).unwrap_or_default();
                        self.head.extend_from_slice(head);
                        self.list.push(bytes.to_vec().into());
                    }
                }
            }
        }
    }
}

/// The row as a lead, with the lanes that an import would give it.
fn entrant(
    row: Row,
    suppressed: &BTreeSet<PhoneNumber>,
    campaign: &CampaignFields,
) -> Result<Entrant, Reason> {
    let lane = lane_of(&row)?;
    let alternates = alternates_of(&row)?;
    let numbers = || std::iter::once(&row.number).chain(&row.alternates);
    let listed = numbers().filter(|number| suppressed.contains(*number));
    let listed = listed.map(|number| (number.clone(), SuppressionReason::Upload));
    if is_kept_out(numbers(), &listed.collect(), &campaign.alternate_numbers) {
        return Err(Reason::Suppressed);
    }
    let contact = |number: &PhoneNumber| suppressed.contains(number).then(on_the_list);
    let mut entrant = Entrant::new(row.number, lane);
    entrant.contact = contact(&entrant.number);
    entrant.alternates = alternates
        .into_iter()
        .map(|AlternateNumber { number, lane }| EntrantAlternate {
            contact: contact(&number),
            number,
            lane,
        })
        .collect();
    entrant.priority = row.priority;
    entrant.consent = row.consent;
    Ok(entrant)
}

/// What is known of a number that must not be called.
fn on_the_list() -> Contact {
    Contact {
        suppression: Some(Suppression {
            reason: SuppressionReason::Upload,
            at: Timestamp::UNIX_EPOCH,
            note: None,
            call_id: None,
        }),
        ..Contact::default()
    }
}

/// A sheet of a workbook, as a CSV.
fn sheet(path: &Path, file: impl Read, name: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let mut packed = Vec::new();
    // One byte more than may be, so that a longer file is one that is too long.
    let read = file.take(WORKBOOK_BYTES_MAX + 1).read_to_end(&mut packed);
    read.with_context(|| format!("reading the list from {shown}"))?;
    let mut csv = Vec::new();
    let read = to_csv(&Bytes::from(packed), name, &mut |piece| {
        csv.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    read.map_err(|problem| anyhow!("{shown}: {problem}"))?;
    Ok(csv)
}

/// The rejected rows as they are in the list, with row number and reason behind them.
struct Rejects<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    begun: bool,
}

impl<'a> Rejects<'a> {
    fn create(path: &'a Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
            begun: false,
        })
    }

    fn write(&mut self, reject: &Reject, list: &List<'_>) -> anyhow::Result<()> {
        self.begin(list)?;
        let mut text = Vec::new();
        list.list.write(reject, &mut text);
        self.put(&text)
    }

    fn finish(mut self, list: &List<'_>) -> anyhow::Result<()> {
        self.begin(list)?;
        self.file
            .flush()
            .with_context(|| format!("writing {}", self.path.display()))
    }

    /// As the list begins.
    fn begin(&mut self, list: &List<'_>) -> anyhow::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        let Some(layout) = list.list.layout() else {
            return Ok(());
        };
        let head = Bytes::copy_from_slice(&list.head);
        self.put(&rejects::begin(layout, &head))
    }

    fn put(&mut self, text: &[u8]) -> anyhow::Result<()> {
        self.file
            .write_all(text)
            .with_context(|| format!("writing {}", self.path.display()))
    }
}
