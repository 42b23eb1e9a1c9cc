//! Reading a filter.

use std::ops::Range;

use session_pool::Reason;

use super::{Comparison, FilterError, NumberField, SpanField, StateWord, Subject, Term, Test};

/// The fields that a filter for rows of that kind may ask for.
fn fields(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Pools => &["pool"],
        Subject::Sessions => {
            &["state", "reason", "pool", "id", "uses", "errors", "score", "age", "expires", "used", "retired"]
        }
        Subject::Log => &["reason", "pool", "id", "uses", "errors", "score", "age", "retired"],
    }
}

/// What is said where a field is none of them.
fn no_such_field(subject: Subject) -> String {
    let rows = match subject {
        Subject::Pools => return "pools have but a name: shop or pool:shop".to_owned(),
        Subject::Sessions => "sessions",
        Subject::Log => "retirements",
    };
    format!("{rows} have no such field, but {}", fields(subject).join(" "))
}

/// The terms that are right, and what is wrong with the first that is not.
pub(super) fn terms(text: &str, subject: Subject) -> (Vec<Term>, Option<FilterError>) {
    let (mut terms, mut first) = (Vec::new(), None);
    for word in words(text) {
        match term(text, word, subject) {
            Ok(term) => terms.push(term),
            Err(error) => first = first.or(Some(error)),
        }
    }
    (terms, first)
}

/// Where the words stand, each up to the next blank outside quotes.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut is_quoted) = (None, false);
    for (at, c) in text.char_indices() {
        is_quoted ^= c == '"';
        match (c.is_whitespace() && !is_quoted, start) {
            (true, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            (false, None) => start = Some(at),
            (true, None) | (false, Some(_)) => {}
        }
    }
    words.extend(start.map(|from| from..text.len()));
    words
}

fn term(text: &str, word: Range<usize>, subject: Subject) -> Result<Term, FilterError> {
    if !text[word.clone()].matches('"').count().is_multiple_of(2) {
        let at = text[word.clone()].rfind('"').unwrap_or(0);
        return Err(error(word.start + at..word.end, "the closing quote is missing"));
    }
    let negated = text[word.clone()].starts_with('!');
    let start = word.start + usize::from(negated);
    let body = &text[start..word.end];
    if body.is_empty() {
        return Err(error(word, "what it is not to have is missing"));
    }
    let name_length = body.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(body.len());
    let (name, rest) = body.split_at(name_length);
    let asks = match comparison(rest) {
        Some((sign, comparison)) if !name.is_empty() => {
            let value = start + name_length + sign.len()..word.end;
            let field = Field { text, name: start..start + name_length, sign, comparison, value, subject };
            field.test()?
        }
        _ => Test::Text(unquoted(body).to_lowercase()),
    };
    Ok(Term { negated, test: asks })
}

/// The sign that a text begins with, and what it asks for.
fn comparison(text: &str) -> Option<(&'static str, Comparison)> {
    // The longer ones first.
    [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
        (":", Comparison::Equal),
        ("=", Comparison::Equal),
    ]
    .into_iter()
    .find(|(sign, _)| text.starts_with(sign))
}

fn unquoted(text: &str) -> String {
    text.replace('"', "")
}

/// A term that asks for one field.
struct Field<'a> {
    text: &'a str,
    name: Range<usize>,
    sign: &'static str,
    comparison: Comparison,
    value: Range<usize>,
    subject: Subject,
}

