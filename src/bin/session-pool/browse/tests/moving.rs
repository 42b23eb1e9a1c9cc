//! What the keys do.

use super::*;

#[test]
fn the_first_view_is_the_pools_and_enter_goes_in_and_escape_goes_back() {
    let mut person = Person::at(made().store, 80, 24);
    assert_eq!(person.rows(), ["news.example", "shop.example"]);
    person.press(KeyCode::Down).press(KeyCode::Enter);
    assert_eq!(person.rows(), ["blocked1", "blocked2", "burnt", "busy", "old", "usedup"]);
    assert!(person.text().contains("6 sessions · shop.example"), "{}", person.text());
    person.types("jjj").press(KeyCode::Enter);
    assert!(person.text().contains("id          busy"), "{}", person.text());
    person.press(KeyCode::Esc);
    assert_eq!(person.app.sessions.cursor.at, 3, "one is where one was");
    person.press(KeyCode::Esc);
    assert_eq!(person.rows(), ["news.example", "shop.example"]);
    person.types("2");
    assert_eq!(person.rows().len(), 9, "of all pools again");
}

#[test]
fn tab_and_numbers_go_from_view_to_view() {
    let mut person = Person::at(made().store, 80, 24);
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(person.app.view.word());
        person.press(KeyCode::Tab);
    }
    assert_eq!(seen, ["Pools", "Sessions", "Session", "Retirements", "Pools"]);
    for (key, view) in [('4', "Retirements"), ('2', "Sessions"), ('3', "Session"), ('1', "Pools")] {
        assert_eq!(person.press(KeyCode::Char(key)).app.view.word(), view);
    }
    person.press(KeyCode::BackTab);
    assert_eq!(person.app.view.word(), "Retirements");
}

#[test]
fn tab_passes_over_the_session_where_there_is_none() {
    let mut person = Person::at(MemoryStore::default(), 80, 24);
    person.press(KeyCode::Tab).press(KeyCode::Tab);
    assert_eq!(person.app.view.word(), "Retirements");
    person.types("3");
    assert!(person.text().contains("no session is chosen"), "{}", person.text());
}

#[test]
fn a_list_is_gone_through_by_rows_by_screens_and_to_its_ends() {
    let mut many = Made::default();
    many.pool("p");
    for number in 0..100 {
        many.session(&format!("s{number:02}"), record(), Payload::default());
    }
    let mut person = Person::at(many.store, 80, 24);
    person.types("2G");
    assert_eq!(person.rows().last().unwrap(), "s99");
    person.types("kk").press(KeyCode::PageUp).press(KeyCode::PageUp);
    let height = person.rows().len();
    assert_eq!(person.app.sessions.cursor.at, 97 - 2 * (height - 1));
    person.types("g").press(KeyCode::PageDown).press_control('f').press_control('b');
    assert_eq!(person.app.sessions.cursor.at, height - 1);
    person.press(KeyCode::End).press(KeyCode::Home).press(KeyCode::Up);
    assert_eq!((person.app.sessions.cursor.at, person.rows()[0].as_str()), (0, "s00"));
}

#[test]
fn s_sorts_by_the_next_column_and_capital_s_turns_it_round() {
    let mut person = Person::at(made().store, 80, 24);
    person.press(KeyCode::Down).press(KeyCode::Enter).types("s");
    assert_eq!(person.rows(), ["busy", "blocked1", "blocked2", "usedup", "old", "burnt"], "by state");
    person.types("s");
    assert_eq!(person.rows()[0], "busy", "by uses, the most first");
    person.types("S");
    assert_eq!(person.rows()[5], "busy");
    person.types("sss");
    assert_eq!(person.rows(), ["burnt", "old", "usedup", "blocked2", "blocked1", "busy"], "by end");
    assert!(person.text().contains("by end▲"), "{}", person.text());
    person.types("4s");
    assert_eq!(person.app.log.order.by.word(super::super::filter::Subject::Log), "reason");
    person.types("1s");
    assert_eq!(person.rows(), ["news.example", "shop.example"], "by live ones, the most first");
    for _ in 0..20 {
        person.types("s").text();
    }
}

#[test]
fn secrets_are_masked_until_they_are_asked_for_and_again_when_one_goes_away() {
    let mut person = Person::at(made().store, 100, 40);
    person.types("2/busy").press(KeyCode::Enter).press(KeyCode::Enter);
    let masked = person.text();
    assert!(!masked.contains(SECRET) && masked.contains("http://user:***@proxy.example:8000"), "{masked}");
    assert!(masked.contains("sid") && masked.contains("token: ***"), "{masked}");
    assert!(masked.contains("X-Api-Key: ***") && masked.contains("User-Agent: Mozilla/5.0"), "{masked}");
    let shown = person.types("r").text();
    assert_eq!(shown.matches(SECRET).count(), 4, "{shown}");
    assert!(!person.types("r").text().contains(SECRET), "r hides them again");
    person.types("r").types("1").types("3");
    assert!(!person.text().contains(SECRET), "{}", person.text());
    person.types("r").press(KeyCode::Esc).press(KeyCode::Enter);
    assert!(!person.text().contains(SECRET), "{}", person.text());
    person.types("r2").press(KeyCode::Esc).types("r");
    assert!(!person.text().contains(SECRET), "no list shows any");
}

