//! The terminal interface, as a real process in a pseudo-terminal.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};
use session_pool::{Cookie, Growth, SessionOptions, SessionPool};

use crate::support::{Place, engine, named};

/// So long a screen may take, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store with two pools, a secret, and names that would act on a terminal.
fn store() -> (Place, String) {
    let place = Place::disk();
    let sessions = place.open_store();
    let open =
        |name: &str| SessionPool::builder().name(name).growth(Growth::Manual).open_in(&sessions).unwrap();
    let (shop, evil) = (open("shop.example"), open("evil\u{202e}東京"));
    let cookie = Cookie::new("sid\u{1b}[2J", "topsecret", "shop.example");
    let _ = shop.add(named("alive").user_data("token", "topsecret").cookie(cookie)).unwrap();
    let _ = shop.add(named("burnt")).unwrap().retire().unwrap();
    let _ = shop.add(SessionOptions { max_error_score: 1.0, ..named("blocked") }).unwrap().fail().unwrap();
    let _ = evil.add(named("other")).unwrap();
    drop((shop, evil, sessions));
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

/// The tool on a terminal, and what is on its screen.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    // Open, so that the terminal stays when the tool has ended.
    _slave: Box<dyn SlavePty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    child: Box<dyn Child + Send + Sync>,
    /// All that was written.
    written: Vec<u8>,
}

impl Terminal {
    fn new(arguments: &[&str], columns: u16, rows: u16, environment: &[(&str, &str)]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_session-pool"));
        command.args(arguments);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LC_CTYPE", "LANG"] {
            command.env_remove(name);
        }
        for (name, value) in [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")].iter().chain(environment) {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
            _slave: pair.slave,
            output,
            parser: vt100::Parser::new(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap(), 0),
            child,
            written: Vec::new(),
        }
    }

    fn browse(path: &str) -> Self {
        Self::new(&["browse", path, "--utc"], 80, 24, &[])
    }

    /// What `stty` would say.
    fn modes(&self) -> String {
        format!("{:?}", self.master.get_termios().unwrap())
    }

    fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    fn hear(&mut self, wait: Duration) -> Result<(), RecvTimeoutError> {
        let bytes = self.output.recv_timeout(wait)?;
        self.parser.process(&bytes);
        self.written.extend(bytes);
        Ok(())
    }

    /// Waits until the screen is as it should be.
    fn sees(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) -> String {
        let begun = Instant::now();
        while !is_so(self.parser.screen()) {
            let _ = self.hear(Duration::from_millis(50));
            assert!(begun.elapsed() < PATIENCE, "{what} is not to be seen:\n{}", self.screen());
        }
        self.screen()
    }

    fn sees_text(&mut self, text: &str) -> String {
        self.sees(text, |screen| screen.contents().contains(text))
    }

    fn presses(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end, and answers how it ended.
    fn ends(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            let ended = self.child.try_wait().unwrap();
            while self.hear(Duration::from_millis(50)).is_ok() {}
            if let Some(status) = ended {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.screen());
        }
    }

    /// The terminal is as it was before.
    fn assert_restored(&self, modes: &str) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert!(!screen.bracketed_paste(), "pastes are as usual");
        assert_eq!(self.modes(), modes, "the modes are what they were");
    }
}

