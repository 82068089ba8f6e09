//! Work that is not the product's: done in the same thread, and not counted.
//!
//! The counting tools leave out what goes on below [`uncounted`], by its name. To callgrind each entering and
//! leaving of it is a switch, so it is entered only where there is something to switch off: while calls are
//! counted, and not from within itself.

use std::cell::Cell;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// From here on work counts, except outside.
pub(super) fn count() {
    COUNTED.set(true);
}

/// Nothing counts any more.
pub(super) fn count_no_more() {
    COUNTED.set(false);
}

/// Does work that is not counted.
pub(super) fn outside<T>(work: impl FnOnce() -> T) -> T {
    if !COUNTED.replace(false) {
        return work();
    }
    let done = uncounted(work);
    COUNTED.set(true);
    done
}

/// A function of its own, that is entered and left: neither inlined nor left by a jump.
#[inline(never)]
fn uncounted<T>(work: impl FnOnce() -> T) -> T {
    let done = work();
    black_box(());
    done
}

/// A task that is not counted.
pub(super) struct Outside<F>(Pin<Box<F>>);

impl<F: Future> Outside<F> {
    pub(super) fn new(work: F) -> Self {
        Self(Box::pin(work))
    }
}

impl<F: Future> Future for Outside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        outside(|| self.0.as_mut().poll(cx))
    }
}
