//! The whole of it, on a screen that is none.

mod drawing;
mod filtering;
mod moving;

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use session_pool::{
    Batch, Change, Cookie, ErrorScore, Fingerprint, Limits, LogEntry, MemoryStore, Payload, PoolEntry,
    PoolNumber, ReadStore, Reason, Retired, Sequence, SessionChange, SessionId, SessionRecord, Store,
    Timestamp,
};

use super::app::{App, Effect, Event, Setting};
use super::data::{self, Data};
use super::look::Look;
use super::{details, draw, query};
use crate::output::Zone;

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);
const MINUTE: Duration = Duration::from_secs(60);
const SECRET: &str = "topsecret";

fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

fn record() -> SessionRecord {
    SessionRecord {
        created_at: NOW.minus(MINUTE * 60),
        expires_at: NOW.plus(MINUTE * 30),
        last_used_at: None,
        resting_until: None,
        usage_count: 0,
        error_count: 0,
        error_score: ErrorScore::default(),
        limits: Limits {
            max_usage_count: 50,
            max_concurrent_uses: Limits::UNLIMITED,
            max_error_score: ErrorScore::from_thousandths(3_000),
            error_score_decrement: ErrorScore::from_thousandths(500),
        },
        retired: None,
    }
}

fn retired(reason: Reason, ago: Duration) -> SessionRecord {
    let retired = Some(Retired { reason, at: NOW.minus(ago) });
    SessionRecord { usage_count: 7, error_count: 2, retired, ..record() }
}

/// A store that is made by hand.
#[derive(Default)]
struct Made {
    store: MemoryStore,
    pools: Vec<PoolEntry>,
}

impl Made {
    fn pool(&mut self, name: &str) -> &mut Self {
        let number = PoolNumber(u32::try_from(self.pools.len()).unwrap() + 1);
        self.pools.push(PoolEntry::new(number, name.parse().unwrap()));
        self.commit(Vec::new())
    }

    /// A session of the last pool.
    fn session(&mut self, name: &str, record: SessionRecord, payload: Payload) -> &mut Self {
        let pool = self.pools.last_mut().unwrap();
        let retirement = record.retired.map(|_| {
            pool.last_sequence = pool.last_sequence.next();
            pool.last_sequence
        });
        let (pool, id, payload) = (pool.number, id(name), Some(Arc::new(payload)));
        let change = SessionChange { pool, id, record, is_new: true, payload, retirement };
        self.commit(vec![Change::Session(change)])
    }

    /// The retirement of a session that is forgotten.
    fn forgotten(&mut self, name: &str, record: SessionRecord) -> &mut Self {
        let pool = self.pools.last_mut().unwrap();
        pool.last_sequence = pool.last_sequence.next();
        let (number, sequence) = (pool.number, pool.last_sequence);
        let entry = LogEntry::of(id(name), &record).unwrap();
        self.commit(vec![Change::LogEntry { pool: number, sequence, entry }])
    }

    fn commit(&mut self, mut changes: Vec<Change>) -> &mut Self {
        changes.push(Change::Pool(self.pools.last().unwrap().clone()));
        self.store.commit(&Batch { changes }).unwrap();
        self
    }
}

