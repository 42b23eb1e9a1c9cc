//! The terminal: taken over, and given back as it was.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use session_pool::crossbeam_channel::{Sender, unbounded};

type Screen = ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// Whether the terminal is taken over, and has to be given back.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, while it is taken over. It is given back when this is dropped, and where the main thread panics.
pub(super) struct Terminal {
    pub(super) screen: Screen,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    ///
    /// [`io::Error`] where it is none, or does not do what it is told. Then it is as it was.
    pub(super) fn take() -> io::Result<Self> {
        enter()?;
        // A screen is written in one go, as far as it fits.
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        match ratatui::Terminal::new(CrosstermBackend::new(out)) {
            Ok(screen) => Ok(Self { screen }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Takes it over anew, whatever was done to it meanwhile.
    ///
    /// # Errors
    ///
    /// [`io::Error`] where it does not do what it is told.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        give_back();
        enter()?;
        // It is drawn anew, as after a change of its size. To clear it, ratatui would ask the terminal where the cursor is, and
        // the answer would go to whoever listens to the keyboard.
        let size = self.screen.size()?;
        self.screen.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Stops the process, as Ctrl-Z does; goes on where somebody continues it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] where the terminal does not do what it is told.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
        self.take_again()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    IS_TAKEN.store(true, Ordering::SeqCst);
    let entered =
        enable_raw_mode().and_then(|()| execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste));
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Gives it back, once. Where it is gone, there is nobody to tell.
fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// What the panics of other threads said: they are told after the terminal is given back.
pub(super) struct Panics(session_pool::crossbeam_channel::Receiver<String>);

impl Panics {
    /// From now on, a panic of this thread gives the terminal back before it is told, and others are kept.
    pub(super) fn catch() -> Self {
        let (sender, receiver) = unbounded();
        let main = thread::current().id();
        let tell = Arc::new(std::panic::take_hook());
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().id() == main {
                give_back();
                tell(info);
            } else {
                // Printing would only be lost, or wait for the output that this thread holds.
                let _ = sender.send(info.to_string());
            }
        }));
        Self(receiver)
    }

    /// What the last one said.
    pub(super) fn last(&self) -> Option<String> {
        self.0.try_iter().last()
    }
}

/// The signals that end the process, and the one that it goes on after: each is sent on.
///
/// # Errors
///
/// [`io::Error`] where they cannot be caught.
#[cfg(unix)]
pub(super) fn signals(send: Sender<i32>) -> io::Result<()> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if send.send(signal).is_err() {
                break;
            }
        }
    })?;
    Ok(())
}

/// Whether the process is to go on after that signal, or else to end.
#[cfg(unix)]
pub(super) fn goes_on(signal: i32) -> bool {
    signal == signal_hook::consts::SIGCONT
}

/// Ends the process as that signal does where nobody catches it.
#[cfg(unix)]
pub(super) fn die_of(signal: i32) {
    // It does not come back, but for a signal that it cannot be.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(not(unix))]
pub(super) fn signals(_send: Sender<i32>) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn goes_on(_signal: i32) -> bool {
    true
}

#[cfg(not(unix))]
pub(super) fn die_of(_signal: i32) {}
