//! The sites of the sample.

use std::time::Duration;

use crate::history::Site;

/// How long eight sites are crawled.
pub(crate) const FOUR_DAYS: Duration = Duration::from_secs(4 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// Eight sites, each with a fate of its own; so many of each.
pub(crate) fn sites(copies: usize) -> Vec<Site> {
    let copy = |copy: usize| {
        let mut sites = eight_sites();
        for site in sites.iter_mut().filter(|_| copy > 1) {
            site.name = format!("{copy}.{}", site.name);
        }
        sites
    };
    (1..=copies).flat_map(copy).collect()
}

fn eight_sites() -> Vec<Site> {
    let data_center: Vec<String> =
        (1..=12).map(|n| format!("http://crawler:secret@dc{n}.proxy.example:8000")).collect();
    let residential: Vec<String> = ["de", "fr", "us", "jp"]
        .map(|country| format!("socks5h://user-country-{country}:secret@{country}.residential.example:1080"))
        .into();
    vec![
        Site {
            sessions: 300,
            max_age: 12 * HOUR,
            max_usage_count: 45,
            uses: 70,
            outrage: Some((33 * HOUR, 29 * HOUR)),
            proxies: residential.clone(),
            ..Site::new("shop.example")
        },
        Site {
            sessions: 60,
            max_age: Duration::from_secs(3000),
            max_usage_count: 11,
            uses: 35,
            failures: 0.02,
            ..Site::new("news.example")
        },
        Site { sessions: 90, limits: 0.06, uses: 25, proxies: residential, ..Site::new("tickets.example") },
        Site {
            sessions: 60,
            max_age: 30 * DAY,
            max_usage_count: 100_000,
            uses: 15,
            failures: 0.01,
            bans: 0.0004,
            has_accounts: true,
            ..Site::new("accounts.example")
        },
        Site {
            sessions: 120,
            max_age: 3 * HOUR,
            uses: 30,
            failures: 0.16,
            bans: 0.004,
            proxies: data_center.clone(),
            ..Site::new("maps.example")
        },
        Site {
            sessions: 50,
            crawled: (Duration::MAX, 20 * HOUR),
            proxies: data_center,
            ..Site::new("search.example")
        },
        Site {
            sessions: 40,
            max_age: 6 * HOUR,
            crawled: (2 * HOUR, Duration::ZERO),
            ..Site::new("travel.example")
        },
        Site { sessions: 1, uses: 0, ..Site::new("idle.example") },
    ]
}
