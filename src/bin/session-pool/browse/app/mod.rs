//! What is browsed and where one is: events in, state out. Nothing here reads a store or draws.

mod cursor;
mod keys;
mod line_edit;
mod list;
mod opened;

use std::sync::Arc;

use crossterm::event::KeyEvent;
use ratatui::layout::Size;
use session_pool::Timestamp;

use self::cursor::Step;
use self::line_edit::Edit;
pub(super) use self::list::List;
pub(super) use self::opened::Opened;
use super::chart::Chart;
use super::data::{Data, PoolIndex, Progress};
use super::details::{Details, Target};
use super::draw::chart_columns;
use super::filter::Subject;
use super::layout;
use super::look::Look;
use super::page::PageOptions;
use super::query::{Answer, Query, at};
use crate::output::Zone;

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Pools,
    Sessions,
    Session,
    Log,
}

impl View {
    pub(super) const ALL: [Self; 4] = [Self::Pools, Self::Sessions, Self::Session, Self::Log];

    /// What it is called.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pools => "Pools",
            Self::Sessions => "Sessions",
            Self::Session => "Session",
            Self::Log => "Retirements",
        }
    }
}

/// What lies over a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlay {
    /// What the keys do, from this line on.
    Help(usize),
    /// An id, alone on its line.
    Id(Target),
}

/// What happens.
#[derive(Debug)]
pub(super) enum Event {
    Key(KeyEvent),
    Paste(String),
    Resize(Size),
    /// Reading goes on.
    Progress(Progress),
    Loaded(Arc<Data>),
    Found(Answer),
    Read(Box<Details>),
}

/// What is to be done besides.
#[derive(Debug)]
pub(super) enum Effect {
    Find(Query),
    Read(Target),
    Quit,
    /// Stops the process, as Ctrl-Z does.
    Suspend,
}

/// What is shown besides the data.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// What is browsed, as it may be shown.
    pub(super) title: String,
    pub(super) look: Look,
    pub(super) zone: Zone,
    /// All that is relative is told from this time on.
    pub(super) now: Timestamp,
}

/// The whole state of the interface.
#[derive(Debug)]
pub(super) struct App {
    pub(super) setting: Setting,
    pub(super) size: Size,
    /// `None` until all is read.
    pub(super) data: Option<Arc<Data>>,
    pub(super) progress: Progress,
    pub(super) view: View,
    pub(super) pools: List,
    pub(super) sessions: List,
    pub(super) log: List,
    /// The pool that sessions and retirements are shown of; `None` for all of them.
    pub(super) pool: Option<PoolIndex>,
    pub(super) chart: Option<Chart>,
    pub(super) opened: Option<Opened>,
    pub(super) overlay: Option<Overlay>,
    /// What there is to say, until the next key.
    pub(super) message: Option<&'static str>,
}

impl App {
    pub(super) fn new(setting: Setting, size: Size) -> Self {
        Self {
            setting,
            size,
            data: None,
            progress: Progress::default(),
            view: View::Pools,
            pools: List::new(Subject::Pools),
            sessions: List::new(Subject::Sessions),
            log: List::new(Subject::Log),
            pool: None,
            chart: None,
            opened: None,
            overlay: None,
            message: None,
        }
    }