#[test]
fn the_other_sessions_of_a_list_are_one_key_away_and_masked() {
    let mut person = Person::at(made().store, 80, 24);
    person.press(KeyCode::Down).press(KeyCode::Enter).press(KeyCode::Enter).types("r");
    person.press(KeyCode::Right).press(KeyCode::Right).press(KeyCode::Right);
    assert!(
        person.text().contains("id          busy") && !person.text().contains(SECRET),
        "{}",
        person.text()
    );
    person.press(KeyCode::Left);
    assert!(person.text().contains("id          burnt"), "{}", person.text());
    person.press(KeyCode::Left).press(KeyCode::Left).press(KeyCode::Left);
    assert!(person.text().contains("there are no more"), "{}", person.text());
}

#[test]
fn y_shows_the_whole_id_alone_on_its_line() {
    let long = "0123456789abcdef0123456789ABCDEF0123456789._~56789";
    let mut store = Made::default();
    store.pool("p").session(long, record(), Payload::default());
    let mut person = Person::at(store.store, 60, 20);
    person.types("2");
    assert!(!person.text().contains(long), "it is cut in the list");
    person.types("y");
    assert!(person.sees().iter().any(|line| line == long), "{}", person.text());
    person.types("x");
    assert!(person.app.overlay.is_none() && !person.has_quit, "any key goes back");
    person.press(KeyCode::Enter).types("yq");
    assert!(!person.has_quit);
    person.types("1y");
    assert!(person.text().contains("no session is chosen"), "{}", person.text());
}

#[test]
fn what_was_opened_from_the_log_is_shown_as_far_as_it_is_kept() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("4G");
    assert!(person.text().contains("gone"), "{}", person.text());
    person.press(KeyCode::Enter);
    let text = person.text();
    assert!(text.contains("forgotten") && text.contains("expired") && text.contains("58 min ago"), "{text}");
    person.press(KeyCode::Left);
    let text = person.text();
    assert!(text.contains("id          burnt") && text.contains("number 5 of its pool"), "{text}");
    person.press(KeyCode::Esc);
    assert_eq!(person.app.view.word(), "Retirements");
}

#[test]
fn q_and_control_c_quit_but_not_where_text_is_typed() {
    for view in ['1', '2', '3', '4'] {
        let mut person = Person::at(made().store, 80, 24);
        person.types("2").press(KeyCode::Char(view)).types("q");
        assert!(person.has_quit, "{view}");
    }
    let mut person = Person::at(made().store, 80, 24);
    person.types("/q");
    assert!(!person.has_quit);
    person.press_control('c');
    assert!(person.has_quit);
}

#[test]
fn escape_and_a_key_that_come_together_are_both_of_them() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("2").press(KeyCode::Enter);
    person.take(Event::Key(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::ALT)));
    assert_eq!((person.app.view.word(), person.app.sessions.cursor.at), ("Sessions", 1));
}

#[test]
fn nothing_is_pasted_but_into_a_filter() {
    let mut person = Person::at(made().store, 80, 24);
    person.types("2");
    person.take(Event::Paste("q\nq".to_owned()));
    assert!(!person.has_quit && person.text().contains("nothing is pasted"), "{}", person.text());
    person.types("/");
    person.take(Event::Paste("\u{1b}bl\noc\u{202e}ked".to_owned()));
    assert_eq!(person.app.sessions.line.text(), "blocked");
    assert_eq!(person.rows(), ["blocked1", "blocked2"]);
}

#[test]
fn while_it_is_read_one_sees_how_far_it_is_and_can_give_up() {
    let setting = Setting { title: "a/store".to_owned(), look: LOOK, zone: Zone::Utc, now: NOW };
    let mut app = App::new(setting, Size::new(80, 24));
    app.handle(Event::Progress(data::Progress { sessions: 431_204, log: 12_031 }));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let _ = terminal.draw(|frame| draw::draw(frame, &app)).unwrap();
    let text = lines(terminal.backend().buffer()).join("\n");
    assert!(text.contains("reading: 431,204 sessions") && text.contains("12,031 retirements"), "{text}");
    assert!(app.handle(Event::Key(KeyEvent::from(KeyCode::Char('s')))).is_empty());
    assert!(app.handle(Event::Resize(Size::new(60, 20))).is_empty());
    assert!(matches!(app.handle(Event::Key(KeyEvent::from(KeyCode::Char('q'))))[..], [Effect::Quit]));
}

#[test]
fn reading_is_given_up_when_nobody_waits_for_it() {
    let mut many = Made::default();
    many.pool("p");
    for number in 0..5000 {
        many.session(&format!("s{number}"), record(), Payload::default());
    }
    let read = data::read(&many.store, NOW, &mut |_| std::ops::ControlFlow::Break(())).unwrap();
    assert!(read.is_none());
}