#[test]
fn it_is_looked_around_in_with_keys_and_quitting_leaves_the_terminal_as_it_was() {
    let (_place, path) = store();
    // Asked before the tool can have changed anything.
    let before = modes_of_a_new_terminal();
    let mut terminal = Terminal::browse(&path);
    let pools = terminal.sees_text("evil\\u{202e}東京");
    assert!(pools.contains("2 pools · 2 live · 2 retired") && pools.contains("shop.example"), "{pools}");
    assert!(terminal.parser.screen().alternate_screen() && terminal.parser.screen().hide_cursor());
    assert_ne!(terminal.modes(), before, "keys come one by one");
    terminal.presses("\x1b[B\r");
    terminal.sees_text("3 sessions · shop.example");
    terminal.presses("/reason:bl");
    let found = terminal.sees_text("1 of 3 sessions");
    assert!(found.contains("blocked") && !found.contains("burnt"), "{found}");
    terminal.sees("where one types", |screen| !screen.hide_cursor());
    terminal.presses("\x1b");
    terminal.sees("all of them", |screen| {
        !screen.contents().contains("1 of 3") && screen.contents().contains("alive")
    });
    terminal.presses("\r");
    let masked = terminal.sees_text("token: ***");
    assert!(masked.contains("sid\\u{1b}[2J") && !masked.contains("topsecret"), "{masked}");
    terminal.presses("r");
    terminal.sees_text("token: topsecret");
    terminal.presses("4");
    terminal.sees_text("2 retirements · shop.example");
    terminal.presses("?");
    terminal.sees_text("Keys: Retirements");
    terminal.presses("xq");
    assert!(terminal.ends().success());
    terminal.assert_restored(&before);
    assert!(!terminal.screen().contains("shop.example"), "nothing of it stays: {}", terminal.screen());
}

/// The modes of a terminal that nobody has touched yet.
fn modes_of_a_new_terminal() -> String {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    format!("{:?}", pair.master.get_termios().unwrap())
}

#[test]
fn a_signal_ends_it_with_the_terminal_as_it_was() {
    let (_place, path) = store();
    let before = modes_of_a_new_terminal();
    for name in ["TERM", "INT", "HUP", "QUIT"] {
        let mut terminal = Terminal::browse(&path);
        terminal.sees_text("2 pools");
        terminal.signal(name);
        let status = terminal.ends();
        assert!(!status.success(), "{name}: it ended as the signal wants: {status:?}");
        terminal.assert_restored(&before);
    }
    // The store was let go of each time.
    assert!(tool(&["stats", &path]).status.success());
}

#[test]
fn it_goes_on_where_it_was_stopped() {
    let (_place, path) = store();
    let before = modes_of_a_new_terminal();
    let mut terminal = Terminal::browse(&path);
    terminal.sees_text("shop.example");
    let here = terminal.modes();
    terminal.signal("STOP");
    // As a shell does to whoever it has stopped.
    terminal.parser.process(b"\x1b[?1049l\x1b[?25h$ ");
    terminal.signal("CONT");
    let back = terminal
        .sees("all of it", |screen| screen.alternate_screen() && screen.contents().contains("q quit"));
    assert!(back.contains("shop.example"), "{back}");
    // Here nobody could continue it, so that it is not stopped.
    terminal.presses("\x1a");
    terminal.presses("2");
    terminal.sees_text("4 sessions");
    assert_eq!(terminal.modes(), here);
    terminal.presses("q");
    assert!(terminal.ends().success());
    terminal.assert_restored(&before);
}

#[test]
fn a_filter_that_is_wrong_is_not_kept_and_what_is_typed_is_no_command() {
    let (_place, path) = store();
    let mut terminal = Terminal::browse(&path);
    terminal.sees_text("2 pools");
    terminal.presses("2/bl");
    terminal.sees_text("1 of 4 sessions");
    terminal.presses("\r/\x15uses>x\r");
    terminal.sees_text("must be a whole number: mend it, or Esc takes it back");
    assert!(!terminal.parser.screen().hide_cursor(), "one types on");
    terminal.presses("q");
    let typed = terminal.sees_text("uses>xq");
    assert!(typed.contains("4 sessions"), "{typed}");
    terminal.presses("\x1b");
    terminal.sees("the former filter", |screen| {
        screen.contents().contains("/ bl") && screen.contents().contains("1 of 4") && screen.hide_cursor()
    });
    terminal.presses("q");
    assert!(terminal.ends().success());
}

#[test]
fn control_c_quits() {
    let (_place, path) = store();
    let before = modes_of_a_new_terminal();
    let mut terminal = Terminal::browse(&path);
    terminal.sees_text("2 pools");
    terminal.presses("\x03");
    assert!(terminal.ends().success());
    terminal.assert_restored(&before);
}

