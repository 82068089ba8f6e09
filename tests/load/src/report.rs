//! What is printed: progress as it goes, the table at the end, and everything as JSON.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::control::Quantiles;
use crate::machine::{Cores, Machine};
use crate::step::Measured;

/// Frames of ours later than this at the 99th percentile mean that the far side was the bottleneck.
const LATE_MICROS_MAX: u64 = 10_000;

/// More than this share of the worker's core for others means that the machine was not quiet.
const OTHERS_SHARE_MAX: f64 = 0.15;

/// What a run came to.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    method: String,
    #[serde(skip)]
    other_cores: usize,
    measured: Vec<Measured>,
    failed: Vec<(usize, String)>,
}

impl Report {
    pub(crate) fn new(machine: Machine, cores: &Cores, seconds: u64) -> Self {
        Self {
            machine,
            method: format!(
                "{}; full loop on loopback, {seconds} s per row with all calls in conversation",
                cores.in_words()
            ),
            other_cores: cores.others(),
            measured: Vec::new(),
            failed: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    pub(crate) fn failed(&mut self, calls: usize, error: &anyhow::Error) {
        progress(&format!("  failed: {error:#}"));
        self.failed.push((calls, format!("{error:#}")));
    }

    /// The table, on standard output.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(self.text()?.as_bytes())?;
        Ok(())
    }

    pub(crate) fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::write(path, serde_json::to_string_pretty(self)?)?;
        Ok(())
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        writeln!(text, "\nmachine  {}", self.machine.in_words())?;
        writeln!(text, "method   {}\n", self.method)?;
        let rows: [(&str, &dyn Fn(&Measured) -> String); 22] = [
            ("concurrent calls", &|row| row.calls.to_string()),
            ("talking, first and last second", &|row| {
                format!("{} {}", row.talking.0, row.talking.1)
            }),
            ("underruns (whole run)", &|row| {
                row.seen.playout.underruns.to_string()
            }),
            ("underruns (measured)", &|row| {
                row.underruns_in_window.to_string()
            }),
            ("longest underrun, ms", &|row| {
                row.seen.playout.underrun_ms_max.to_string()
            }),
            ("garbled words, people / STT", &|row| {
                let seen = &row.seen;
                format!(
                    "{} / {}",
                    seen.garbled_by_people, seen.garbled_by_recognizer
                )
            }),
            ("worker, share of its core", &|row| percent(row.cpu_share)),
            ("others, share of that core", &|row| {
                row.others_share.map_or_else(|| "–".to_owned(), percent)
            }),
            ("CPU ms per call-second", &|row| {
                format!("{:.3}", row.cpu_ms_per_call_second)
            }),
            ("memory KB per call", &|row| {
                format!("{:.0}", row.kb_per_call)
            }),
            ("engine p50 / p99 ms, outside", &|row| {
                halves(row.seen.engine)
            }),
            ("  words → model asked", &|row| {
                halves(row.seen.engine_ask)
            }),
            ("  clause → text at TTS", &|row| {
                halves(row.seen.engine_speak)
            }),
            ("  audio → frame at carrier", &|row| {
                halves(row.seen.engine_play)
            }),
            ("engine p50 / p99 ms, stored", &|row| {
                halves(row.stored_engine)
            }),
            ("barge-in p50 / p99 ms", &|row| halves(row.seen.barge_in)),
            ("  interruptions measured", &|row| {
                row.seen.barge_in.count.to_string()
            }),
            ("old frames after clear", &|row| {
                row.seen.media_after_clear.to_string()
            }),
            ("messages/s to carrier, to STT", &|row| {
                format!("{:.1} {:.1}", row.media_rate, row.recognizer_rate)
            }),
            ("far side: frames late p99 ms", &|row| {
                format!("{:.2}", ms(row.seen.lateness.p99))
            }),
            ("far side + store, cores", &|row| {
                format!("{:.2} + {:.2}", row.far_side_cores, row.store_cores)
            }),
            ("broken calls, violations", &|row| {
                format!("{} {}", row.seen.broken, row.seen.violations)
            }),
        ];
        for (name, cell) in rows {
            write!(text, "{name:<32}")?;
            for row in &self.measured {
                write!(text, "{:>18}", cell(row))?;
            }
            writeln!(text)?;
        }
        writeln!(text)?;
        for (calls, error) in &self.failed {
            writeln!(text, "{calls} calls: not measured: {error}")?;
        }
        for row in &self.measured {
            self.remarks(&mut text, row)?;
        }
        self.capacity(&mut text)?;
        writeln!(text, "\n{NOTES}")?;
        Ok(text)
    }

    fn remarks(&self, text: &mut String, row: &Measured) -> std::fmt::Result {
        let calls = row.calls;
        if row.seen.lateness.p99 > LATE_MICROS_MAX {
            writeln!(
                text,
                "{calls} calls: the far side itself was late (it has {} cores): gaps and times are its doing too",
                self.other_cores
            )?;
        }
        if row
            .others_share
            .is_some_and(|share| share > OTHERS_SHARE_MAX)
        {
            writeln!(
                text,
                "{calls} calls: other programs ran on the worker's core: repeat on a quiet machine"
            )?;
        }
        for problem in row.seen.violations_first.iter().take(5) {
            writeln!(text, "{calls} calls: violation: {problem}")?;
        }
        for problem in row.seen.why_broken.iter().take(3) {
            writeln!(text, "{calls} calls: broken: {problem}")?;
        }
        for counter in &row.worker_counters {
            writeln!(text, "{calls} calls: {counter}")?;
        }
        Ok(())
    }

    /// The most calls without an underrun, and what the CPU says.
    fn capacity(&self, text: &mut String) -> std::fmt::Result {
        let clean = self.measured.iter().filter(|row| {
            row.seen.playout.underruns == 0
                && row.seen.broken == 0
                && row.talking.0 == row.talking.1
        });
        // A worker that falls behind does less for each call: its CPU says nothing about capacity.
        if let Some(row) = clean.max_by_key(|row| row.calls) {
            writeln!(
                text,
                "held without an underrun: {} calls on one core, at {} of it; {:.3} ms per call-second would fill nine tenths of the core with {:.0}",
                row.calls,
                percent(row.cpu_share),
                row.cpu_ms_per_call_second,
                900.0 / row.cpu_ms_per_call_second
            )?;
        }
        Ok(())
    }
}

const NOTES: &str = "\
engine: voice to voice without the vendors' own time and without the chosen pause of the turn-taking
  preset. Outside: three spans of the far side's clock, sockets and scheduling of both sides included.
  Stored: from the waterfalls that the worker stored with its turns: from taking an event to
  having handed over what it caused.
barge-in: from the recognizer's message that interrupts to `clear` at the carrier, outside.
memory: resident, over the idle worker. CPU: user and system time of the worker, from /proc.";

/// One line on standard error.
pub(crate) fn progress(line: &str) {
    // Where nobody can be told, nobody is.
    let _told = writeln!(std::io::stderr(), "{line}");
}

/// What was measured, on standard output.
#[expect(clippy::print_stdout, reason = "a measurement is for people")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Why the bench failed.
pub(crate) fn complain(error: &anyhow::Error) {
    progress(&format!("load: {error:#}"));
}

fn halves(quantiles: Quantiles) -> String {
    if quantiles.count == 0 {
        return "–".to_owned();
    }
    format!("{:.2} / {:.2}", ms(quantiles.p50), ms(quantiles.p99))
}

fn ms(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
