//! A page that tells of a store: one file, with everything in it, for a browser.
//!
//! What it says in words, the totals and the largest pools are there as they are. A script draws the rest, and puts a table that
//! can be sorted in the place of theirs.
//!
//! Nothing of what the store holds is trusted. It is in the page as escaped text, and as JSON, in a script element that is no
//! script, with every character escaped that could end it; the script puts it into the page as text alone. The page's own policy
//! lets nothing run but that script, which it knows by a number drawn for this page.

mod data;
mod head;
mod table;
mod template;
mod words;

use std::io;

use session_pool::inspect::{Overview, ProxyReport};
use session_pool::{Retirement, Timestamp, schema_version};

use crate::output::{Zone, escape};
use data::Data;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
/// Within a function of its own: nothing of it is left in the page for others.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("script/format.js"),
    include_str!("script/dom.js"),
    include_str!("script/charts.js"),
    include_str!("script/timeline.js"),
    include_str!("script/table.js"),
    include_str!("script/page.js"),
    "})();\n",
);

/// What a page tells.
pub(crate) struct Report<'a> {
    /// What the store is called in it.
    pub(crate) store: &'a str,
    /// When it was written, if it is an archive.
    pub(crate) archived_at: Option<Timestamp>,
    pub(crate) overview: &'a Overview,
    pub(crate) proxies: &'a ProxyReport,
    /// The last retirements, the last one first.
    pub(crate) recent: &'a [Retirement],
}

impl Report<'_> {
    /// The page.
    ///
    /// # Errors
    ///
    /// Where the system has no random numbers.
    pub(crate) fn page(&self) -> io::Result<String> {
        let Self { store, archived_at, overview, proxies, recent } = *self;
        let largest = data::largest(overview);
        let data = serde_json::to_string(&Data::new(overview, &largest, proxies, recent))?;
        let (data, store, nonce) =
            (template::escape_json(&data), template::escape_html(&escape(store)), nonce()?);
        let (at, at_text) = (overview.at.to_string(), Zone::Utc.format(overview.at));
        let archived =
            archived_at.map(|at| format!(" · archived {}", Zone::Utc.format(at))).unwrap_or_default();
        let (lead, notes) = (head::lead(overview), head::notes(overview));
        let (totals, pools) = (table::totals(&overview.total), table::pools(overview, &largest));
        let schema = schema_version().to_string();
        let page = template::fill(PAGE, |name| {
            Some(match name {
                "nonce" => &nonce,
                "version" => env!("CARGO_PKG_VERSION"),
                "schema" => &schema,
                "store" => &store,
                "at" => &at,
                "at_text" => &at_text,
                "archived" => &archived,
                "lead" => &lead,
                "notes" => &notes,
                "totals" => &totals,
                "pools" => &pools,
                "style" => STYLE,
                "script" => SCRIPT,
                "data" => &data,
                _ => return None,
            })
        });
        Ok(page)
    }
}

/// A number that nobody can have known when the store was written: 128 bits, in hexadecimal.
fn nonce() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_page_itself_ends_the_elements_that_it_is_in() {
        for part in [STYLE, SCRIPT] {
            let part = part.to_lowercase();
            assert!(!part.contains("</s") && !part.contains("<!--") && !part.contains("<script"));
        }
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("insertAdjacentHTML"));
    }

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        for part in [PAGE, STYLE, SCRIPT] {
            let part = part.replace("http://www.w3.org/2000/svg", "");
            assert!(!part.contains("://") && !part.contains("@import") && !part.contains("fetch("), "{part}");
        }
    }

    #[test]
    fn no_two_pages_have_the_same_number() {
        let (one, other) = (nonce().unwrap(), nonce().unwrap());
        assert!(one.len() == 32 && one != other);
    }
}
