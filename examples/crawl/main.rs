//! Crawls a hostile site to its last page, with sessions that survive whatever happens to this program.
//!
//! ```text
//! cargo run --release --features reqwest --example crawl                          a site made up for it
//! cargo run --release --features reqwest --example crawl -- --site target/doc     any directory of HTML, this crate's documentation say
//! ```
//!
//! The site is served by this program itself, on loopback. It demands a cookie that its log-in gives, answers 429 to
//! whoever is too fast, bans a visitor after some requests, and now and then lets one time out. Kill the crawl at any
//! moment and start it again: it goes on where it was, with the sessions it had. `--help` tells the options.

mod crawler;
mod links;
mod options;
mod pages;
mod site;

use options::Options;
use session_pool::BoxError;
use site::Temper;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        println!("{}", options::HELP);
        return Ok(());
    };
    let site = site::start(options.site.as_deref(), options.pages, Temper::Hostile).await?;
    crawler::crawl(&options, site).await
}
