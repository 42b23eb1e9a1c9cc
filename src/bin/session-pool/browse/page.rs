//! The page of one session, line by line.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::Value;
use session_pool::{
    Cookie, Fingerprint, Limits, LogEntry, Payload, Reason, SameSite, Sequence, SessionRecord, Timestamp,
};

use super::data::Standing;
use super::details::Details;
use super::look::Look;
use super::text::{NEAR, clean, count, cut, cut_middle, near, share, wrap};
use crate::output::{Zone, relative, width};

/// How the page is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageOptions<'a> {
    pub(super) width: usize,
    pub(super) look: Look,
    pub(super) zone: Zone,
    pub(super) now: Timestamp,
    /// The pool's name, as it may be shown.
    pub(super) pool: &'a str,
    /// Whether secrets are shown.
    pub(super) revealed: bool,
}

/// How wide the names of fields are.
const NAMES: usize = 12;

/// The lines of the page.
pub(super) fn lines(details: &Details, options: PageOptions<'_>) -> Vec<Line<'static>> {
    let Details { target, record, payload, retirement } = details;
    let mut page = Page { options, lines: Vec::new() };
    page.field("id", target.id.as_str(), Look::strong());
    page.field("pool", options.pool, Style::new());
    match record {
        Ok(Some(record)) => page.record(record),
        Ok(None) => page.field("state", "forgotten: only the retirement log still has it", Style::new()),
        Err(error) => page.field("state", &format!("cannot be read: {error}"), options.look.bad()),
    }
    if let Some((sequence, entry)) = retirement {
        page.retirement(*sequence, entry, matches!(record, Ok(Some(_))));
    }
    match payload {
        Ok(Some(payload)) if options.revealed => page.payload(payload),
        Ok(Some(payload)) => page.payload(&payload.masked()),
        Ok(None) if matches!(record, Ok(None)) => {}
        Ok(None) => {
            page.lines.push(Line::default());
            page.text(
                0,
                "Its cookies, user data, proxy and fingerprint are missing in the store.",
                options.look.bad(),
            );
        }
        Err(error) => {
            page.lines.push(Line::default());
            let text = format!("Its cookies, user data, proxy and fingerprint cannot be read: {error}");
            page.text(0, &text, options.look.bad());
        }
    }
    page.lines
}

struct Page<'a> {
    options: PageOptions<'a>,
    lines: Vec<Line<'static>>,
}

