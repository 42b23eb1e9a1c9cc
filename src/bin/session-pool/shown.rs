//! A session with all that is known of it, for people.

use std::io::{self, Write};

use anstyle::Style;
use serde_json::Value;
use session_pool::{
    Cookie, LogEntry, PoolName, Reason, SameSite, Sequence, SessionId, SessionRecord, SessionState, Timestamp,
};

use crate::consent::counted;
use crate::context::Context;
use crate::listed;
use crate::output::{Cell, Column, Rows, escape, relative, style, wrap};

/// A session, or what the log says of one that has been forgotten. Secrets in it are masked already, unless they may be shown.
pub(crate) struct Shown {
    pub(crate) pool: PoolName,
    pub(crate) id: SessionId,
    pub(crate) session: Option<(SessionRecord, Box<SessionState>)>,
    pub(crate) log: Vec<(Sequence, LogEntry)>,
}

impl Shown {
    /// Where it stands, in one word.
    pub(crate) fn state(&self, now: Timestamp) -> &'static str {
        self.session.as_ref().map_or("forgotten", |(record, _)| listed::state(record, now))
    }

    /// Why it is not handed out; `None` where it is.
    pub(crate) fn unusable_because(&self, now: Timestamp) -> Option<&'static str> {
        let Some((record, _)) = &self.session else { return Some("forgotten") };
        match (record.retired, record.unusable_because(now)) {
            (Some(_), _) => Some("retired"),
            (None, Some(reason)) => Some(reason.as_str()),
            (None, None) => record.is_resting(now).then_some("resting"),
        }
    }
}

/// How wide the names of the fields are.
const NAMES: usize = 16;
/// What stands before a value that goes on in the next line.
const INDENT: &str = "    ";
/// Narrower than this, lines are broken by the terminal.
const LEAST_WIDTH: usize = 40;

struct Writer<'a> {
    context: &'a Context,
    out: &'a mut dyn Write,
}

