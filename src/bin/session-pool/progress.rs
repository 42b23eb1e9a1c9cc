//! Bars for work that takes longer than a second.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Before that, nobody wonders.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// A bar on stderr, if that is a terminal. It goes when it is dropped.
pub(crate) struct Progress {
    what: &'static str,
    begun: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, begun: Instant::now(), bar: OnceLock::new() }
    }

    /// So much is done, of so much in all; 0 where that is not known.
    pub(crate) fn set(&self, done: u64, total: u64) {
        if self.bar.get().is_none() && self.begun.elapsed() < SHOWN_AFTER {
            return;
        }
        let bar = self.bar.get_or_init(|| bar(self.what, total));
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &'static str, total: u64) -> ProgressBar {
    let template = if total == 0 { "{msg} {pos} {spinner}" } else { "{msg} [{bar:30}] {percent}% {eta}" };
    // Hidden by itself where stderr is no terminal.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_message(what);
    bar
}
