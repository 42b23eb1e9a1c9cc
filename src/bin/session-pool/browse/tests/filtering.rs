//! Filters as one types them.

use super::super::app::View;
use super::super::filter::{Filter, Subject};
use super::super::help;
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
        ("state:ready", &["quiet", "busy"]),
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
        ("expires<29m", &[]),
        ("expires<=30m", &["Weary", "quiet", "busy"]),
        ("!expires<=30m state:live", &["stale"]),
        ("expires>0s", &["Weary", "quiet", "busy"]),
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
        ("stat:live", "stat", "sessions have no such field, but state reason pool id uses"),
        ("a host:80", "host", "have no such field"),
        ("state:undead", "undead", "one of: live ready resting expired retired"),
        ("state:re", "re", "one of"),
        ("reason:ex", "ex", "one of"),
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
    assert!(
        error.message.contains("retirements have no such field, but reason pool id uses errors"),
        "{error:?}"
    );
    let error = Filter::parse("uses>1", Subject::Pools).1.unwrap();
    assert_eq!(error.message, "pools have but a name: shop or pool:shop");
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
    assert!(person.text().contains("nothing fits"), "{}", person.text());
    person.press(KeyCode::Esc);
    assert_eq!(person.rows().len(), 9, "Esc takes back what was typed");
    person.types("/zzz").press(KeyCode::Enter).types("y");
    assert_eq!(person.sees()[22], "no session is chosen", "it is said also where there is a filter");
    person.press(KeyCode::Up);
    assert_eq!(person.sees()[22], "/ zzz");
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
    person.press_control('u').types("reason:exhausted uses>x").resize(40, 20);
    let lines = person.sees();
    assert_eq!(lines[18..], ["/ reason:exhausted uses>x", " must be a whole number ^"]);
    // Where it fits on neither side, it has as many lines as it takes, and is divided between words.
    person.press_control('u').types("reason:blocked state:x").resize(40, 12);
    let lines = person.sees();
    assert_eq!(lines[9], "/ reason:blocked state:x");
    assert_eq!(lines[10..], ["one of: live ready resting expired", "retired"]);
    let (buffer, cursor) = person.drawn();
    assert!(buffer[(23, 9)].modifier.contains(ratatui::style::Modifier::REVERSED));
    assert_eq!(cursor, Some((24, 9)), "one sees where one types");
    // What is missing is marked, too.
    person.press(KeyCode::Backspace);
    assert!(person.drawn().0[(23, 9)].modifier.contains(ratatui::style::Modifier::REVERSED));
}

#[test]
fn enter_keeps_no_filter_that_is_wrong_and_escape_brings_back_the_former_one() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("2/reason:blocked").press(KeyCode::Enter).types("/").press_control('u').types("state:x q");
    person.press(KeyCode::Enter);
    let lines = person.sees();
    assert_eq!(lines[22], "/ state:x q");
    assert!(lines[23].ends_with("expired retired: mend it, or Esc takes it back"), "{}", lines[23]);
    assert_eq!(person.drawn().1, Some((9, 22)), "one types on where it is wrong");
    // What is typed goes into the filter, and is no command.
    person.types("q").press(KeyCode::Enter);
    assert!(!person.has_quit);
    assert_eq!(person.sees()[22], "/ state:xq q");
    person.press(KeyCode::Backspace).press(KeyCode::Backspace).types("ret");
    assert!(person.sees()[23].starts_with("Enter keep"), "{:#?}", person.sees());
    person.types("x").press(KeyCode::Enter).press(KeyCode::Esc);
    assert_eq!(
        (person.rows(), person.app.sessions.line.text()),
        (vec!["blocked1".to_owned(), "blocked2".to_owned()], "reason:blocked")
    );
    person.types("/").press(KeyCode::Enter).types("q");
    assert!(person.has_quit, "what is right is kept, and keys are commands again");
}

#[test]
fn each_screen_offers_what_works_there_and_nothing_else() {
    for (key, subject) in [('1', Subject::Pools), ('2', Subject::Sessions), ('4', Subject::Log)] {
        let mut person = Person::at(made().store, 80, 24);
        person.press(KeyCode::Char(key)).types("/");
        let offered = person.sees()[23].clone();
        for example in help::examples(subject) {
            assert!(offered.contains(example), "{example} in {offered}");
            assert_eq!(Filter::parse(example, subject).1, None, "{example}");
        }
        let help: Vec<String> = help::lines(person.app.view, 80).iter().map(ToString::to_string).collect();
        let filters = help
            .iter()
            .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
            .filter(|filter| !filter.starts_with('"'));
        for filter in filters {
            assert_eq!(Filter::parse(filter, subject).1, None, "{filter}");
        }
    }
    let about = |view| help::lines(view, 80).iter().map(ToString::to_string).collect::<String>();
    assert!(about(View::Sessions).contains("state:live") && !about(View::Log).contains("state:live"));
    assert!(!about(View::Pools).contains("uses>10") && !about(View::Session).contains("filter"));
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
