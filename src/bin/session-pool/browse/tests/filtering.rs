//! Filters as one types them.

use super::super::filter::{Filter, Subject};
use super::*;

/// The sessions that fit a filter, in the order of the store.
fn found(filter: &str) -> Vec<String> {
    let store = made().store;
    let data = data::read(&store, NOW, &mut |_| std::ops::ControlFlow::Continue(())).unwrap().unwrap();
    let (filter, error) = Filter::parse(filter, Subject::Sessions);
    assert_eq!(error, None);
    let prepared = filter.on(&data, NOW);
    let rows = data.sessions.iter().filter(|row| prepared.has_session(row));
    rows.map(|row| row.id.to_string()).collect()
}

#[test]
fn a_filter_is_words_and_fields_that_must_all_hold() {
    for (filter, ids) in [
        ("busy", &["busy"][..]),
        ("WEARY", &["Weary"]),
        ("weary", &["Weary"]),
        ("news", &["Weary", "quiet", "stale"]),
        ("News.Example st", &["stale"]),
        ("pool:shop old", &["old"]),
        ("id:shop", &[]),
        ("state:live", &["Weary", "quiet", "stale", "busy"]),
        ("state:resting", &["Weary"]),
        ("state:expired", &["stale"]),
        ("state:ret reason:exh", &["usedup"]),
        ("!news !state:retired", &["busy"]),
        ("reason:blocked", &["blocked1", "blocked2"]),
        ("reason:retired", &["burnt"]),
        ("uses>7", &["busy"]),
        ("uses>=7 uses<=7 !reason:blocked", &["burnt", "old", "usedup"]),
        ("uses:40", &["busy"]),
        ("uses=40", &["busy"]),
        ("errors<1 state:live", &["Weary", "quiet", "stale"]),
        ("score>2.499", &["busy"]),
        ("score>2.5", &[]),
        ("expires<29m", &["stale"]),
        ("expires<=30m state:live pool:shop", &["busy"]),
        ("age>61m", &[]),
        ("used<90s", &["busy"]),
        ("retired<10m", &[]),
        ("retired<=11m", &["blocked1", "blocked2"]),
        ("retired>1h", &[]),
        ("\"shop.example\" \"busy\"", &["busy"]),
        ("  ", &["Weary", "quiet", "stale", "blocked1", "blocked2", "burnt", "busy", "old", "usedup"]),
    ] {
        assert_eq!(found(filter), ids, "{filter}");
    }
}

#[test]
fn what_is_wrong_with_a_filter_is_said_where_it_is() {
    for (filter, wrong, says) in [
        ("stat:live", "stat", "no such field here: state reason"),
        ("a host:80", "host", "no such field"),
        ("state:undead", "undead", "must be one of: live resting expired retired"),
        ("state:re", "re", "must be one of"),
        ("reason:ex", "ex", "must be one of"),
        ("state:", "", "one of: live"),
        ("state>live", ">", "no order"),
        ("pool:", "", "missing"),
        ("x uses>", "", "uses>10"),
        ("uses>x y", "x", "whole number"),
        ("uses>-1", "-1", "whole number"),
        ("uses>99999999999", "99999999999", "whole number"),
        ("score>nan", "nan", "0 to 1000000"),
        ("score>-0.1", "-0.1", "0 to 1000000"),
        ("expires<2", "2", "30s 15m 2h 3d 1w"),
        ("expires<h", "h", "30s 15m 2h 3d 1w"),
        ("expires<99999999999d", "99999999999d", "30s"),
        ("expires<2ä", "2ä", "30s"),
        ("age:2h", ":", "age<2h or age>2h"),
        ("a \"b c", "\"b c", "closing quote"),
        ("a !", "!", "missing"),
        ("größe:1 uses>ö", "ö", "whole number"),
    ] {
        let error = Filter::parse(filter, Subject::Sessions).1.unwrap();
        assert_eq!(&filter[error.at.clone()], wrong, "{filter}: {error:?}");
        assert!(error.message.contains(says), "{filter}: {error:?}");
    }
    let error = Filter::parse("state:live", Subject::Log).1.unwrap();
    assert!(error.message.contains("no such field here: reason pool id"), "{error:?}");
    assert!(Filter::parse("uses>1", Subject::Pools).1.is_some());
    assert!(Filter::parse("4294967295w expires<4294967295w", Subject::Sessions).1.is_none());
}

#[test]
fn no_text_breaks_the_reading_of_filters() {
    let mut random = fastrand::Rng::with_seed(3);
    let pieces = [
        "state",
        ":",
        ">",
        "<=",
        "!",
        "\"",
        " ",
        "ä",
        "\u{1f600}",
        "uses",
        "1",
        "2h",
        "\u{301}",
        "reason:",
        "=",
    ];
    for _ in 0..20_000 {
        let text: String = (0..random.usize(..8)).map(|_| pieces[random.usize(..pieces.len())]).collect();
        for subject in [Subject::Pools, Subject::Sessions, Subject::Log] {
            if let Some(error) = Filter::parse(&text, subject).1 {
                assert!(text.get(error.at.clone()).is_some(), "{text}: {error:?}");
            }
        }
    }
}

