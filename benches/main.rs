//! How fast it is, and what it takes. `cargo bench` runs everything, `cargo bench -- uses durable` what is named so;
//! `cargo bench --features reqwest -- crawl` compares a crawl with and without a pool, `cargo bench --features cli -- tool`
//! measures the command-line tool.
//!
//! Figures of different machines, and of different minutes on one, do not compare; ratios do of what took turns. So that is
//! what the goals are about, and criterion measures single calls (`micro`), against the run before.
//! `benches/peers/run` compares it with the pools of Crawlee.
//!
//! What has `sled` in its name is what the storage engine alone takes for the same bytes.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a benchmark ends where something is wrong"
)]

mod commits;
#[cfg(feature = "reqwest")]
mod crawl;
mod durable;
mod footprint;
mod micro;
mod peers;
mod reopen;
mod support;
#[cfg(feature = "cli")]
mod tool;
mod uses;

type Workload = (&'static str, fn());

const WORKLOADS: &[Workload] = &[
    ("uses", uses::benchmark),
    ("commits", commits::benchmark),
    ("durable", durable::benchmark),
    ("reopen", reopen::benchmark),
    ("footprint", footprint::benchmark),
    #[cfg(feature = "reqwest")]
    ("crawl", crawl::benchmark),
    #[cfg(feature = "cli")]
    ("tool", tool::benchmark),
    ("micro", micro),
];

fn main() {
    if footprint::is_child() || peers::is_wanted() {
        return;
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, run) in WORKLOADS {
        // Criterion has filters of its own.
        let is_wanted =
            |wanted: &String| wanted.split('/').next().is_some_and(|wanted| name.contains(wanted));
        if wanted.is_empty() || wanted.iter().any(is_wanted) {
            run();
        }
    }
    support::LargeStore::remove();
}

fn micro() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    micro::benchmark(&mut criterion);
    criterion.final_summary();
}
