//! A list that came in one request: a CSV, or a workbook whose sheet becomes one.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use intake::workbook::{self, Workbook, csv_options, is_workbook};
use intake::{FileProblem, Options};
use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;

use crate::Clock;

/// The longest sheet of a workbook that comes in one request: many times what a list packs to.
const SMALL_SHEET_BYTES_MAX: u64 = 64_000_000;
/// How long a request waits for a workbook: an API gateway answers for us after 29 s.
const WORKBOOK_BUDGET: Duration = Duration::from_secs(15);

/// A list as a CSV.
pub(super) struct ListCsv {
    pub(super) csv: Bytes,
    /// It is the whole list.
    pub(super) whole: bool,
    /// How the CSV is read.
    pub(super) options: Options,
    /// What the CSV was read from.
    pub(super) workbook: Option<Workbook>,
}

impl ListCsv {
    pub(super) const fn of_csv(csv: Bytes, whole: bool, options: Options) -> Self {
        Self {
            csv,
            whole,
            options,
            workbook: None,
        }
    }

    /// A whole list.
    pub(super) async fn of_file(
        file: Bytes,
        options: Options,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, FileProblem> {
        if !is_workbook(&file) {
            return Ok(Self::of_csv(file, true, options));
        }
        let list = Self::of_workbook(file, options, SMALL_SHEET_BYTES_MAX, clock).await?;
        if !list.whole {
            return Err(FileProblem::WorkbookTooLarge {
                what: "its sheet has more text than one request brings",
            });
        }
        Ok(list)
    }

    /// A workbook's sheet up to about so many bytes, or as far as there is time: nothing at all of one that
    /// takes long to open.
    pub(super) async fn of_workbook(
        file: Bytes,
        options: Options,
        bytes_max: u64,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, FileProblem> {
        let until = SignedDuration::try_from(WORKBOOK_BUDGET).unwrap_or(SignedDuration::MAX);
        let until = clock.now().checked_add(until).unwrap_or(Timestamp::MAX);
        let clock = Arc::clone(clock);
        let sheet = options.sheet.clone();
        // Work for a processor, which this task's others do not wait for.
        let reading = spawn_blocking(move || {
            let mut csv = BytesMut::new();
            let read = workbook::to_csv(&file, sheet.as_deref(), &mut |piece| {
                csv.extend_from_slice(piece);
                let enough = u64::try_from(csv.len()).is_ok_and(|bytes| bytes >= bytes_max);
                if enough || clock.now() >= until {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            read.map(|workbook| (csv.freeze(), workbook))
        });
        // The reader should not panic, whatever is in the file. If it does, the file is at fault.
        let read = reading.await;
        let (csv, workbook) = read.unwrap_or_else(|_panic| Err(workbook::damaged()))?;
        Ok(Self {
            csv,
            whole: workbook.whole,
            options: csv_options(options),
            workbook: Some(workbook),
        })
    }
}