#[test]
fn a_list_is_filtered_with_each_key() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("2/b");
    assert_eq!(person.rows(), ["blocked1", "blocked2", "burnt", "busy"]);
    person.types("u");
    assert_eq!(person.rows(), ["burnt", "busy"]);
    assert!(person.text().contains("2 of 9 sessions"), "{}", person.text());
    person.press(KeyCode::Backspace);
    assert_eq!(person.rows().len(), 4);
    person.press(KeyCode::Down).press(KeyCode::Enter);
    assert_eq!(person.app.sessions.cursor.at, 1, "one moves while typing");
    assert_eq!(person.sees()[22], "/ b", "it stays in sight");
    person.press(KeyCode::Esc);
    assert_eq!((person.rows().len(), person.app.view.word()), (9, "Sessions"), "Esc takes it away first");
    person.types("/zzz");
    assert!(person.text().contains("nothing fits the filter"), "{}", person.text());
    person.press(KeyCode::Esc);
    assert_eq!(person.rows().len(), 9, "Esc takes back what was typed");
}

#[test]
fn a_wrong_term_is_shown_at_its_place_and_the_others_hold() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("2/reason:blocked uses>x");
    assert_eq!(person.rows(), ["blocked1", "blocked2"]);
    let lines = person.sees();
    assert_eq!(lines[22], "/ reason:blocked uses>x");
    assert_eq!(lines[22].find('x'), lines[23].find('^'), "{}", lines[23]);
    assert!(lines[23].ends_with("^ must be a whole number"), "{}", lines[23]);
    // At the right edge, the message stands before its place.
    person.resize(40, 20);
    let lines = person.sees();
    assert!(lines[19].contains("must be a whole nu"), "{}", lines[19]);
    assert_eq!(
        lines[18].chars().position(|c| c == 'x'),
        lines[19].chars().position(|c| c == '^'),
        "{lines:#?}"
    );
    let (buffer, cursor) = person.drawn();
    assert!(buffer[(22, 18)].modifier.contains(ratatui::style::Modifier::REVERSED));
    assert_eq!(cursor, Some((23, 18)), "one sees where one types");
}

#[test]
fn a_line_longer_than_the_screen_shows_the_place_where_one_types() {
    let mut person = Person::at(made().store, 40, 12);
    person.types("2/").types(&"x".repeat(60)).types("END");
    let lines = person.sees();
    assert!(lines[10].ends_with("END"), "{}", lines[10]);
    person.press(KeyCode::Home);
    assert!(person.sees()[10].starts_with("/ xxx"), "{}", person.sees()[10]);
}

#[test]
fn the_chosen_row_stays_chosen_where_it_is_found_again() {
    let mut person = Person::at(made().store, 80, 24);
    person
        .types("2/example")
        .press(KeyCode::Down)
        .press(KeyCode::Down)
        .press(KeyCode::Down)
        .press(KeyCode::Down);
    assert_eq!(person.rows()[person.app.sessions.cursor.at], "blocked2");
    person.types(" reason:blocked");
    assert_eq!((person.app.sessions.cursor.at, person.rows().len()), (1, 2));
    person.press_control('u');
    assert_eq!(person.rows()[person.app.sessions.cursor.at], "blocked2");
}

#[test]
fn an_answer_that_comes_late_changes_nothing() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("2/");
    person.holds = true;
    person.types("bu");
    assert!(person.text().contains("searching"), "{}", person.text());
    let [first, second] = <[Event; 2]>::try_from(std::mem::take(&mut person.held)).unwrap();
    person.take(second);
    assert_eq!(person.rows(), ["burnt", "busy"]);
    person.take(first);
    assert_eq!(person.rows(), ["burnt", "busy"]);
    assert!(!person.text().contains("searching"));
}

#[test]
fn what_is_no_longer_asked_for_is_given_up() {
    let person = Person::at(made().store, 80, 24);
    let mut app = person.app;
    let effects = app.handle(Event::Key(KeyEvent::from(KeyCode::Char('s'))));
    let [Effect::Find(asked)] = &effects[..] else { panic!("{effects:?}") };
    assert!(query::run(&person.data, asked, NOW, &|| false).is_none());
}

#[test]
fn the_chart_is_of_what_is_found() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("4");
    let total = |person: &Person| Reason::ALL.map(|reason| person.app.chart.as_ref().unwrap().total(reason));
    assert_eq!(total(&person), [2, 1, 2, 1]);
    person.types("/retired<45m");
    assert_eq!((total(&person), person.rows().len()), ([2, 1, 0, 0], 3));
    person.press(KeyCode::Enter).resize(120, 40);
    assert_eq!(total(&person), [2, 1, 0, 0]);
}