impl Page<'_> {
    /// Text, indented and wrapped.
    fn text(&mut self, indent: usize, text: &str, style: Style) {
        for piece in wrap(text, self.options.width.saturating_sub(indent)) {
            let indented = format!("{:indent$}{piece}", "");
            self.lines.push(Line::styled(indented, style));
        }
    }

    /// A name and a value, which is clean.
    fn field(&mut self, name: &str, value: &str, style: Style) {
        let mut name = format!("{name:NAMES$}");
        for piece in wrap(value, self.options.width.saturating_sub(NAMES)) {
            let name = std::mem::replace(&mut name, " ".repeat(NAMES));
            let name = Span::styled(name, Look::quiet());
            self.lines.push(Line::from(vec![name, Span::styled(piece.to_owned(), style)]));
        }
    }

    fn heading(&mut self, text: &str) {
        self.lines.push(Line::default());
        self.lines.push(Line::styled(text.to_owned(), Look::strong()));
    }

    fn time(&self, time: Timestamp) -> String {
        let PageOptions { zone, now, .. } = self.options;
        if time == Timestamp::MAX {
            return "never".to_owned();
        }
        format!("{} ({})", zone.format(time), relative(time, now))
    }

    fn record(&mut self, record: &SessionRecord) {
        // Exhaustive, so that a new field cannot be forgotten here.
        let SessionRecord {
            created_at,
            expires_at,
            last_used_at,
            resting_until,
            usage_count,
            error_count,
            error_score,
            limits: Limits { max_usage_count, max_concurrent_uses, max_error_score, error_score_decrement },
            retired,
        } = *record;
        let PageOptions { look, now, .. } = self.options;
        let standing = Standing::of(record, now);
        let state = match retired {
            Some(retired) => {
                format!("retired, {}: {}, {}", retired.reason, why(retired.reason), relative(retired.at, now))
            }
            None => standing.word().to_owned(),
        };
        self.field("state", &state, look.standing(standing).patch(Look::strong()));
        self.field("usable", &usable(record, now), Style::new());
        let uses = format!("{} of {}", count(usage_count.into()), count(max_usage_count.into()));
        self.field("uses", &uses, Style::new());
        let errors = format!(
            "{} ({} of its uses)",
            count(error_count.into()),
            share(error_count.into(), usage_count.into())
        );
        self.field("errors", &errors, Style::new());
        let score =
            format!("{error_score} of {max_error_score}; a good use takes {error_score_decrement} off");
        self.field("score", &score, Style::new());
        let at_once = match max_concurrent_uses {
            Limits::UNLIMITED => "no limit".to_owned(),
            limit => format!("{} at most", count(limit.into())),
        };
        self.field("at once", &at_once, Style::new());
        self.field("created", &self.time(created_at), Style::new());
        let last_use = last_used_at.map_or_else(|| "none yet".to_owned(), |time| self.time(time));
        self.field("last use", &last_use, Style::new());
        if let Some(until) = resting_until {
            self.field("resting to", &self.time(until), Style::new());
        }
        self.field("expires", &self.time(expires_at), Style::new());
    }

    fn retirement(&mut self, sequence: Sequence, entry: &LogEntry, is_kept: bool) {
        let LogEntry { id: _, reason, retired_at, created_at, usage_count, error_count, error_score } =
            *entry;
        self.field("retired", &self.time(retired_at), Style::new());
        self.field("log", &format!("number {sequence} of its pool: {reason}, {}", why(reason)), Style::new());
        if !is_kept {
            self.field("uses", &count(usage_count.into()), Style::new());
            self.field("errors", &count(error_count.into()), Style::new());
            self.field("score", &error_score.to_string(), Style::new());
            self.field("created", &self.time(created_at), Style::new());
        }
    }

    /// What is to be shown of it; at the end, what there is none of.
    fn payload(&mut self, payload: &Payload) {
        let Payload { cookies, user_data, proxy, fingerprint } = payload;
        let data = user_data.as_map();
        let proxy = proxy.as_ref().map_or_else(|| "none".to_owned(), |proxy| clean(proxy.url()));
        self.field("proxy", &proxy, Style::new());
        if !cookies.is_empty() {
            self.heading(&format!("Cookies: {}", count(cookies.len() as u64)));
            self.cookies(cookies);
        }
        if !data.is_empty() {
            self.heading(&format!("User data: {}", count(data.len() as u64)));
        }
        for (key, value) in data {
            self.pair(&clean(key), &plain(value));
        }
        if let Some(Fingerprint { headers, attributes }) = fingerprint {
            self.heading("Fingerprint");
            for (name, value) in headers {
                self.pair(&clean(name), &clean(value));
            }
            for (name, value) in attributes {
                self.pair(&format!("({})", clean(name)), &plain(value));
            }
        }
        let parts = [
            ("cookies", cookies.is_empty()),
            ("user data", data.is_empty()),
            ("fingerprint", fingerprint.is_none()),
        ];
        let missing: Vec<&str> =
            parts.into_iter().filter(|(_, is_missing)| *is_missing).map(|(name, _)| name).collect();
        if !missing.is_empty() {
            self.lines.push(Line::default());
            self.field("has no", &missing.join(", "), Style::new());
        }
    }

    /// A name that may be long, and a value.
    fn pair(&mut self, name: &str, value: &str) {
        let head = format!("{name}: ");
        let (taken, columns) = (width(&head), self.options.width);
        if taken + width(value) <= columns {
            self.lines.push(Line::from(vec![Span::styled(head, Look::quiet()), Span::raw(value.to_owned())]));
            return;
        }
        self.text(0, &format!("{name}:"), Look::quiet());
        self.text(4, value, Style::new());
    }

    fn cookies(&mut self, cookies: &[Cookie]) {
        let PageOptions { width: columns, look, now, revealed, .. } = self.options;
        let ellipsis = look.ellipsis();
        let rows: Vec<CookieRow> = cookies.iter().map(|cookie| CookieRow::of(cookie, now)).collect();
        let widest =
            |cell: fn(&CookieRow) -> &str| rows.iter().map(|row| width(cell(row))).max().unwrap_or(0);
        let value = if revealed { 0 } else { 5 };
        let fixed = NEAR + if value > 0 { value + 2 } else { 0 } + 3 * 2;
        let wanted = [widest(|row| &row.name), widest(|row| &row.domain), widest(|row| &row.path)];
        let (wanted, flags) = (wanted.map(|wanted| wanted.max(6)), widest(|row| &row.flags));
        // Flags are not cut: where there is no room for them beside the rest, they have a line of their own.
        let are_beside =
            fixed + wanted.map(|wanted| wanted.min(12)).iter().sum::<usize>() + 2 + flags <= columns;
        let taken = if are_beside { fixed + 2 + flags } else { fixed };
        let [name, domain, path] = fitted(wanted, columns.saturating_sub(taken));
        let line = |cells: [&str; 6]| {
            let [the_name, the_value, the_domain, the_path, expires, flags] = cells;
            let mut text = padded(&cut(the_name, name, ellipsis), name);
            if value > 0 {
                text += &padded(the_value, value);
            }
            text += &padded(&cut_middle(the_domain, domain, ellipsis), domain);
            text += &padded(&cut_middle(the_path, path, ellipsis), path);
            text += &padded(expires, NEAR);
            if are_beside { text + flags } else { text }
        };
        let head = line(["NAME", "VALUE", "DOMAIN", "PATH", "EXPIRES", if flags > 0 { "FLAGS" } else { "" }]);
        self.lines.push(Line::styled(head, Look::strong()));
        for (cookie, row) in cookies.iter().zip(&rows) {
            let CookieRow { name, domain, path, expires, flags } = row;
            self.lines.push(Line::raw(line([name, &clean(&cookie.value), domain, path, expires, flags])));
            if !are_beside && !flags.is_empty() {
                self.text(4, flags, Style::new());
            }
            if let Some(key) = &cookie.partition_key {
                self.text(4, &format!("partitioned by {}", clean(key)), Style::new());
            }
            if revealed {
                self.text(4, &clean(&cookie.value), Style::new());
            }
        }
    }
}