/// Writes everything.
pub(crate) fn write(session: &Shown, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer { context, out };
    writer.field("session", session.id.as_str(), style::HEAD)?;
    writer.field("pool", session.pool.as_str(), style::PLAIN)?;
    writer.standing(session)?;
    let Some((record, state)) = &session.session else { return writer.log(session) };
    writer.counters(record)?;
    writer.times(record)?;
    writer.log(session)?;
    writer.field("proxy", state.proxy.as_ref().map_or("none", |proxy| proxy.url()), style::PLAIN)?;
    writer.cookies(&state.cookies)?;
    writer.values("user data", state.user_data.as_map().iter(), plain)?;
    if let Some(fingerprint) = &state.fingerprint {
        let headers = fingerprint.headers.iter().map(|(name, value)| (name, value));
        writer.values("fingerprint", headers, String::clone)?;
        writer.values("attributes", fingerprint.attributes.iter(), plain)?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

impl Writer<'_> {
    fn field(&mut self, name: &str, value: &str, style: Style) -> io::Result<()> {
        let mut name = name;
        for line in self.lines(value, NAMES) {
            writeln!(self.out, "{name:NAMES$}{}", self.context.paint(style, &line))?;
            name = "";
        }
        Ok(())
    }

    /// The text in the lines that there is room for behind an indent; in one where nothing says how wide they may be.
    fn lines(&self, text: &str, indent: usize) -> Vec<String> {
        let text = escape(text);
        let Some(width) = self.context.width else { return vec![text] };
        // The blank at which a line is broken is not written.
        let broken = |line: &str| line.strip_suffix(' ').unwrap_or(line).to_owned();
        wrap(&text, width.max(LEAST_WIDTH) - indent).into_iter().map(broken).collect()
    }

    /// `2026-03-01 12:00:00Z (3 h ago)`.
    fn time(&self, time: Timestamp) -> String {
        let date = self.context.zone.format(time);
        if time == Timestamp::MAX { date } else { format!("{date} ({})", relative(time, self.context.now)) }
    }

    fn standing(&mut self, session: &Shown) -> io::Result<()> {
        let now = self.context.now;
        let state = session.state(now);
        let style = listed::state_style(state);
        let text = match (&session.session, session.unusable_because(now)) {
            (None, _) => "forgotten since it was retired".to_owned(),
            (Some((record, _)), Some(because)) => match record.retired {
                Some(retired) => format!("retired: {}, {}", retired.reason, self.time(retired.at)),
                None if because == "resting" => {
                    let until = record.resting_until.map(|until| self.time(until)).unwrap_or_default();
                    format!("resting until {until}")
                }
                None => format!("no longer usable: {because}; it is retired when its pool is opened"),
            },
            (Some(_), None) => "live, usable".to_owned(),
        };
        self.field("state", &text, style)?;
        match &session.session {
            Some((record, _)) => self.cause(record),
            None => Ok(()),
        }
    }

    /// What led to its retirement, as far as anything tells.
    fn cause(&mut self, record: &SessionRecord) -> io::Result<()> {
        let Some(retired) = record.retired else { return Ok(()) };
        let (uses, score, limits) = (record.usage_count, record.error_score, record.limits);
        let cause = match retired.reason {
            Reason::Blocked => {
                format!("bad uses: its error score reached {score}, of {} at most", limits.max_error_score)
            }
            Reason::Exhausted => format!("it was used {uses} times, of {} at most", limits.max_usage_count),
            Reason::Expired => format!("it was too old: its time was {}", self.time(record.expires_at)),
            Reason::Retired => {
                "the crawler or an operator retired it, for a ban (401, 403) for instance; no \
                                more is recorded"
                    .to_owned()
            }
        };
        self.field("because", &cause, style::PLAIN)
    }

    fn counters(&mut self, record: &SessionRecord) -> io::Result<()> {
        let limits = record.limits;
        let uses = format!("{} of {}", record.usage_count, limits.max_usage_count);
        self.field("uses", &uses, style::PLAIN)?;
        self.field("errors", &record.error_count.to_string(), style::PLAIN)?;
        let score = format!(
            "{} of {}; a good use takes off {}",
            record.error_score, limits.max_error_score, limits.error_score_decrement
        );
        self.field("error score", &score, style::PLAIN)?;
        let concurrent = match limits.max_concurrent_uses {
            session_pool::Limits::UNLIMITED => "no limit".to_owned(),
            most => most.to_string(),
        };
        self.field("uses at a time", &concurrent, style::PLAIN)
    }

    fn times(&mut self, record: &SessionRecord) -> io::Result<()> {
        let SessionRecord { created_at, expires_at, last_used_at, resting_until, .. } = *record;
        let rested = resting_until.filter(|until| *until <= self.context.now);
        let times = [
            ("created", Some(created_at)),
            ("expires", Some(expires_at)),
            ("last used", last_used_at),
            ("rested until", rested),
        ];
        for (name, time) in times {
            match time {
                Some(time) => self.field(name, &self.time(time), style::PLAIN)?,
                None if name == "last used" => self.field(name, "never", style::PLAIN)?,
                None => {}
            }
        }
        Ok(())
    }

    fn log(&mut self, session: &Shown) -> io::Result<()> {
        for (sequence, entry) in &session.log {
            let text = format!(
                "entry {sequence}: {}, {}, after {}, {} of them bad, error score {}",
                entry.reason,
                self.time(entry.retired_at),
                counted(entry.usage_count.into(), "use"),
                entry.error_count,
                entry.error_score
            );
            self.field("retirement log", &text, style::PLAIN)?;
        }
        Ok(())
    }

    fn cookies(&mut self, cookies: &[Cookie]) -> io::Result<()> {
        if cookies.is_empty() {
            return self.field("cookies", "none", style::PLAIN);
        }
        writeln!(self.out, "\n{}", self.context.paint(style::HEAD, "cookies"))?;
        let columns = vec![
            Column::new("name", |cookie: &Cookie| Cell::text(cookie.name.as_str())).shrinking_to(8),
            Column::new("value", |cookie: &Cookie| Cell::text(cookie.value.as_str())).shrinking_to(8),
            Column::new("domain", |cookie: &Cookie| {
                Cell::text(format!("{}{}", if cookie.host_only { "" } else { "*." }, cookie.domain))
            })
            .shrinking_to(8),
            Column::new("path", |cookie: &Cookie| Cell::text(cookie.path.as_str())).shrinking_to(4),
            Column::new("expires", |cookie: &Cookie| {
                cookie.expires_at.map_or(Cell::text("with the session"), Cell::Away)
            }),
            Column::new("flags", |cookie: &Cookie| Cell::text(flags(cookie))),
        ];
        let mut rows = Rows::new(columns, self.context, self.out)?;
        for cookie in cookies {
            rows.row(cookie)?;
        }
        rows.end()
    }

    fn values<'v, V: 'v>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = (&'v String, &'v V)>,
        text: impl Fn(&V) -> String,
    ) -> io::Result<()> {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return if name == "attributes" { Ok(()) } else { self.field(name, "none", style::PLAIN) };
        }
        writeln!(self.out, "\n{}", self.context.paint(style::HEAD, name))?;
        for (key, value) in values {
            let mut indent = "  ";
            for line in self.lines(&format!("{key}: {}", text(value)), INDENT.len()) {
                writeln!(self.out, "{indent}{line}")?;
                indent = INDENT;
            }
        }
        Ok(())
    }
}

fn flags(cookie: &Cookie) -> String {
    let same_site = cookie.same_site.map(|same_site| match same_site {
        SameSite::Strict => "strict",
        SameSite::Lax => "lax",
        SameSite::None => "none",
    });
    let flags = [
        cookie.secure.then(|| "secure".to_owned()),
        cookie.http_only.then(|| "http-only".to_owned()),
        same_site.map(|same_site| format!("same-site={same_site}")),
        cookie.partition_key.as_ref().map(|site| format!("partition={site}")),
    ];
    let flags: Vec<String> = flags.into_iter().flatten().collect();
    if flags.is_empty() { "-".to_owned() } else { flags.join(" ") }
}
