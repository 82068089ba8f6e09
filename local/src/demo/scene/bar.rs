//! The campaign's progress in one line: drawn again and again on a terminal, told once in a while
//! elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use super::say;

const WIDTH: u64 = 30;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) total: u64,
    pub(super) done: u64,
    pub(super) calling: u64,
    pub(super) waiting: u64,
}

pub(super) struct Bar {
    terminal: bool,
    shown: Option<Count>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            shown: None,
        }
    }

    pub(super) fn show(&mut self, count: Count) {
        if self.shown == Some(count) {
            return;
        }
        // Where lines stay, one for each that is done is enough.
        let news = self.shown.is_none_or(|shown| shown.done != count.done);
        self.shown = Some(count);
        let full = (count.done * WIDTH).checked_div(count.total).unwrap_or(0);
        let bar: String = (0..WIDTH)
            .map(|at| if at < full { '#' } else { '.' })
            .collect();
        let line = format!(
            "  [{bar}] {} of {} done, {} on the phone, {} waiting",
            count.done, count.total, count.calling, count.waiting
        );
        if self.terminal {
            draw(&format!("\r\u{1b}[2K{line}"));
        } else if news {
            say(&line);
        }
    }

    /// Another line comes now; the bar goes on below it.
    pub(super) fn interrupt(&mut self) {
        self.end();
        self.shown = None;
    }

    pub(super) fn end(&self) {
        if self.terminal && self.shown.is_some() {
            draw("\n");
        }
    }
}

/// A terminal that is gone is no reason to stop.
fn draw(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    );
}