/// A cookie but for its value, as it may be shown.
struct CookieRow {
    name: String,
    domain: String,
    path: String,
    expires: String,
    flags: String,
}

impl CookieRow {
    fn of(cookie: &Cookie, now: Timestamp) -> Self {
        // Exhaustive, so that a new field cannot be forgotten here.
        let Cookie {
            name,
            value: _,
            domain,
            path,
            host_only,
            secure,
            http_only,
            same_site,
            partition_key,
            expires_at,
            created_at: _,
            last_accessed_at: _,
        } = cookie;
        let same_site = same_site.map(|same_site| match same_site {
            SameSite::Strict => "strict",
            SameSite::Lax => "lax",
            SameSite::None => "cross-site",
        });
        let flags = [
            secure.then_some("secure"),
            http_only.then_some("http-only"),
            host_only.then_some("host-only"),
            same_site,
            partition_key.as_ref().map(|_| "partitioned"),
        ];
        Self {
            name: clean(name),
            domain: clean(domain),
            path: clean(path),
            expires: expires_at.map_or_else(|| "session".to_owned(), |time| near(time, now)),
            flags: flags.into_iter().flatten().collect::<Vec<_>>().join(" "),
        }
    }
}

/// The widths that are wanted, as far as there is room: the widest ones are cut.
fn fitted<const N: usize>(mut widths: [usize; N], room: usize) -> [usize; N] {
    loop {
        let over = widths.iter().sum::<usize>().saturating_sub(room);
        let Some(widest) = widths.iter().copied().max().filter(|widest| over > 0 && *widest > 4) else {
            return widths;
        };
        let next = widths.iter().copied().filter(|width| *width < widest).max().unwrap_or(0).max(4);
        let many = widths.iter().filter(|width| **width == widest).count();
        let less = over.div_ceil(many).min(widest - next).max(1);
        for width in widths.iter_mut().filter(|width| **width == widest) {
            *width -= less;
        }
    }
}

/// A cell with two blanks behind it.
fn padded(text: &str, columns: usize) -> String {
    format!("{text}{:1$}", "", (columns + 2).saturating_sub(width(text)))
}

/// A JSON value on one line, a text without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        other => clean(&other.to_string()),
    }
}

/// What a reason means.
fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Blocked => "its error score reached the maximum",
        Reason::Exhausted => "it was used as often as it may be",
        Reason::Expired => "it was too old",
        Reason::Retired => "the crawler or an operator retired it",
    }
}

/// Whether a crawler would hand it out, and why not.
fn usable(record: &SessionRecord, now: Timestamp) -> String {
    if record.retired.is_some() {
        return "no: a retired session never comes back".to_owned();
    }
    match (record.unusable_because(now), record.resting_until.filter(|until| now < *until)) {
        (Some(reason), _) => format!("no: {}; the next crawler that opens it retires it", why(reason)),
        (None, Some(until)) => format!("not yet: it rests, and may be used again {}", relative(until, now)),
        (None, None) => "yes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_and_the_widest_are_cut_where_there_is_no_room() {
        assert_eq!(fitted([5, 6], 20), [5, 6]);
        assert_eq!(fitted([5, 600, 30], 40), [5, 17, 17]);
        assert_eq!(fitted([500, 500], 0), [4, 4]);
        for room in 0..60 {
            let widths = fitted([3, 17, 40, 12], room);
            assert!(widths.iter().sum::<usize>() <= room.max(16), "{widths:?} in {room}");
        }
    }
}
