//! What could not be carried over, or not as it was.

use std::fmt;

use serde::Serialize;

/// One thing of a session that could not be carried over, or not as it was. Secrets are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Note {
    /// The session's id where it comes from; `None` where it is about what is outside the sessions.
    pub session: Option<String>,
    /// The cookie, where it is about one: its name, domain and path.
    pub cookie: Option<String>,
    /// The field, by its name where it comes from.
    pub field: String,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// There is no place for it on the other side.
    Dropped {
        /// What it was, shortened; masked where it is a secret.
        value: String,
    },
    /// The other side cannot hold it as it was.
    Changed {
        /// What it was.
        from: String,
        /// What it is now, and where.
        to: String,
    },
    /// It is not told, and the other side has to know.
    Assumed {
        /// What it was taken to be.
        value: String,
    },
}

impl Fate {
    /// Its name: `dropped`, `changed` or `assumed`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Dropped { .. } => "dropped",
            Self::Changed { .. } => "changed",
            Self::Assumed { .. } => "assumed",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, cookie, field, fate } = self;
        if let Some(session) = session {
            write!(f, "session {session}: ")?;
        }
        if let Some(cookie) = cookie {
            write!(f, "cookie {cookie}: ")?;
        }
        match fate {
            Fate::Dropped { value } => write!(f, "{field} is left out: {value}"),
            Fate::Changed { from, to } => write!(f, "{field} was {from}, and is {to}"),
            Fate::Assumed { value } => write!(f, "{field} is not told: taken to be {value}"),
        }
    }
}

/// Gathers the notes of one session.
#[derive(Debug, Default)]
pub(super) struct Notes {
    session: Option<String>,
    cookie: Option<String>,
    gathered: Vec<Note>,
}

impl Notes {
    pub(super) fn of(session: impl Into<String>) -> Self {
        Self { session: Some(session.into()), ..Self::default() }
    }

    /// What follows is about that cookie, or about none.
    pub(super) fn at_cookie(&mut self, cookie: Option<String>) {
        self.cookie = cookie;
    }

    pub(super) fn dropped(&mut self, field: impl Into<String>, value: impl fmt::Display) {
        self.push(field.into(), Fate::Dropped { value: value.to_string() });
    }

    pub(super) fn changed(
        &mut self,
        field: impl Into<String>,
        from: impl fmt::Display,
        to: impl fmt::Display,
    ) {
        self.push(field.into(), Fate::Changed { from: from.to_string(), to: to.to_string() });
    }

    pub(super) fn assumed(&mut self, field: impl Into<String>, value: impl fmt::Display) {
        self.push(field.into(), Fate::Assumed { value: value.to_string() });
    }

    fn push(&mut self, field: String, fate: Fate) {
        let (session, cookie) = (self.session.clone(), self.cookie.clone());
        self.gathered.push(Note { session, cookie, field, fate });
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.gathered
    }
}
