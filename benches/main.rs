//! How fast it is. `cargo bench` runs everything, `cargo bench -- uses` one workload; `cargo bench --features reqwest -- crawl`
//! compares a crawl with and without a pool.
//!
//! Figures of different machines do not compare; ratios of one run do. The workloads with `sled` in their names are what
//! the storage engine alone takes for the same bytes.

#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark ends where something is wrong"
)]

#[cfg(feature = "reqwest")]
mod crawl;
mod durable;
mod reopen;
mod support;
mod uses;

fn main() {
    #[cfg(feature = "reqwest")]
    if !crawl::benchmark() {
        return;
    }
    let mut criterion = criterion::Criterion::default().configure_from_args();
    uses::benchmark(&mut criterion);
    durable::benchmark(&mut criterion);
    reopen::benchmark(&mut criterion);
    criterion.final_summary();
}
