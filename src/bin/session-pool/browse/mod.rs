//! The terminal interface: a state that events change ([`app`]), a screen that is drawn from it ([`draw`]), and a thread beside
//! them that reads the store and looks for what is asked ([`worker`]).

mod app;
mod chart;
mod data;
mod details;
mod draw;
mod filter;
mod help;
mod layout;
mod look;
mod page;
mod query;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod worker;

use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self as keyboard};
use ratatui::layout::Size;
use session_pool::ReadStore;
use session_pool::crossbeam_channel::{Receiver, Sender, after, never, select, unbounded};

use self::app::{App, Effect, Event, Setting};
use self::look::Look;
use self::terminal::{Panics, Terminal};
use self::worker::{Task, Wanted};
use crate::commands::Result;
use crate::context::Context;

/// For so long the screen is left alone, since most stores are read by then.
const PATIENCE: Duration = Duration::from_millis(150);

/// Shows a store, called `title`, until one quits. A signal that ends it is obeyed after all is put in order.
///
/// # Errors
///
/// Whatever is wrong with the store or the terminal.
pub(crate) fn run(store: &dyn ReadStore, title: &str, context: &Context) -> Result {
    let setting = Setting {
        title: text::clean(title),
        look: Look::of_terminal(context.has_colours),
        zone: context.zone,
        now: context.now,
    };
    let panics = Panics::catch();
    let (tasks, ours) = unbounded();
    let (theirs, events) = unbounded();
    let (wanted, now) = (Wanted::default(), setting.now);
    let signal = thread::scope(|scope| {
        let wanted = &wanted;
        let worker = thread::Builder::new()
            .name("reader".to_owned())
            .spawn_scoped(scope, move || worker::work(store, now, &ours, wanted, &theirs))?;
        let shown = show(setting, &tasks, &events, wanted);
        wanted.end();
        drop(tasks);
        match (worker.join(), shown) {
            (Err(_), _) => {
                let said = panics.last().unwrap_or_default();
                Err(format!("the thread that reads the store panicked: {said}").into())
            }
            (Ok(Err(error)), _) => Err(error.into()),
            (Ok(Ok(())), shown) => shown,
        }
    })?;
    // The terminal is as it was; what a store is locked with goes with the process.
    if let Some(signal) = signal {
        terminal::die_of(signal);
    }
    Ok(())
}

/// What is heard while the screen is shown.
struct Ears<'a> {
    /// What the worker tells; it hangs up where it fails.
    worker: &'a Receiver<Event>,
    keyboard: Receiver<std::io::Result<keyboard::Event>>,
    signals: Receiver<i32>,
    /// Alive, so that no signals is not the end of them.
    _signals: Sender<i32>,
}

/// What there was to hear.
enum Heard {
    App(Event),
    Signal(i32),
    /// The worker has hung up.
    Silence,
    Nothing,
}

/// Shows the screen until one quits, or the worker fails, or a signal ends it, which is answered.
fn show(
    setting: Setting,
    tasks: &Sender<Task>,
    events: &Receiver<Event>,
    wanted: &Wanted,
) -> Result<Option<i32>> {
    let mut terminal = Terminal::take()?;
    let (sender, signals) = unbounded();
    terminal::signals(sender.clone())?;
    let ears = Ears { worker: events, keyboard: listen()?, signals, _signals: sender };
    let size = terminal.screen.size()?;
    let mut app = App::new(setting, size);
    let begun = Instant::now();
    loop {
        // Before all is read, and where that takes no time, there is nothing to see.
        if app.data.is_some() || begun.elapsed() >= PATIENCE {
            terminal.screen.draw(|frame| draw::draw(frame, &app))?;
        }
        let patience = if app.data.is_none() { after(PATIENCE) } else { never() };
        let mut heard = ears.wait(&patience)?;
        // Whatever has come meanwhile is taken too, before the screen is drawn again.
        loop {
            let effects = match heard {
                Heard::App(event) => app.handle(event),
                Heard::Signal(signal) if terminal::goes_on(signal) => {
                    terminal.take_again()?;
                    Vec::new()
                }
                Heard::Signal(signal) => return Ok(Some(signal)),
                Heard::Silence => return Ok(None),
                Heard::Nothing => Vec::new(),
            };
            for effect in effects {
                match effect {
                    Effect::Quit => return Ok(None),
                    Effect::Suspend => terminal.suspend()?,
                    Effect::Find(query) => {
                        wanted.want(&query);
                        // Where it has hung up, that is heard next.
                        let _ = tasks.send(Task::Find(query));
                    }
                    Effect::Read(target) => drop(tasks.send(Task::Read(target))),
                }
            }
            match ears.next()? {
                Some(next) => heard = next,
                None => break,
            }
        }
    }
}

impl Ears<'_> {
    /// Waits for something to hear, or for the end of patience.
    fn wait(&self, patience: &Receiver<Instant>) -> Result<Heard> {
        select! {
            recv(self.worker) -> event => Ok(event.map_or(Heard::Silence, Heard::App)),
            recv(self.keyboard) -> event => Ok(heard(event.map_err(std::io::Error::other)??)),
            recv(self.signals) -> signal => Ok(signal.map_or(Heard::Nothing, Heard::Signal)),
            recv(patience) -> _ => Ok(Heard::Nothing),
        }
    }

    /// What has been heard already.
    fn next(&self) -> Result<Option<Heard>> {
        select! {
            recv(self.worker) -> event => Ok(Some(event.map_or(Heard::Silence, Heard::App))),
            recv(self.keyboard) -> event => Ok(Some(heard(event.map_err(std::io::Error::other)??))),
            recv(self.signals) -> signal => Ok(Some(signal.map_or(Heard::Nothing, Heard::Signal))),
            default => Ok(None),
        }
    }
}

fn heard(event: keyboard::Event) -> Heard {
    match event {
        keyboard::Event::Key(key) => Heard::App(Event::Key(key)),
        keyboard::Event::Paste(text) => Heard::App(Event::Paste(text)),
        keyboard::Event::Resize(width, height) => Heard::App(Event::Resize(Size { width, height })),
        keyboard::Event::FocusGained | keyboard::Event::FocusLost | keyboard::Event::Mouse(_) => {
            Heard::Nothing
        }
    }
}

/// Listens to the keyboard, in a thread that ends with the process: nothing but a key wakes it.
fn listen() -> Result<Receiver<std::io::Result<keyboard::Event>>> {
    // From here on it hears of changes of the size: what it is is asked after that.
    keyboard::poll(Duration::ZERO)?;
    let (sender, receiver) = unbounded();
    thread::Builder::new().name("keyboard".to_owned()).spawn(move || {
        loop {
            let event = keyboard::read();
            let is_over = event.is_err();
            if sender.send(event).is_err() || is_over {
                break;
            }
        }
    })?;
    Ok(receiver)
}
