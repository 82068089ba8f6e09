//! A progress bar on a terminal, for runs that take longer than a moment.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Shorter runs show nothing.
const PATIENCE: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(100);
/// Dials between two looks at the clock.
const LOOK_EVERY: u32 = 256;
const WIDTH: u32 = 30;

pub(super) struct Progress {
    /// Absent: standard error is no terminal.
    next: Option<Instant>,
    dials: u32,
    drawn: bool,
}

impl Progress {
    pub(super) fn on_terminal() -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            next: terminal.then(|| Instant::now() + PATIENCE),
            dials: 0,
            drawn: false,
        }
    }

    /// After each dial, with how much is done in thousandths.
    pub(super) fn show(&mut self, at: Timestamp, per_mille: u32) {
        self.dials = self.dials.wrapping_add(1);
        let Some(next) = self.next else { return };
        if !self.dials.is_multiple_of(LOOK_EVERY) || Instant::now() < next {
            return;
        }
        let full = per_mille.min(1_000) * WIDTH / 1_000;
        let bar: String = (0..WIDTH)
            .map(|at| if at < full { '#' } else { '.' })
            .collect();
        let day = at.strftime("%Y-%m-%d %H:%M");
        write(&format!(
            "\r[{bar}] {:>3} %  {day}  {} calls ",
            per_mille / 10,
            self.dials
        ));
        self.drawn = true;
        self.next = Some(Instant::now() + REDRAW);
    }

    pub(super) fn clear(&mut self) {
        if self.drawn {
            write("\r\u{1b}[2K");
        }
    }
}

/// A terminal that is gone is no reason to stop.
fn write(text: &str) {
    let mut stderr = io::stderr();
    drop(
        stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush()),
    );
}
