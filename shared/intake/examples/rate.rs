//! How many rows a second one core reads, and that memory does not grow with the file:
//! `cargo run --release -p intake --example rate [rows]`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement is about the clock, and for people"
)]

use std::fmt::Write as _;
use std::time::Instant;

use bytes::Bytes;
use intake::{Entry, Intake, Options};

/// As much as a range request brings.
const CHUNK_BYTES: usize = 1 << 20;

fn main() {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok());
    let rows: u64 = rows.unwrap_or(1_000_000);
    println!("rows        rows/s   MB/s  added    rejected  peak memory");
    for rows in [rows / 10, rows] {
        measure(rows);
    }
}

fn measure(rows: u64) {
    let mut intake = Intake::new(Options {
        default_country: "US".parse().ok(),
        ..Options::default()
    });
    let mut made = 0;
    let mut pending = String::from(
        "Phone,First Name,Last Name,Time Zone,State,consent_kind,consent_at,Notes\r\n",
    );
    let (mut added, mut rejected, mut bytes) = (0_u64, 0_u64, 0);
    let mut spent = std::time::Duration::ZERO;
    loop {
        // Making the list is not what is measured.
        while pending.len() < CHUNK_BYTES && made < rows {
            row(&mut pending, made);
            made += 1;
        }
        let chunk = Bytes::from(std::mem::take(&mut pending));
        let from = Instant::now();
        bytes += chunk.len();
        if chunk.is_empty() {
            intake.end();
        } else {
            intake.push(chunk);
        }
        let ended = loop {
            match intake.next_entry() {
                Ok(Entry::Row(_)) => added += 1,
                Ok(Entry::Rejected(_)) => rejected += 1,
                Ok(Entry::NeedsInput) => break false,
                Ok(Entry::End) | Err(_) => break true,
            }
        };
        spent += from.elapsed();
        if ended {
            break;
        }
    }
    let micros = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX).max(1);
    let rate = rows * 1_000_000 / micros;
    let megabytes = u64::try_from(bytes).unwrap_or_default() / micros;
    println!(
        "{rows:<10} {rate:>7} {megabytes:>6}  {added:<8} {rejected:<8}  {}",
        peak()
    );
}

/// A mix of what lists hold: numbers in many spellings, quotes, now and then something wrong.
fn row(list: &mut String, n: u64) {
    let line = 2_000_000 + n * 7_919 % 7_999_999;
    let (high, low) = (line / 10_000, line % 10_000);
    let area = [415, 212, 312, 617, 305, 206, 713][usize::try_from(n % 7).unwrap_or_default()];
    let written = match n % 6 {
        0 => write!(list, "+1{area}{line:07}"),
        1 => write!(list, "({area}) {high}-{low:04}"),
        2 => write!(list, "{area}-{high}-{low:04}"),
        3 => write!(list, "+44 7{:03} {:06}", 400 + n % 500, n * 31 % 1_000_000),
        4 => write!(list, "1 {area} {high} {low:04}"),
        _other if n.is_multiple_of(97) => write!(list, "n/a"),
        _other => write!(list, "{area}{line:07}"),
    };
    let rest = write!(
        list,
        ",Given{},Family{},America/Los_Angeles,CA,written,2026-01-{:02},\"Asked for a call, \"\"later\"\" #{n}\"\r\n",
        n % 1_000,
        n % 3_000,
        n % 28 + 1
    );
    debug_assert!(written.is_ok() && rest.is_ok(), "a string takes all");
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown here".to_owned(), |peak| peak.trim().to_owned())
}