impl Field<'_> {
    fn test(&self) -> Result<Test, FilterError> {
        let name = self.text[self.name.clone()].to_ascii_lowercase();
        if !fields(self.subject).contains(&name.as_str()) {
            return Err(error(self.name.clone(), no_such_field(self.subject)));
        }
        Ok(match name.as_str() {
            "state" => Test::State(self.word(&[
                ("live", StateWord::Live),
                ("ready", StateWord::Ready),
                ("resting", StateWord::Resting),
                ("expired", StateWord::Expired),
                ("retired", StateWord::Retired),
            ])?),
            "reason" => Test::Reason(self.word(&Reason::ALL.map(|reason| (reason.as_str(), reason)))?),
            "pool" => Test::Pool(self.part()?),
            "id" => Test::Id(self.part()?),
            "uses" => Test::Number(NumberField::Uses, self.comparison, self.whole_number()?),
            "errors" => Test::Number(NumberField::Errors, self.comparison, self.whole_number()?),
            "score" => Test::Number(NumberField::Score, self.comparison, self.score()?),
            "age" => Test::Span(SpanField::Age, self.comparison, self.span()?),
            "expires" => Test::Span(SpanField::Expires, self.comparison, self.span()?),
            "used" => Test::Span(SpanField::Used, self.comparison, self.span()?),
            // The last one of `fields`.
            _ => Test::Span(SpanField::Retired, self.comparison, self.span()?),
        })
    }

    /// The value, which must not be empty; of a field that takes `:` alone.
    fn plain(&self) -> Result<String, FilterError> {
        if self.comparison != Comparison::Equal {
            let name = &self.text[self.name.clone()];
            let at = self.name.end..self.value.start;
            return Err(error(at, format!("{name} has no order: {name}:...")));
        }
        let value = unquoted(&self.text[self.value.clone()]);
        if value.is_empty() { Err(error(self.value.clone(), "its value is missing")) } else { Ok(value) }
    }

    fn part(&self) -> Result<String, FilterError> {
        Ok(self.plain()?.to_lowercase())
    }

    /// One of a few words, or the beginning of one, if that is enough to tell them apart.
    fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, FilterError> {
        let all = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" ");
        let value = match self.plain() {
            Err(missing) if self.comparison == Comparison::Equal => {
                return Err(error(missing.at, format!("one of: {}", all())));
            }
            value => value?.to_ascii_lowercase(),
        };
        if let Some((_, exact)) = words.iter().find(|(word, _)| *word == value) {
            return Ok(*exact);
        }
        let mut begun = words.iter().filter(|(word, _)| word.starts_with(&value));
        match (begun.next(), begun.next()) {
            (Some((_, only)), None) => Ok(*only),
            _ => Err(error(self.value.clone(), format!("one of: {}", all()))),
        }
    }

    fn number(&self, example: &str) -> Result<&str, FilterError> {
        let value = &self.text[self.value.clone()];
        if value.is_empty() {
            let (name, sign) = (&self.text[self.name.clone()], self.sign);
            return Err(error(self.value.clone(), format!("a value is missing: {name}{sign}{example}")));
        }
        Ok(value)
    }

    fn whole_number(&self) -> Result<i64, FilterError> {
        let value = self.number("10")?.parse::<u32>();
        value.map(i64::from).map_err(|_| error(self.value.clone(), "must be a whole number"))
    }

    /// In thousandths.
    fn score(&self) -> Result<i64, FilterError> {
        let value = self.number("1.5")?.parse::<f64>().ok();
        let score = value.and_then(|value| session_pool::ErrorScore::from_f64("score", value).ok());
        score
            .map(|score| i64::from(score.thousandths()))
            .ok_or_else(|| error(self.value.clone(), "must be a number from 0 to 1000000"))
    }

    /// In milliseconds.
    fn span(&self) -> Result<i64, FilterError> {
        const RULE: &str = "must be a span of time: 30s 15m 2h 3d 1w";
        if self.comparison == Comparison::Equal {
            let name = &self.text[self.name.clone()];
            let at = self.name.end..self.value.start;
            return Err(error(at, format!("no time is that exact: {name}<2h or {name}>2h")));
        }
        let value = self.number("2h")?;
        let wrong = || error(self.value.clone(), RULE);
        let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let seconds = match &value[digits.len()..] {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(wrong()),
        };
        let number: i64 = digits.parse::<u32>().map_err(|_| wrong())?.into();
        Ok(number.saturating_mul(seconds).saturating_mul(1000))
    }
}

fn error(at: Range<usize>, message: impl Into<String>) -> FilterError {
    FilterError { at, message: message.into() }
}
