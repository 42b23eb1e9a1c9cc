//! Text put into a page.

use crate::output::by_number;

/// The template with a value in place of each `{{name}}` that has one. What is in the values stays as it is.
pub(super) fn fill<'a>(template: &'a str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut page = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, from)) = rest.split_once("{{") {
        page.push_str(before);
        match from.split_once("}}").and_then(|(name, after)| Some((value(name)?, after))) {
            Some((value, after)) => {
                page.push_str(value);
                rest = after;
            }
            None => {
                page.push_str("{{");
                rest = from;
            }
        }
    }
    page.push_str(rest);
    page
}

/// Text as HTML, in an element or in quotes.
pub(super) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// JSON that can stand in a script element: nothing in it begins or ends an element or a comment, or is other than ASCII. Such
/// characters are in JSON nowhere but in its strings, where they can be written by their numbers.
pub(super) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && !c.is_ascii_control() && !matches!(c, '<' | '>' | '&' | '\'') {
            escaped.push(c);
        } else {
            escaped.push_str(&by_number(c));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_in_as_it_is_and_not_looked_into() {
        let value = |name: &str| match name {
            "a" => Some("{{b}}"),
            "b" => Some("never"),
            _ => None,
        };
        assert_eq!(fill("x {{a}} y {{c}} {{ {{a}}", value), "x {{b}} y {{c}} {{ {{b}}");
        assert_eq!(fill("{{a", value), "{{a");
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escape_html("<b a=\"x\" c='y'>&amp;"), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
    }

    #[test]
    fn json_stays_the_same_and_ends_no_element() {
        let texts = [
            "</script><script>",
            "<!--",
            "]]>",
            "a&b'c\"\\",
            "\u{2028}\u{202e}\u{0}\n",
            "Größe 東京 🦀",
            "</ScRiPt\t>",
        ];
        let json = serde_json::to_string(&texts).unwrap();
        let escaped = escape_json(&json);
        assert!(escaped.is_ascii() && !escaped.contains(['<', '>', '&', '\'']));
        assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).unwrap(), texts);
    }
}
