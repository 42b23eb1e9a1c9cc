//! What the screen looks like.

use ratatui::style::{Color, Modifier};
use session_pool::{Fingerprint, StoreError, Visitor};

use super::*;
use crate::output::escape;

const SIZES: [(u16, u16); 5] = [(80, 24), (60, 20), (40, 8), (200, 50), (20, 5)];

/// What a site, a user and a file name can bring along.
const HOSTILE: [&str; 6] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{202e}gnp.exe\u{2066}\u{61c}",
    "東京の店の名前がとても長いので切られる",
    "z\u{200b}w\u{200d}j\u{feff}",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}a\u{336}",
    "👩‍👩‍👧‍👦🇩🇪❤️",
];

fn hostile() -> Made {
    let mut made = Made::default();
    for text in HOSTILE {
        let name: String = text.chars().filter(|c| !c.is_control()).collect();
        made.pool(&name);
        let mut payload = secrets();
        payload.cookies.push(Cookie { path: text.to_owned(), ..Cookie::new(text, text, text) });
        payload.cookies.push(Cookie { partition_key: Some(text.to_owned()), ..Cookie::new("", "", "") });
        payload.user_data.set(text, serde_json::json!({ text: [text, 1, null] })).unwrap();
        let attributes = [(text.to_owned(), text.into())].into_iter().collect();
        payload.fingerprint =
            Some(Fingerprint { headers: vec![(text.to_owned(), text.repeat(50))], attributes });
        let all_numbers = SessionRecord {
            created_at: Timestamp::MIN,
            expires_at: Timestamp::MAX,
            last_used_at: Some(Timestamp::MAX),
            resting_until: Some(Timestamp::MAX),
            usage_count: u32::MAX,
            error_count: u32::MAX,
            error_score: ErrorScore::from_thousandths(u32::MAX),
            ..record()
        };
        let ended = SessionRecord {
            retired: Some(Retired { reason: Reason::Blocked, at: Timestamp::MIN }),
            ..all_numbers
        };
        made.session("live", all_numbers, payload).session("ended", ended, Payload::default());
        made.forgotten(
            "long.gone",
            SessionRecord {
                retired: Some(Retired { reason: Reason::Expired, at: Timestamp::MAX }),
                ..all_numbers
            },
        );
    }
    made
}

/// No cell has anything that acts on a terminal.
fn assert_harmless(buffer: &Buffer) {
    for cell in &buffer.content {
        assert_eq!(escape(cell.symbol()), cell.symbol(), "{:?}", cell.symbol());
    }
}

