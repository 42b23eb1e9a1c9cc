//! All pools together: what there is, what happened over time, and how sessions ended.

use anstyle::Style;
use session_pool::Timestamp;
use session_pool::inspect::{ByReason, Figures, Timeline, Unusable};

use super::axis::axis;
use super::bars::{spark, squeeze, stack};
use super::text::{Line, flow, grouped};
use super::{LABEL, NARROW, READY, REASONS, RESTING, Screen, UNUSABLE, counted};
use crate::output::{percent, relative, share, span, style};

/// A part of a bar: its name, how many, and how it looks.
type Part = (String, u64, Style);

impl Screen<'_> {
    /// The live, the retired, the uses.
    pub(super) fn totals(&self, total: &Figures) -> Vec<Line> {
        let Unusable { blocked, exhausted, expired, .. } = total.unusable;
        let why = [(blocked, "blocked"), (exhausted, "used up"), (expired, "expired")];
        let why = why.into_iter().filter(|(count, _)| *count > 0);
        let mut why: Vec<String> = why.map(|(count, name)| format!("{} {name}", grouped(count))).collect();
        if let Some(first) = why.first_mut() {
            first.insert_str(0, "of these ");
        }
        let live = [
            (format!("ready {}", grouped(total.ready)), total.ready, READY),
            (format!("resting {}", grouped(total.resting)), total.resting, RESTING),
            (format!("unusable {}", grouped(total.unusable.sum())), total.unusable.sum(), UNUSABLE),
        ];
        let retired = REASONS.map(|(reason, name, style)| {
            let count = total.retired[reason];
            (format!("{name} {}", grouped(count)), count, style)
        });
        let mut lines = self.bar_with_legend("live", total.live, &live, &self.glyphs.live(), why);
        lines.extend(self.bar_with_legend(
            "retired",
            total.retired.sum(),
            &retired,
            &self.glyphs.reasons(),
            Vec::new(),
        ));
        lines.extend(self.uses(total));
        lines
    }

    /// `more`: what is said behind the legend.
    fn bar_with_legend(
        &self,
        label: &str,
        count: u64,
        parts: &[Part],
        fills: &[char],
        more: Vec<String>,
    ) -> Vec<Line> {
        let mut line = counted(label, count, style::HEAD);
        if count == 0 {
            return vec![line];
        }
        let counts: Vec<u64> = parts.iter().map(|(_, count, _)| *count).collect();
        for ((columns, (_, _, style)), fill) in
            stack(&counts, self.width.saturating_sub(line.width())).iter().zip(parts).zip(fills)
        {
            line = line.then(fill.to_string().repeat(*columns), *style);
        }
        let legend = parts.iter().zip(fills).map(|((name, count, style), fill)| {
            let line = Line::new().then(fill.to_string(), *style).plain(" ");
            if *count == 0 { line.faint(name) } else { line.plain(name) }
        });
        let indent = self.indent();
        let legend = legend.chain(more.into_iter().map(|text| Line::new().faint(text)));
        let legend = flow(legend, self.width - indent, 2)
            .into_iter()
            .map(|legend| Line::new().to(indent).join(legend));
        std::iter::once(line).chain(legend).collect()
    }

    fn uses(&self, total: &Figures) -> Vec<Line> {
        let now = self.overview.at;
        let away =
            |name: &str, time: Option<Timestamp>| time.map(|time| format!("{name} {}", relative(time, now)));
        let told = [
            (total.uses > 0)
                .then(|| format!("{} bad ({})", grouped(total.errors), percent(total.error_rate))),
            away("last use", total.last_used_at),
            away("next expiry", total.expiries.next_at),
        ];
        let told = told.into_iter().flatten().map(|text| Line::new().plain(text));
        let indent = self.indent();
        let mut first = counted("uses", total.uses, style::HEAD);
        let mut lines = flow(told, self.width - indent, 3).into_iter().peekable();
        if let Some(line) = lines.next_if(|line| first.width() + line.width() <= self.width) {
            first = first.join(line);
        }
        std::iter::once(first).chain(lines.map(|line| Line::new().to(indent).join(line))).collect()
    }

    /// A line over time for each reason, and one for all.
    pub(super) fn over_time(&self, total: &Figures) -> Vec<Line> {
        let timeline: &Timeline<ByReason<Vec<u64>>> = &total.retirements.over_time;
        let (Some(from), steps) = (timeline.from, timeline.counts.blocked.len()) else {
            let [blank, head] = self.section("RETIREMENTS OVER TIME", "");
            return vec![blank, head, Line::new().plain("The log tells of none.")];
        };
        // Of all counts, that of all is the widest.
        let before = counted("all", total.retirements.count(), style::PLAIN).width();
        let room = self.width.saturating_sub(before).max(1);
        let squeezed = steps.div_ceil(room).max(1);
        let seconds = timeline.step_seconds.saturating_mul(squeezed as u64);
        let columns = steps.div_ceil(squeezed);
        // A step has as many columns as there is room for, up to a few.
        let wide = (room / columns.max(1)).clamp(1, 6);
        let line = |label: &str, counts: &[u64], count: u64, style: Style| {
            let counts: Vec<u64> =
                squeeze(counts, columns).iter().flat_map(|count| std::iter::repeat_n(*count, wide)).collect();
            counted(label, count, style::PLAIN).to(before).then(spark(&counts, self.glyphs), style)
        };
        let mut lines = Vec::new();
        for (reason, name, style) in REASONS {
            let counts = &timeline.counts[reason];
            lines.push(line(name, counts, total.retirements.by_reason[reason].count, style));
        }
        lines.push(line("all", &timeline.sums(), total.retirements.count(), style::PLAIN));
        let marks = axis(from, seconds / wide as u64, columns * wide, self.zone);
        lines.push(Line::new().to(before).faint(marks));
        let beside = [(timeline.earlier, "before that"), (timeline.later, "after that")];
        for (count, when) in beside.into_iter().filter(|(count, _)| *count > 0) {
            lines.push(Line::new().to(self.indent()).faint(format!("{} more {when}", grouped(count))));
        }
        let step = span(std::time::Duration::from_secs(seconds));
        let mut shown: Vec<Line> = self
            .section("RETIREMENTS OVER TIME", &format!("{step} a step, each line to its own height"))
            .into();
        shown.extend(lines);
        shown
    }

    /// How those ended that the log tells of.
    pub(super) fn ends(&self, total: &Figures) -> Vec<Line> {
        let all = total.retirements.count();
        if all == 0 {
            return Vec::new();
        }
        // Where it is narrow, the percentiles are left off.
        let columns = match self.width {
            72.. => [9, 8, 7, 13, 13, 9],
            NARROW.. => [8, 7, 0, 13, 0, 9],
            _ => [7, 5, 0, 11, 0, 7],
        };
        let row = |cells: [&str; 6]| -> String {
            let cells = cells.into_iter().zip(columns).filter(|(_, columns)| *columns > 0);
            cells.fold(String::new(), |row, (text, columns)| format!("{row}{text:>columns$}"))
        };
        let heads = row(["SHARE", "USES", "90 %", "LIFE", "90 %", "ERRORS"]);
        let more = if self.width >= 72 { "the median, and what 90 % do not exceed" } else { "the median" };
        let mut lines: Vec<Line> = self.section("HOW THEY ENDED", more).into();
        lines.push(Line::new().to(LABEL).then(heads, style::HEAD));
        for (reason, name, style) in REASONS {
            let of = total.retirements.by_reason[reason];
            let count = |count: Option<u64>| count.map_or("-".to_owned(), grouped);
            let life = |seconds: Option<u64>| {
                seconds.map_or("-".to_owned(), |seconds| span(std::time::Duration::from_secs(seconds)))
            };
            let errors = if of.count == 0 { "-".to_owned() } else { percent(of.error_rate) };
            let cells = row([
                &percent(share(of.count, all)),
                &count(of.uses_median),
                &count(of.uses_p90),
                &life(of.life_seconds_median),
                &life(of.life_seconds_p90),
                &errors,
            ]);
            lines.push(Line::new().then(name, style).to(LABEL).plain(cells));
        }
        lines
    }
}