    /// Takes what happened, and answers what is to be done.
    pub(super) fn handle(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(size) => self.resize(size),
            Event::Progress(progress) => {
                self.progress = progress;
                Vec::new()
            }
            Event::Loaded(data) => {
                self.data = Some(data);
                [Subject::Pools, Subject::Sessions, Subject::Log]
                    .map(|subject| self.find(subject, false))
                    .into()
            }
            Event::Found(answer) => self.found(answer),
            Event::Read(details) => {
                if let Some(opened) = &mut self.opened {
                    opened.take(details);
                }
                self.lay_out();
                Vec::new()
            }
        }
    }

    /// The list in sight, if it is one.
    pub(super) fn list(&self) -> Option<&List> {
        match self.view {
            View::Pools => Some(&self.pools),
            View::Sessions => Some(&self.sessions),
            View::Log => Some(&self.log),
            View::Session => None,
        }
    }

    fn list_of(&mut self, subject: Subject) -> &mut List {
        match subject {
            Subject::Pools => &mut self.pools,
            Subject::Sessions => &mut self.sessions,
            Subject::Log => &mut self.log,
        }
    }

    /// The subject of the list in sight, if it is one.
    fn subject(&self) -> Option<Subject> {
        self.list().map(|list| list.subject)
    }

    /// How many rows a view has on the screen.
    fn height(&self, view: View) -> usize {
        layout::areas(self.size, view).map_or(1, |areas| areas.rows.height.into())
    }

    /// Asks for the rows of a list. With `stay`, the chosen one stays chosen.
    fn find(&mut self, subject: Subject, stay: bool) -> Effect {
        let columns = chart_columns(self.size.width);
        let pool = if subject == Subject::Pools { None } else { self.pool };
        Effect::Find(self.list_of(subject).ask(pool, columns, stay))
    }

    fn found(&mut self, mut answer: Answer) -> Vec<Effect> {
        let view = match answer.subject {
            Subject::Pools => View::Pools,
            Subject::Sessions => View::Sessions,
            Subject::Log => View::Log,
        };
        let height = self.height(view);
        if self.list_of(answer.subject).take(&mut answer, height) && answer.chart.is_some() {
            self.chart = answer.chart;
        }
        Vec::new()
    }

    fn resize(&mut self, size: Size) -> Vec<Effect> {
        let is_wider = size.width != self.size.width;
        self.size = size;
        for (subject, view) in
            [(Subject::Pools, View::Pools), (Subject::Sessions, View::Sessions), (Subject::Log, View::Log)]
        {
            let height = self.height(view);
            let list = self.list_of(subject);
            let length = list.rows.len();
            list.cursor.fit(length, height);
        }
        self.lay_out();
        // The chart has as many stretches as there are columns.
        if is_wider && self.data.is_some() { vec![self.find(Subject::Log, true)] } else { Vec::new() }
    }

    /// Makes the page of the session anew.
    fn lay_out(&mut self) {
        let height = self.height(View::Session);
        let Setting { look, zone, now, .. } = self.setting;
        if let (Some(opened), Some(data)) = (&mut self.opened, &self.data) {
            let pool = data.pool_name(opened.target.pool);
            let width = self.size.width.into();
            opened.lay_out(PageOptions { width, look, zone, now, pool, revealed: false }, height);
        }
    }

    /// The session that is chosen in a list of sessions or retirements.
    fn target(&self, subject: Subject) -> Option<Target> {
        let data = self.data.as_deref()?;
        match subject {
            Subject::Pools => None,
            Subject::Sessions => {
                at(&data.sessions, self.sessions.chosen()?).map(|row| Target { pool: row.pool, id: row.id })
            }
            Subject::Log => {
                at(&data.log, self.log.chosen()?).map(|row| Target { pool: row.pool, id: row.entry.id })
            }
        }
    }

    /// Opens the session that is chosen in a list.
    fn open(&mut self, from: Subject) -> Vec<Effect> {
        let Some(target) = self.target(from) else { return Vec::new() };
        self.view = View::Session;
        self.opened = Some(Opened::new(target, from));
        vec![Effect::Read(target)]
    }

    /// Shows sessions and retirements of one pool, or of all.
    fn set_pool(&mut self, pool: Option<PoolIndex>) -> Vec<Effect> {
        if pool == self.pool {
            return Vec::new();
        }
        self.pool = pool;
        [Subject::Sessions, Subject::Log].map(|subject| self.find(subject, false)).into()
    }

    fn step(&mut self, step: Step) {
        let height = self.height(self.view);
        match (self.subject(), &mut self.opened) {
            (Some(subject), _) => self.list_of(subject).step(step, height),
            (None, Some(opened)) => opened.scroll(step, height),
            (None, None) => {}
        }
    }

    /// Changes the filter of the list in sight.
    fn edit(&mut self, subject: Subject, edit: Edit) -> Vec<Effect> {
        if self.list_of(subject).edit(edit) { vec![self.find(subject, true)] } else { Vec::new() }
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        let Some(subject) = self.subject().filter(|subject| self.list_of(*subject).is_edited()) else {
            self.message = Some("nothing is pasted but into a filter: / begins one");
            return Vec::new();
        };
        let mut effects = Vec::new();
        // The last one counts.
        for c in text.chars() {
            effects.extend(self.edit(subject, Edit::Insert(c)).pop());
        }
        effects.pop().into_iter().collect()
    }
}