#[test]
fn the_pools_are_counted_and_the_chosen_one_is_taken_apart() {
    let text = Person::at(made().store, 80, 24).text();
    for line in [
        "2 pools · 4 live · 5 retired · by name▲",
        "news.example                  3          0  █",
        "shop.example                  1          5  █",
        "── news.example ──",
        "live                3   100%  █",
        "1 resting · 1 expired · the next expires in 30 min",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_session_is_shown_with_all_that_is_known_of_it() {
    let mut person = Person::at(made().store, 80, 30);
    person.types("2/busy").press(KeyCode::Enter).press(KeyCode::Enter);
    let text = person.text();
    for line in [
        "pool        shop.example",
        "state       live",
        "usable      yes",
        "uses        40 of 50",
        "errors      10 (25.0% of its uses)",
        "score       2.5 of 3; a good use takes 0.5 off",
        "at once     no limit",
        "created     2026-03-01 11:00:00Z (1 h ago)",
        "last use    2026-03-01 11:59:00Z (1 min ago)",
        "expires     2026-03-01 12:30:00Z (in 30 min)",
        "Cookies: 1",
        "User data: 1",
        "X-Api-Key: ***",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for (name, says) in [
        ("weary", "not yet: it rests, and may be used again in 5 min"),
        ("stale", "no: it was too old"),
        ("blocked1", "no: a retired session never comes back"),
        ("blocked1", "retired, blocked: its error score reached the maximum, 10 min ago"),
        ("blocked1", "number 1 of its pool"),
        ("burnt", "the crawler or an operator retired it"),
    ] {
        person
            .types("2")
            .press(KeyCode::Esc)
            .types("2/")
            .types(name)
            .press(KeyCode::Enter)
            .press(KeyCode::Enter);
        assert!(person.text().contains(says), "{name}\n{}", person.text());
    }
}

#[test]
fn retirements_are_charted_by_reason() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("4");
    let text = person.text();
    assert!(text.contains("each column is 1 min") && text.contains("03-01 11:02"), "{text}");
    let blocked = person.sees().into_iter().find(|line| line.starts_with("blocked ")).unwrap();
    assert!(blocked.contains("██") && blocked.ends_with("2        1"), "{blocked}");
    assert_eq!(person.rows()[0], "10", "the last one first");
    assert!(
        person.resize(80, 14).sees().iter().all(|line| !line.contains('█')),
        "no chart where there is no room"
    );
}

#[test]
fn an_empty_store_says_so_in_every_view() {
    let mut one = Made::default();
    one.pool("p");
    for (store, says) in [
        (MemoryStore::default(), ["the store has no pools", "no sessions", "no session was retired yet"]),
        (one.store, ["p  ", "no sessions", "no session was retired yet"]),
    ] {
        let mut person = Person::at(store, 80, 24);
        for (view, says) in ['1', '2', '4'].into_iter().zip(says) {
            let text = person.press(KeyCode::Char(view)).text();
            assert!(text.contains(says), "{view} {says}\n{text}");
        }
        person.press(KeyCode::Enter).types("jGgs S").press(KeyCode::PageDown).press(KeyCode::Left).text();
    }
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let mut person = Person::at(made().store, 20, 5);
    assert!(person.text().contains("too small") && person.text().contains("40x8"), "{}", person.text());
    person.types("2j/b");
    person.resize(40, 8);
    assert!(person.text().contains("blocked1"), "{}", person.text());
    for (width, height) in [(0, 0), (1, 1), (0, 30), (300, 1), (9, 2)] {
        person.resize(width, height).text();
    }
}

#[test]
fn narrow_screens_have_the_columns_that_matter_most() {
    let mut person = Person::at(made().store, 60, 20);
    let heads = |person: &Person| person.sees()[2].clone();
    assert_eq!(
        heads(&person).split_whitespace().collect::<Vec<_>>(),
        ["POOL▲", "LIVE", "RETIRED", "SHARES", "ERRORS"]
    );
    person.types("2");
    assert_eq!(
        heads(&person).split_whitespace().collect::<Vec<_>>(),
        ["ID", "POOL▲", "STATE", "REASON", "USES", "ENDS"]
    );
    person.resize(40, 20);
    assert_eq!(heads(&person).split_whitespace().collect::<Vec<_>>(), ["ID", "STATE", "REASON", "ENDS"]);
    person.resize(200, 50);
    assert!(heads(&person).contains("LAST USE") && heads(&person).contains("CREATED"), "{}", heads(&person));
}

#[test]
fn nothing_that_was_stored_acts_on_the_terminal() {
    for (width, height) in SIZES {
        let mut person = Person::at(hostile().store, width, height);
        person.app.setting.title = super::super::text::clean("/tmp/\u{1b}[31m/東京");
        for view in ['1', '2', '4', '3'] {
            person.press(KeyCode::Char(view));
            for _ in 0..HOSTILE.len() * 3 {
                assert_harmless(&person.drawn().0);
                if view == '3' {
                    person.types("r");
                    for _ in 0..8 {
                        assert_harmless(&person.press(KeyCode::PageDown).drawn().0);
                    }
                    person.press(KeyCode::Right);
                } else {
                    person.types("y").drawn();
                    person.types("yj");
                }
            }
        }
    }
}

#[test]
fn columns_stand_under_their_heads_whatever_is_in_them() {
    let mut person = Person::at(hostile().store, 120, 40);
    person.types("2");
    let (buffer, _) = person.drawn();
    let column = |y: u16, text: &str| {
        let row: Vec<&str> = (0..120).map(|x| buffer[(x, y)].symbol()).collect();
        (0..row.len()).find(|at| row[*at..].concat().starts_with(text))
    };
    let state = column(2, "STATE").unwrap();
    for y in 3..15 {
        let word = column(y, "live").or(column(y, "retired")).unwrap();
        assert!(buffer[(u16::try_from(state).unwrap(), y)].symbol() != " ", "{y}: {word} {state}");
    }
}

#[test]
fn colours_are_the_terminals_own_sixteen_and_none_without_colours() {
    for (has_colours, has_unicode) in [(true, true), (false, true), (false, false)] {
        let look = Look { has_colours, has_unicode };
        let mut person = Person::with_look(made().store, 80, 24, look);
        let mut coloured = 0;
        for keys in ["1", "2", "3", "4", "/uses>x"] {
            let (buffer, _) = person.types(keys).drawn();
            for cell in &buffer.content {
                assert_eq!(cell.bg, Color::Reset);
                let is_named = matches!(cell.fg, Color::Red | Color::Green | Color::Magenta | Color::Cyan);
                assert!(cell.fg == Color::Reset || (is_named && has_colours), "{cell:?}");
                coloured += usize::from(is_named);
                assert!(has_unicode || cell.symbol().is_ascii(), "{cell:?}");
            }
            assert!(
                buffer.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)),
                "one sees where one is"
            );
        }
        assert_eq!(coloured > 0, has_colours);
    }
}