fn secrets() -> Payload {
    let mut payload =
        Payload { cookies: vec![Cookie::new("sid", SECRET, "shop.example")], ..Payload::default() };
    payload.user_data.set("token", SECRET).unwrap();
    payload.proxy = Some(format!("http://user:{SECRET}@proxy.example:8000").parse().unwrap());
    let headers = [("User-Agent", "Mozilla/5.0"), ("X-Api-Key", SECRET)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    payload.fingerprint = Some(Fingerprint { headers, ..Fingerprint::default() });
    payload
}

/// Two pools; sessions in every state.
fn made() -> Made {
    let mut made = Made::default();
    made.pool("news.example")
        .session("quiet", record(), Payload::default())
        .session(
            "Weary",
            SessionRecord { resting_until: Some(NOW.plus(MINUTE * 5)), ..record() },
            Payload::default(),
        )
        .session("stale", SessionRecord { expires_at: NOW.minus(MINUTE), ..record() }, Payload::default());
    let busy = SessionRecord {
        usage_count: 40,
        error_count: 10,
        error_score: ErrorScore::from_thousandths(2_500),
        last_used_at: Some(NOW.minus(MINUTE)),
        ..record()
    };
    made.pool("shop.example")
        .session("busy", busy, secrets())
        .session("blocked1", retired(Reason::Blocked, MINUTE * 10), Payload::default())
        .session("blocked2", retired(Reason::Blocked, MINUTE * 11), Payload::default())
        .session("usedup", retired(Reason::Exhausted, MINUTE * 40), Payload::default())
        .session("old", retired(Reason::Expired, MINUTE * 50), Payload::default())
        .session("burnt", retired(Reason::Retired, MINUTE * 55), Payload::default())
        .forgotten("gone", retired(Reason::Expired, MINUTE * 58));
    made
}

/// Somebody who sits before the screen.
struct Person {
    app: App,
    data: Arc<Data>,
    store: Box<dyn ReadStore>,
    has_quit: bool,
    /// What was asked for and is not answered yet: while it is held back.
    held: Vec<Event>,
    holds: bool,
}

const LOOK: Look = Look { has_colours: true, has_unicode: true };

impl Person {
    fn at(store: impl ReadStore + 'static, width: u16, height: u16) -> Self {
        Self::with_look(store, width, height, LOOK)
    }

    fn with_look(store: impl ReadStore + 'static, width: u16, height: u16, look: Look) -> Self {
        let setting = Setting { title: "a/store".to_owned(), look, zone: Zone::Utc, now: NOW };
        let data = data::read(&store, NOW, &mut |_| std::ops::ControlFlow::Continue(())).unwrap().unwrap();
        let (app, data) = (App::new(setting, Size { width, height }), Arc::new(data));
        let mut person =
            Self { app, data, store: Box::new(store), has_quit: false, held: Vec::new(), holds: false };
        person.take(Event::Loaded(Arc::clone(&person.data)));
        person
    }

    fn take(&mut self, event: Event) {
        for effect in self.app.handle(event) {
            let answer = match effect {
                Effect::Find(asked) => Event::Found(query::run(&self.data, &asked, NOW, &|| true).unwrap()),
                Effect::Read(target) => {
                    Event::Read(Box::new(details::read(&*self.store, &self.data, target)))
                }
                Effect::Quit => {
                    self.has_quit = true;
                    continue;
                }
                Effect::Suspend => continue,
            };
            if self.holds { self.held.push(answer) } else { self.take(answer) }
        }
    }

    fn press(&mut self, code: KeyCode) -> &mut Self {
        self.take(Event::Key(KeyEvent::from(code)));
        self
    }

    fn press_control(&mut self, c: char) -> &mut Self {
        self.take(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)));
        self
    }

    fn types(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.press(KeyCode::Char(c));
        }
        self
    }

    fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.take(Event::Resize(Size { width, height }));
        self
    }

    fn drawn(&self) -> (Buffer, Option<(u16, u16)>) {
        let Size { width, height } = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut cursor = None;
        let _ = terminal.draw(|frame| draw::draw(frame, &self.app)).unwrap();
        if terminal.backend().cursor_visible() {
            let position = terminal.get_cursor_position().unwrap();
            cursor = Some((position.x, position.y));
        }
        (terminal.backend().buffer().clone(), cursor)
    }

    /// The lines of the screen, without the blanks at their ends.
    fn sees(&self) -> Vec<String> {
        lines(&self.drawn().0)
    }

    fn text(&self) -> String {
        self.sees().join("\n")
    }

    /// The first words of the rows of the list in sight.
    fn rows(&self) -> Vec<String> {
        let areas = super::layout::areas(self.app.size, self.app.view).unwrap();
        let rows = usize::from(areas.rows.y)..usize::from(areas.rows.bottom());
        let first = |line: &String| line.split_whitespace().next().unwrap_or_default().to_owned();
        self.sees()[rows].iter().map(first).take_while(|word| !word.is_empty()).collect()
    }
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width).max(1);
    let rows = buffer.content.chunks(width);
    rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned())
        .collect()
}
