//! Tables that are there without a script, and that it replaces with better ones.

use std::collections::HashSet;
use std::fmt::Write as _;

use session_pool::PoolName;
use session_pool::inspect::{Figures, Overview, PoolFigures};

use super::template::escape_html;
use super::words::{REASONS, minute, name_of, plural, rate};
use crate::output::{escape, grouped};

/// What there is in all pools together.
pub(super) fn totals(figures: &Figures) -> String {
    let retired = REASONS
        .map(|reason| (format!("Retired: {}", name_of(reason).to_lowercase()), figures.retired[reason]));
    let rows = [("Ready", figures.ready), ("Resting", figures.resting), ("Unusable", figures.unusable.sum())]
        .map(|(name, count)| (name.to_owned(), count))
        .into_iter()
        .chain(retired)
        .chain([
            ("Retired ever".to_owned(), figures.retirements.ever),
            ("Uses".to_owned(), figures.uses),
            ("Bad uses".to_owned(), figures.errors),
        ]);
    let mut table = "<table><tbody>".to_owned();
    for (name, count) in rows {
        // Writing to text does not fail.
        let _ =
            write!(table, "<tr><th scope=\"row\">{name}</th><td class=\"n\">{}</td></tr>", grouped(count));
    }
    table + "</tbody></table>"
}

/// The pools, one a row: those that are among the shown ones.
pub(super) fn pools(overview: &Overview, shown: &HashSet<&PoolName>) -> String {
    if overview.pools.is_empty() {
        return "<p class=\"none\">The store has no pools.</p>".to_owned();
    }
    let mut table = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"pools\"><table class=\"data\"><thead>\
        <tr class=\"groups\"><td class=\"first\"></td><th scope=\"colgroup\" colspan=\"3\">Live</th>\
        <th scope=\"colgroup\" colspan=\"4\">Retired, still kept</th><td colspan=\"3\"></td></tr>\
        <tr><th scope=\"col\" class=\"first\">Pool</th>"
        .to_owned();
    let heads = ["Ready", "Resting", "Unusable"].into_iter().chain(REASONS.map(name_of)).chain([
        "Uses",
        "Error rate",
        "Last use",
    ]);
    for head in heads {
        let _ = write!(table, "<th scope=\"col\" class=\"n\">{head}</th>");
    }
    table += "</tr></thead><tbody>\n";
    for pool in overview.pools.iter().filter(|pool| shown.contains(&pool.pool)) {
        row(&mut table, pool);
    }
    table += "</tbody></table></div>";
    let left_out = overview.pools.len().saturating_sub(shown.len()) as u64;
    if left_out > 0 {
        let _ = write!(
            table,
            "<p class=\"hint\">{} with fewer sessions: their rows need JavaScript.</p>",
            plural(left_out, "more pool", "more pools")
        );
    }
    table
}

fn row(table: &mut String, PoolFigures { pool, figures, .. }: &PoolFigures) {
    // Where there is no room, a name is divided behind a mark.
    let name: Vec<String> =
        escape(pool.as_str()).split_inclusive(['.', '/', ':', '@', '_', '-']).map(escape_html).collect();
    let _ = write!(table, "<tr><th scope=\"row\" class=\"first\"><bdi>{}</bdi></th>", name.join("<wbr>"));
    let counts = [figures.ready, figures.resting, figures.unusable.sum()]
        .into_iter()
        .chain(REASONS.map(|reason| figures.retired[reason]))
        .chain([figures.uses]);
    for count in counts {
        let zero = if count == 0 { " zero" } else { "" };
        let _ = write!(table, "<td class=\"n{zero}\">{}</td>", grouped(count));
    }
    let error_rate = if figures.uses == 0 { "–".to_owned() } else { rate(figures.error_rate) };
    let last_use = figures.last_used_at.map_or_else(|| "–".to_owned(), minute);
    let _ = writeln!(table, "<td class=\"n\">{error_rate}</td><td class=\"n\">{last_use}</td></tr>");
}
