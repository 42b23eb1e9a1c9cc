//! Crawls a hostile site to its last page, with sessions that survive whatever happens to this program.
//!
//! ```text
//! cargo run --release --example crawl                          a site made up for it
//! cargo run --release --example crawl -- --site target/doc     any directory of HTML, this crate's documentation say
//! ```
//!
//! The site is served by this program itself, on loopback. It demands a cookie that its log-in gives, answers 429 to
//! whoever is too fast, bans a visitor after some requests, and now and then lets one time out. Kill the crawl at any
//! moment and start it again: it goes on where it was, with the sessions it had. `--help` tells the options.

mod crawler;
mod options;
mod pages;
mod site;

use std::error::Error;

use options::Options;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        println!("{}", options::HELP);
        return Ok(());
    };
    let site = site::start(options.site.as_deref(), options.pages)?;
    crawler::crawl(&options, &site)
}