#[test]
fn a_screen_that_changes_its_size_is_drawn_anew() {
    let (_place, path) = store();
    let mut terminal = Terminal::browse(&path);
    terminal.sees_text("2 pools");
    for (columns, rows, says) in [(120, 40, "RESTING"), (20, 5, "too small"), (60, 20, "SHARES")] {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let (new_rows, new_columns) = (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap());
        terminal.parser.screen_mut().set_size(new_rows, new_columns);
        terminal.master.resize(size).unwrap();
        terminal.sees_text(says);
    }
    terminal.presses("q");
    assert!(terminal.ends().success());
}

#[test]
fn without_colours_and_without_unicode_there_are_none() {
    let (_place, path) = store();
    let has_colour = |screen: &vt100::Screen| {
        let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
        cells
            .filter_map(|(row, column)| screen.cell(row, column))
            .any(|cell| cell.fgcolor() != vt100::Color::Default)
    };
    for (environment, has_colours) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        let mut terminal = Terminal::new(&["browse", &path], 80, 24, environment);
        terminal.sees_text("2 pools");
        terminal.presses("2");
        terminal.sees_text("burnt");
        assert_eq!(has_colour(terminal.parser.screen()), has_colours, "{environment:?}");
        terminal.presses("q");
        terminal.ends();
    }
    let mut terminal = Terminal::new(&["browse", &path], 80, 24, &[("LC_ALL", "C")]);
    terminal.sees_text("2 pools - 2 live");
    terminal.presses("/shop");
    terminal.sees_text("1 of 2 pools");
    terminal.presses("\r4");
    terminal.sees_text("2 retirements");
    assert!(terminal.screen().is_ascii(), "{}", terminal.screen());
    terminal.presses("q");
    terminal.ends();
}

#[test]
fn what_cannot_be_read_is_counted_and_the_rest_is_shown() {
    let (place, path) = store();
    let database = engine(&place);
    let sessions = database.open_tree("sessions").unwrap();
    let (key, _) = sessions.iter().map(Result::unwrap).find(|(key, _)| key.ends_with(b"burnt")).unwrap();
    sessions.insert(key, &b"\xff\xff"[..]).unwrap();
    database.flush().unwrap();
    drop((sessions, database));
    let mut terminal = Terminal::browse(&path);
    let text = terminal.sees_text("1 unreadable item is left out");
    assert!(text.contains("2 pools · 2 live · 1 retired"), "{text}");
    terminal.presses("q");
    assert!(terminal.ends().success());
}

fn tool(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-pool"));
    command.args(arguments).env("TERM", "xterm").stdin(Stdio::null()).output().unwrap()
}

#[test]
fn without_a_terminal_it_says_so_in_one_line() {
    let (_place, path) = store();
    for (arguments, says) in [
        (&["browse", &path][..], "browse needs a terminal, and stdout is none"),
        (&["browse", &path, "--format", "json"], "browse has no --format"),
    ] {
        let output = tool(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.starts_with(&format!("session-pool: {says}")), "{message}");
        assert_eq!((message.lines().count(), output.stdout.len()), (1, 0), "{message}");
    }
    let mut terminal = Terminal::new(&["browse", &path], 80, 24, &[("TERM", "dumb")]);
    assert_eq!(terminal.ends().exit_code(), 2);
    assert!(terminal.screen().contains("TERM is dumb"), "{}", terminal.screen());
}

#[test]
fn what_is_wrong_with_the_store_is_said_before_the_terminal_is_touched() {
    let (place, path) = store();
    let missing = format!("{path}.missing");
    let pool = place.open(|builder| builder);
    for (path, code, says) in [(&missing, 3, "there is no session store"), (&path, 4, "is in use")] {
        let mut terminal = Terminal::browse(path);
        assert_eq!(terminal.ends().exit_code(), code);
        assert!(terminal.screen().contains(says), "{}", terminal.screen());
        assert!(!terminal.written.contains(&0x1b), "{:?}", String::from_utf8_lossy(&terminal.written));
    }
    drop(pool);
}
