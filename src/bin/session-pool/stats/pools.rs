//! A line for each pool.

use session_pool::inspect::{Figures, PoolFigures};

use super::bars::{spark, squeeze, stack};
use super::text::{Line, grouped};
use super::{READY, REASONS, RESTING, Screen, UNUSABLE};
use crate::output::{escape, percent, relative, shorten, style, width};

/// How wide what is in the columns.
struct Widths {
    name: usize,
    live: usize,
    /// 0, where there is no room for it; the same for all but `retired`.
    ready: usize,
    live_bar: usize,
    retired: usize,
    retired_bar: usize,
    errors: usize,
    spark: usize,
    last_use: usize,
}

/// What stands between two columns.
const GAP: usize = 2;
const OVER_TIME: &str = "OVER TIME";

/// How many columns a bar takes, with the blank before it.
fn bar_room(bar: usize) -> usize {
    if bar == 0 { 0 } else { bar + 1 }
}

impl Screen<'_> {
    pub(super) fn pools(&self) -> Vec<Line> {
        let pools = &self.overview.pools;
        let widths = self.widths();
        let right =
            |text: &str, columns: usize| format!("{}{text}", " ".repeat(columns.saturating_sub(text.len())));
        let mut head = Line::new().then("POOL", style::HEAD).to(widths.name + GAP);
        for (text, columns, bar) in [
            ("LIVE", widths.live, 0),
            ("READY", widths.ready, widths.live_bar),
            ("RETIRED", widths.retired, widths.retired_bar),
            ("ERRORS", widths.errors, 0),
        ] {
            if columns > 0 {
                let end = head.width() + columns + bar_room(bar) + GAP;
                head = head.then(right(text, columns), style::HEAD).to(end);
            }
        }
        if widths.spark > 0 {
            head = head.then(OVER_TIME, style::HEAD);
        }
        if widths.last_use > 0 {
            let place = self.width - widths.last_use;
            head = head.to(place).then(right("LAST USE", widths.last_use), style::HEAD);
        }
        let most = |count: fn(&Figures) -> u64| {
            pools.iter().map(|pool| count(&pool.figures)).max().unwrap_or_default()
        };
        let most = (most(|figures| figures.live), most(|figures| figures.retired.sum()));
        std::iter::once(head).chain(pools.iter().map(|pool| self.pool(pool, &widths, most))).collect()
    }

    fn widths(&self) -> Widths {
        let pools = &self.overview.pools;
        let count = |count: fn(&Figures) -> u64, head: &str| {
            let widest =
                pools.iter().map(|pool| grouped(count(&pool.figures)).len()).max().unwrap_or_default();
            widest.max(head.len())
        };
        let live = count(|figures| figures.live, "LIVE");
        let mut ready = count(|figures| figures.ready, "READY");
        let retired = count(|figures| figures.retired.sum(), "RETIRED");
        let is_wide = self.width >= 110;
        let (mut live_bar, mut retired_bar) = match self.width {
            110.. => (12, 16),
            80.. => (8, 12),
            _ => (0, 0),
        };
        let (mut errors, last_use) = (7, if is_wide { 14 } else { 0 });
        let ends = if is_wide { GAP + last_use } else { 0 };
        let least_name = 8;
        let with_gap = |columns: usize| if columns == 0 { 0 } else { columns + GAP };
        let taken = |ready, live_bar, retired_bar, errors| {
            let bars = bar_room(live_bar) + bar_room(retired_bar);
            live + retired + bars + with_gap(ready) + with_gap(errors) + 3 * GAP + ends
        };
        // What is least missed is left off first. Behind the last column there is no gap, unless a line over time comes.
        let fits = |taken: usize| least_name + taken <= self.width + GAP;
        if !fits(taken(ready, live_bar, retired_bar, errors)) {
            errors = 0;
        }
        if !fits(taken(ready, live_bar, retired_bar, errors)) {
            (live_bar, retired_bar) = (0, 0);
        }
        if !fits(taken(ready, live_bar, retired_bar, errors)) {
            ready = 0;
        }
        let taken = taken(ready, live_bar, retired_bar, errors);
        let room = (self.width + GAP).saturating_sub(taken);
        let longest = pools.iter().map(|pool| width(&escape(pool.pool.as_str()))).max().unwrap_or_default();
        // A line over time wants as much room as its head; where that is not there, it is left off.
        let least_spark = OVER_TIME.len();
        let for_spark = if room >= least_name + GAP + least_spark { GAP + least_spark } else { 0 };
        let name = longest.min(room.saturating_sub(for_spark)).max(least_name);
        let steps = pools.first().map_or(0, |pool| pool.figures.retirements.over_time.counts.blocked.len());
        let spark = match for_spark {
            0 => 0,
            _ => room.saturating_sub(name + GAP).clamp(least_spark, steps.max(least_spark)),
        };
        Widths { name, live, ready, live_bar, retired, retired_bar, errors, spark, last_use }
    }

    fn pool(&self, pool: &PoolFigures, widths: &Widths, (most_live, most_retired): (u64, u64)) -> Line {
        let figures = &pool.figures;
        // The bar is as long as the pool is large, beside the largest.
        let bar = |line: Line, parts: &[(u64, anstyle::Style)], fills: &[char], most: u64, columns: usize| {
            let line = line.plain(" ".repeat(bar_room(columns) - columns));
            let end = line.width() + columns;
            let counts: Vec<u64> = parts.iter().map(|(count, _)| *count).collect();
            let total: u64 = counts.iter().sum();
            let parts_there = counts.iter().filter(|count| **count > 0).count();
            let length =
                stack(&[total, most.saturating_sub(total)], columns)[0].max(parts_there).min(columns);
            let parts = stack(&counts, length).into_iter().zip(parts).zip(fills);
            parts
                .fold(line, |line, ((columns, (_, style)), fill)| {
                    line.then(fill.to_string().repeat(columns), *style)
                })
                .to(end)
        };
        let number = |line: Line, text: &str, columns: usize| {
            line.plain(" ".repeat(columns.saturating_sub(text.len()))).plain(text)
        };
        let gap = |line: Line| line.plain(" ".repeat(GAP));

        let mut line =
            gap(Line::new().plain(shorten(&escape(pool.pool.as_str()), widths.name)).to(widths.name));
        line = gap(number(line, &grouped(figures.live), widths.live));
        if widths.ready > 0 {
            line = number(line, &grouped(figures.ready), widths.ready);
        }
        let states = [(figures.ready, READY), (figures.resting, RESTING), (figures.unusable.sum(), UNUSABLE)];
        line = bar(line, &states, &self.glyphs.live(), most_live, widths.live_bar);
        if widths.ready > 0 {
            line = gap(line);
        }
        line = number(line, &grouped(figures.retired.sum()), widths.retired);
        let reasons = REASONS.map(|(reason, _, style)| (figures.retired[reason], style));
        line = gap(bar(line, &reasons, &self.glyphs.reasons(), most_retired, widths.retired_bar));
        if widths.errors > 0 {
            let errors = if figures.uses == 0 { "-".to_owned() } else { percent(figures.error_rate) };
            line = gap(number(line, &errors, widths.errors));
        }

        if widths.spark > 0 {
            let over_time = figures.retirements.over_time.sums();
            line = line.plain(spark(&squeeze(&over_time, widths.spark), self.glyphs));
        }
        if widths.last_use > 0 {
            let text =
                figures.last_used_at.map_or("never".to_owned(), |time| relative(time, self.overview.at));
            let place = (self.width - widths.last_use).max(line.width());
            line = number(line.to(place), &text, widths.last_use);
        }
        line
    }
}
