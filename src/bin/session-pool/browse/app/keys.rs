//! What the keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::super::filter::Subject;
use super::super::help;
use super::cursor::{Cursor, Step};
use super::line_edit::Edit;
use super::{App, Effect, Overlay, View};

impl App {
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            // Over a slow line, Esc and the next key come together, and look like this. Nothing else is done with Alt.
            let mut effects = self.key(KeyEvent::from(KeyCode::Esc));
            effects
                .extend(self.key(KeyEvent { modifiers: key.modifiers.difference(KeyModifiers::ALT), ..key }));
            return effects;
        }
        self.message = None;
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if with_control => return vec![Effect::Quit],
            KeyCode::Char('z') if with_control => return vec![Effect::Suspend],
            _ => {}
        }
        if self.data.is_none() {
            // There is nothing yet but to give up.
            let quits = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
            return if quits { vec![Effect::Quit] } else { Vec::new() };
        }
        if let Some(overlay) = self.overlay {
            self.overlay_key(overlay, key);
            return Vec::new();
        }
        if let Some(subject) = self.subject().filter(|subject| self.list_of(*subject).is_edited()) {
            return self.filter_key(subject, key);
        }
        if let Some(step) = step(key) {
            self.step(step);
            return Vec::new();
        }
        self.view_key(key)
    }

    fn overlay_key(&mut self, overlay: Overlay, key: KeyEvent) {
        self.overlay = match (overlay, step(key)) {
            (Overlay::Help(top), Some(step)) => {
                let height = usize::from(self.size.height).saturating_sub(2);
                let length = help::lines(self.view, self.size.width.into()).len();
                let mut cursor = Cursor { at: top, top };
                cursor.scroll(step, length, height);
                Some(Overlay::Help(cursor.top))
            }
            _ => None,
        };
    }

    fn filter_key(&mut self, subject: Subject, key: KeyEvent) -> Vec<Effect> {
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        let edit = match key.code {
            KeyCode::Enter => {
                if !self.list_of(subject).keep_edit() {
                    self.message = Some("mend it, or Esc takes it back");
                }
                return Vec::new();
            }
            KeyCode::Esc => {
                let asks = self.list_of(subject).give_up_edit();
                return if asks { vec![self.find(subject, true)] } else { Vec::new() };
            }
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                if let Some(step) = step(key) {
                    self.step(step);
                }
                return Vec::new();
            }
            KeyCode::Char('w') if with_control => Edit::DeleteWord,
            KeyCode::Char('u') if with_control => Edit::DeleteToStart,
            KeyCode::Char('a') if with_control => Edit::Start,
            KeyCode::Char('e') if with_control => Edit::End,
            KeyCode::Char('h') if with_control => Edit::Backspace,
            KeyCode::Char(c) if !with_control => Edit::Insert(c),
            KeyCode::Backspace => Edit::Backspace,
            KeyCode::Delete => Edit::Delete,
            KeyCode::Left => Edit::Left,
            KeyCode::Right => Edit::Right,
            KeyCode::Home => Edit::Start,
            KeyCode::End => Edit::End,
            _ => return Vec::new(),
        };
        self.edit(subject, edit)
    }

    fn view_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        match key.code {
            KeyCode::Char('q') => return vec![Effect::Quit],
            KeyCode::Char('1') => return self.go(View::Pools),
            KeyCode::Char('2') => return self.go(View::Sessions),
            KeyCode::Char('3') => return self.go(View::Session),
            KeyCode::Char('4') => return self.go(View::Log),
            KeyCode::Tab => return self.go_on(1),
            KeyCode::BackTab => return self.go_on(View::ALL.len() - 1),
            KeyCode::Enter => return self.enter(),
            KeyCode::Esc | KeyCode::Backspace => return self.back(),
            KeyCode::Char('?') => self.overlay = Some(Overlay::Help(0)),
            KeyCode::Char('y') => self.show_id(),
            _ => {}
        }
        match self.subject() {
            Some(subject) => self.list_key(subject, key),
            None => self.session_key(key),
        }
    }

    fn list_key(&mut self, subject: Subject, key: KeyEvent) -> Vec<Effect> {
        match key.code {
            KeyCode::Char('/') => self.list_of(subject).begin_edit(),
            KeyCode::Char('s') => {
                self.list_of(subject).sort_by_next();
                return vec![self.find(subject, false)];
            }
            KeyCode::Char('S') => {
                self.list_of(subject).turn_round();
                return vec![self.find(subject, false)];
            }
            KeyCode::Char('r') if subject != Subject::Pools => {
                self.message =
                    Some("lists show no secrets: Enter opens a session, and r shows its secrets there");
            }
            _ => {}
        }
        Vec::new()
    }

    fn session_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        match key.code {
            KeyCode::Char('r') => {
                if let Some(opened) = &mut self.opened {
                    opened.revealed = !opened.revealed;
                }
                self.lay_out();
            }
            KeyCode::Left | KeyCode::Char('h') => return self.neighbour(Step::Up),
            KeyCode::Right | KeyCode::Char('l') => return self.neighbour(Step::Down),
            KeyCode::Char('/' | 's' | 'S') => self.message = Some("that is for lists: Esc goes back to one"),
            _ => {}
        }
        Vec::new()
    }

    fn go(&mut self, view: View) -> Vec<Effect> {
        if view == View::Session && self.opened.is_none() {
            // The one that is chosen in the list in sight, or else among the sessions.
            let from = self.subject().filter(|subject| *subject == Subject::Log).unwrap_or(Subject::Sessions);
            let effects = self.open(from);
            if effects.is_empty() {
                self.message = Some("no session is chosen: Enter opens one of a list");
            }
            return effects;
        }
        self.leave();
        self.view = view;
        Vec::new()
    }

    /// To the view that is so many further, those around again.
    fn go_on(&mut self, by: usize) -> Vec<Effect> {
        let at = View::ALL.iter().position(|view| *view == self.view).unwrap_or(0);
        let view = View::ALL[(at + by) % View::ALL.len()];
        let effects = self.go(view);
        if view == View::Session && self.view != view {
            // There is none: on to the next.
            self.message = None;
            let view = View::ALL[(at + 2 * by) % View::ALL.len()];
            return self.go(view);
        }
        effects
    }

    /// What was revealed is hidden when one goes away.
    fn leave(&mut self) {
        if let Some(opened) = self.opened.as_mut().filter(|opened| opened.revealed) {
            opened.revealed = false;
            self.lay_out();
        }
    }

    fn enter(&mut self) -> Vec<Effect> {
        match self.view {
            View::Pools => {
                let Some(pool) = self.pools.chosen() else { return Vec::new() };
                self.view = View::Sessions;
                self.set_pool(Some(pool))
            }
            View::Sessions => self.open(Subject::Sessions),
            View::Log => self.open(Subject::Log),
            View::Session => Vec::new(),
        }
    }

    fn back(&mut self) -> Vec<Effect> {
        if let Some(subject) = self.subject()
            && self.list_of(subject).has_text()
        {
            let asks = self.list_of(subject).set_filter(String::new());
            return if asks { vec![self.find(subject, true)] } else { Vec::new() };
        }
        match self.view {
            View::Pools if self.pool.is_some() => return self.set_pool(None),
            View::Pools => self.message = Some("q quits"),
            View::Sessions | View::Log => {
                self.view = View::Pools;
                return self.set_pool(None);
            }
            View::Session => {
                let from = self.opened.as_ref().map_or(Subject::Sessions, |opened| opened.from);
                self.leave();
                self.view = if from == Subject::Log { View::Log } else { View::Sessions };
            }
        }
        Vec::new()
    }

    /// Opens the one before or behind the open session, in the list that it was chosen in.
    fn neighbour(&mut self, step: Step) -> Vec<Effect> {
        let Some(from) = self.opened.as_ref().map(|opened| opened.from) else { return Vec::new() };
        let height = self.height(if from == Subject::Log { View::Log } else { View::Sessions });
        self.list_of(from).step(step, height);
        if self.target(from) == self.opened.as_ref().map(|opened| opened.target) {
            self.message = Some("there are no more in the list");
            return Vec::new();
        }
        self.open(from)
    }

    fn show_id(&mut self) {
        let target = match self.view {
            View::Session => self.opened.as_ref().map(|opened| opened.target),
            View::Pools | View::Sessions | View::Log => {
                self.subject().and_then(|subject| self.target(subject))
            }
        };
        match target {
            Some(target) => self.overlay = Some(Overlay::Id(target)),
            None => self.message = Some("no session is chosen"),
        }
    }
}

fn step(key: KeyEvent) -> Option<Step> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('b') if with_control => Step::PageUp,
        KeyCode::Char('f') if with_control => Step::PageDown,
        KeyCode::Char(_) if with_control => return None,
        KeyCode::Up | KeyCode::Char('k') => Step::Up,
        KeyCode::Down | KeyCode::Char('j') => Step::Down,
        KeyCode::PageUp => Step::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Step::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Step::First,
        KeyCode::End | KeyCode::Char('G') => Step::Last,
        _ => return None,
    })
}