#[test]
fn the_help_is_whole_on_a_usual_screen_and_scrolls_on_a_small_one() {
    for view in ['1', '2', '3', '4'] {
        let mut person = Person::at(made().store, 80, 24);
        let whole = person.press(KeyCode::Char(view)).types("?").sees();
        assert!(whole.iter().any(|line| line.starts_with("Times are told")), "{whole:#?}");
        assert_eq!(whole[23], "any key goes back");
        // On smaller ones, nothing is cut off, and words stay whole.
        let words = |lines: &[String]| {
            lines.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect::<Vec<_>>()
        };
        let all = words(&whole[1..23]);
        for (width, height) in [(60, 20), (40, 12), (40, 8)] {
            person.resize(width, height).types("g");
            let mut seen = Vec::new();
            for _ in 0..200 {
                seen.push(person.sees()[1].clone());
                person.types("j");
            }
            seen.dedup();
            let last = person.sees();
            seen.extend(last[2..last.len() - 1].iter().cloned());
            assert_eq!(words(&seen), all, "{width}");
        }
    }
    let mut person = Person::at(made().store, 40, 12);
    person.types("2?");
    assert!(person.text().contains("scroll") && person.sees()[1].starts_with("1 2 3 4"), "{}", person.text());
    person.types("G").resize(80, 24);
    assert!(
        person.sees()[1].starts_with("1 2 3 4"),
        "a screen that grows shows all it can: {}",
        person.text()
    );
    person.types("q");
    assert!(!person.has_quit && person.app.overlay.is_none());
}

#[test]
fn what_is_said_is_divided_between_words_and_hints_are_whole() {
    for width in [40, 47, 60, 80] {
        let mut person = Person::at(made().store, width, 12);
        for keys in ["1", "2", "3", "4", "2/", "b", "zz"] {
            let line = person.types(keys).sees()[11].clone();
            assert!(!line.contains('…') && !line.is_empty(), "{width} {keys}: {line}");
            if !keys.starts_with(['2', 'b', 'z']) {
                assert!(line.ends_with("? help  q quit"), "{width} {keys}: {line}");
            }
        }
        person.press(KeyCode::Esc).types("r");
        let text = person.text().replace('\n', " ");
        assert!(
            text.contains("lists show no secrets: Enter opens a session, and r shows its secrets there"),
            "{text}"
        );
    }
}

#[test]
fn bars_keep_their_colours_in_the_chosen_row_and_all_else_is_reversed() {
    let person = Person::at(made().store, 80, 24);
    let (buffer, _) = person.drawn();
    let row = |y: u16| (0..80).map(move |x| (x, y));
    let (bars, others): (Vec<_>, Vec<_>) = row(3).partition(|at| buffer[*at].fg != Color::Reset);
    assert!(bars.len() > 5, "{}", person.text());
    assert!(bars.iter().all(|at| !buffer[*at].modifier.contains(Modifier::REVERSED)));
    assert!(others.iter().all(|at| buffer[*at].modifier.contains(Modifier::REVERSED)));
    assert!(row(4).all(|at| !buffer[at].modifier.contains(Modifier::REVERSED)));
}

/// A store whose payloads cannot be read.
struct Faulty(MemoryStore);

impl ReadStore for Faulty {
    fn payload(&self, _pool: PoolNumber, _id: &SessionId) -> Result<Option<Payload>, StoreError> {
        Err(StoreError::Engine { operation: "read", source: "I/O \u{1b}[31m error".into() })
    }

    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
        self.0.visit_pools(visit)
    }

    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.0.record(pool, id)
    }

    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
        self.0.contains(pool, id)
    }

    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: session_pool::State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        self.0.visit_by_state(pool, state, visit)
    }

    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        self.0.visit_sessions(pool, after, visit)
    }

    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, session_pool::State, SessionId)>,
    ) -> Result<(), StoreError> {
        self.0.visit_state_index(visit)
    }

    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError> {
        self.0.visit_expiring(after, until, visit)
    }

    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError> {
        self.0.visit_log(pool, after, visit)
    }
}

#[test]
fn what_cannot_be_read_of_a_session_is_said_and_the_rest_is_shown() {
    let mut person = Person::at(Faulty(made().store), 80, 24);
    person.types("2/busy").press(KeyCode::Enter).press(KeyCode::Enter);
    let text = person.text();
    assert!(text.contains("uses        40 of 50") && text.contains("cannot be read"), "{text}");
    assert!(text.contains("I/O \\u{1b}[31m error"), "{text}");
}

#[test]
fn whatever_is_pressed_and_however_the_screen_grows_and_shrinks_nothing_panics() {
    let mut random = fastrand::Rng::with_seed(11);
    let keys = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::F(3),
        KeyCode::Null,
    ];
    for store in [made(), hostile(), Made::default()] {
        let mut person = Person::at(store.store, 80, 24);
        for _ in 0..4000 {
            let code = match random.u8(..3) {
                0 => keys[random.usize(..keys.len())],
                _ => KeyCode::Char(one_of(&mut random, "12344//sSrry?gGjkhl:>!\"x5m ")),
            };
            let _ = match random.u8(..20) {
                0 => person.resize(random.u16(..130), random.u16(..50)),
                1 => person.press_control(one_of(&mut random, "abdefhuwz")),
                _ => person.press(code),
            };
            if random.u8(..20) == 0 {
                person.take(Event::Paste("state:retired \u{1b} uses>".to_owned()));
            }
            person.drawn();
        }
    }
}

fn one_of(random: &mut fastrand::Rng, characters: &str) -> char {
    characters.chars().nth(random.usize(..characters.len())).unwrap()
}
