//! Where a page leads.

use std::path::Path;

use super::site::START;

/// The pages of this site that a page leads to.
pub(crate) fn links(page: &str, html: &str) -> Vec<String> {
    let mut links = Vec::new();
    for token in html5gum::Tokenizer::new(html) {
        let Ok(html5gum::Token::StartTag(tag)) = token else { continue };
        if tag.name.as_slice() == b"a"
            && let Some(href) = tag.attributes.get(b"href".as_slice())
            && let Some(link) = resolve(page, &String::from_utf8_lossy(href))
        {
            links.push(link);
        }
    }
    links
}

/// Where a link on a page leads to, without its fragment; `None` for other sites and for what is no HTML.
fn resolve(page: &str, href: &str) -> Option<String> {
    let href = href.split(['#', '?']).next()?;
    if href.is_empty() || href.contains(':') || href.starts_with("//") {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    if !href.starts_with('/') {
        let (directory, _) = page.rsplit_once('/')?;
        parts.extend(directory.split('/').filter(|part| !part.is_empty()));
    }
    for part in href.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    let is_page =
        Path::new(&path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html"));
    (path == START || is_page).then_some(path)
}
