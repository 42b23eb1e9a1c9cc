// The page itself: what is drawn where.

const data = JSON.parse(byId("data").textContent);
const now = Date.parse(data.at);

// What went wrong, before what ends by itself.
const REASONS = [
  ["blocked", "Blocked"],
  ["retired", "Retired"],
  ["exhausted", "Exhausted"],
  ["expired", "Expired"],
];
const SPANS = [
  ["within_10_minutes", "10 min", "10 m"],
  ["within_1_hour", "1 h", "1 h"],
  ["within_6_hours", "6 h", "6 h"],
  ["within_1_day", "1 d", "1 d"],
  ["within_3_days", "3 d", "3 d"],
  ["within_1_week", "7 d", "7 d"],
];

const sumOf = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
const timeOf = (text) => (text === null ? null : Date.parse(text));
// Of nothing, nothing is bad.
const rate = ({ uses, error_rate: bad }) => (uses === 0 ? "–" : percent(bad));

function put(id, ...parts) {
  byId(id).replaceChildren(...parts.flat());
}

function tile(name, value, more) {
  const told = el("span", { class: "value" }, value);
  // What is long is written smaller, so that it fits.
  told.style.setProperty("--length", Math.max(8, value.length));
  return el("li", {}, el("span", { class: "name" }, name), told, el("span", { class: "more" }, more));
}

function tiles() {
  const { total } = data;
  const last = timeOf(total.last_used_at);
  const next = timeOf(total.expiries.next_at);
  put("tiles",
    tile("Live sessions", number(total.live), `${number(total.ready)} ready`),
    tile("Retired, still kept", number(sumOf(total.retired)), `${number(total.retirements.ever)} ever`),
    tile("Uses", number(total.uses), `${number(total.errors)} bad`),
    tile("Error rate", rate(total), "of all uses"),
    tile("Last use", last === null ? "never" : relative(last, now), last === null ? "" : minute(last)),
    tile("Next expiry", next === null ? "none" : relative(next, now), next === null ? "" : minute(next)));
}

// --- The charts, of all pools or of one

function counted(figures) {
  return Object.fromEntries(REASONS.map(([kind]) => [kind, figures.retirements.by_reason[kind].count]));
}

function legend(parts, total) {
  return el("ul", { class: "legend" }, parts.map(([name, count, kind]) => el("li", {}, el("span", { class: "entry" },
    swatch(kind), name, el("b", {}, number(count)), el("span", { class: "share" }, percent(share(count, total)))))));
}

function states(figures) {
  const live = [["Ready", figures.ready, "ready"], ["Resting", figures.resting, "resting"], ["Unusable", sumOf(figures.unusable), "unusable"]];
  const retired = REASONS.map(([kind, name]) => [name, figures.retired[kind], kind]);
  const bar = (title, total, parts, text) => el("div", { class: "state" },
    el("h3", {}, `${title}: ${number(total)} `, el("span", {}, text)),
    total === 0 ? null : stacked(title, parts), total === 0 ? null : legend(parts, total));
  const { blocked, exhausted, expired } = figures.unusable;
  const why = [[blocked, "blocked"], [exhausted, "used up"], [expired, "expired"]].filter(([count]) => count > 0);
  const unusable = why.length === 0 ? null
    : el("p", { class: "hint" }, `Unusable: ${why.map(([count, name]) => `${number(count)} ${name}`).join(", ")}. They will be retired when the pool is opened.`);
  put("states", bar("Live", figures.live, live, ""), unusable ?? [], bar("Retired", sumOf(figures.retired), retired, "still kept"));
}

// Which reasons are drawn. It stays when another pool is chosen.
const hidden = new Set();

function retirements(figures) {
  const { over_time: timeline } = figures.retirements;
  const counts = counted(figures);
  const total = sumOf(counts);
  if (timeline.from === null || total === 0) {
    put("retirements", nothing("The log tells of none."));
    return;
  }
  const kinds = REASONS.map(([kind, name]) => ({ kind, name, counts: timeline.counts[kind] }));
  const outside = [[timeline.earlier, "before"], [timeline.later, "after"]].filter(([count]) => count > 0);
  const text = `${plural(total, "retirement", "retirements")}, one column ${each(timeline.step_seconds)}`
    + outside.map(([count, where]) => `; ${number(count)} more ${where} that are not drawn`).join("");
  const chart = el("div", {});
  const draw = () => {
    const shown = kinds.filter(({ kind }) => !hidden.has(kind));
    chart.replaceChildren(shown.length === 0 ? nothing("All reasons are hidden.") : timeChart("Retirements over time", timeline, shown));
  };
  const buttons = el("ul", { class: "legend", "aria-label": "Reasons that are drawn" }, kinds.map(({ kind, name }) => {
    const button = el("button", { type: "button", "aria-pressed": String(!hidden.has(kind)), "data-kind": kind },
      swatch(kind), name, el("b", {}, number(counts[kind])), el("span", { class: "share" }, percent(share(counts[kind], total))));
    button.addEventListener("click", () => {
      if (!hidden.delete(kind)) hidden.add(kind);
      button.setAttribute("aria-pressed", String(!hidden.has(kind)));
      draw();
    });
    return el("li", {}, button);
  }));
  draw();
  const from = Date.parse(timeline.from);
  const rows = kinds[0].counts.map((_, at) =>
    [span(from + at * timeline.step_seconds * 1000, timeline.step_seconds), ...kinds.map(({ counts }) => number(counts[at]))]);
  put("retirements", el("p", { class: "sub" }, text), chart, buttons,
    asTable("Retirements over time, by reason", ["When", ...kinds.map(({ name }) => name)], rows));
}

function ends(figures) {
  const total = sumOf(counted(figures));
  if (total === 0) {
    put("ends", nothing("The log tells of no retirements."));
    return;
  }
  const or = (value, text) => (value === null ? "–" : text(value));
  const groups = groupHeads([["", 3], ["Uses", 2], ["Life", 2], ["", 1]]);
  const heads = ["Reason", "Sessions", "Share", "median", "90th percentile", "median", "90th percentile", "Error rate"];
  const rows = REASONS.map(([kind, name]) => {
    const of = figures.retirements.by_reason[kind];
    const cells = [
      number(of.count), percent(share(of.count, total)), or(of.uses_median, number), or(of.uses_p90, number),
      or(of.life_seconds_median, duration), or(of.life_seconds_p90, duration), of.count === 0 ? "–" : percent(of.error_rate),
    ];
    return el("tr", { "data-kind": kind }, el("th", { scope: "row", class: "first" }, swatch(kind), name), cells.map((text) => el("td", { class: "n" }, text)));
  });
  const head = el("tr", {}, heads.map((text, at) => el("th", { scope: "col", class: at > 0 ? "n" : "first" }, text)));
  const table = el("table", {}, el("thead", {}, groups, head), el("tbody", {}, rows));
  put("ends", el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "How sessions ended, by reason" }, table));
}

// `none`: those at nothing, which are among the first tenth too, and have a column of their own.
function tenths(title, { tenths: counts, none }, names, kind, limit) {
  const bars = counts.map((count, at) => at === 10 ? [names.full, names.full, count, "unusable"]
    : at === 0 ? ["below 10%", "<10", count - none, kind] : [`${at * 10}–${at * 10 + 10}%`, String(at * 10), count, kind]);
  bars.unshift([names.none, names.none, none, "ready"]);
  return [columns(title, bars), asTable(title, [`Of ${limit}`, "Sessions"], bars.map(([label, , count]) => [label, number(count)]))];
}

function distributions(figures) {
  const { usage, error_scores: scores, live } = figures;
  if (live === 0) {
    for (const id of ["usage", "scores", "ages"]) put(id, nothing("There are no live sessions."));
    return;
  }
  put("usage", el("p", { class: "sub" }, "Uses, in percent of the most there may be"),
    tenths("Usage of live sessions", { tenths: usage.tenths, none: usage.unused }, { none: "New", full: "Full" }, "plain", "max_usage_count"));
  put("scores", el("p", { class: "sub" }, "Error score, in percent of the maximum"),
    tenths("Error scores of live sessions", { tenths: scores.tenths, none: scores.zero }, { none: "0", full: "Max" }, "blocked", "max_error_score"));
  const ages = SPANS.map(([key, label, short]) => [`≤ ${label}`, short, figures.ages[key], "plain"]);
  ages.push(["> 7 d", "more", figures.ages.beyond, "plain"]);
  put("ages", el("p", { class: "sub" }, "Since they were created"), columns("Age of live sessions", ages),
    asTable("Age of live sessions", ["Age", "Sessions"], ages.map(([label, , count]) => [label, number(count)])));
}

function expiries(figures) {
  const { ahead, never, next_at: next, over_time: timeline } = figures.expiries;
  const usable = figures.ready + figures.resting;
  if (usable === 0) {
    for (const id of ["ahead", "expiries"]) put(id, nothing("There are no usable sessions."));
    return;
  }
  const bars = SPANS.map(([key, label, short]) => [`≤ ${label}`, short, ahead[key], "ready"]);
  bars.push(["Later", "later", ahead.beyond, "ready"], ["Never", "never", never, "ready"]);
  const text = next === null ? "None of them ever expires." : `Ready and resting sessions. The next expires ${relative(timeOf(next), now)}.`;
  put("ahead", el("p", { class: "sub" }, text), columns("Expiries ahead", bars),
    asTable("Expiries ahead", ["Within", "Sessions"], bars.map(([label, , count]) => [label, number(count)])));
  const drawn = timeline.counts.reduce((sum, count) => sum + count, 0);
  if (timeline.from === null || drawn === 0) {
    put("expiries", nothing("None."));
    return;
  }
  const from = Date.parse(timeline.from);
  const rows = timeline.counts.map((count, at) => [span(from + at * timeline.step_seconds * 1000, timeline.step_seconds), number(count)]);
  const more = timeline.later > 0 ? `; ${number(timeline.later)} more expire later` : "";
  put("expiries", el("p", { class: "sub" }, `${plural(drawn, "session", "sessions")}, one column ${each(timeline.step_seconds)}${more}`),
    timeChart("Expiries ahead", timeline, [{ kind: "ready", name: "Expire", counts: timeline.counts }]),
    asTable("Expiries ahead, over time", ["When", "Sessions"], rows));
}

function charts(figures) {
  states(figures);
  retirements(figures);
  ends(figures);
  distributions(figures);
  expiries(figures);
}

// --- The tables

function choice() {
  const select = byId("pool");
  const drawable = data.pools.filter((pool) => pool.figures !== null);
  add(select, [el("option", { value: "" }, "all pools"), ...drawable.map((pool) => el("option", { value: String(data.pools.indexOf(pool)) }, visible(pool.pool)))]);
  select.addEventListener("change", () => charts(select.value === "" ? data.total : data.pools[Number(select.value)].figures));
  byId("scope").addEventListener("submit", (event) => event.preventDefault());
  byId("scope").hidden = drawable.length < 2;
}

function choose(pool) {
  const select = byId("pool");
  select.value = String(data.pools.indexOf(pool));
  select.dispatchEvent(new Event("change"));
  select.scrollIntoView({ block: "start" });
  select.focus({ preventScroll: true });
}

const count = (head, value, title) => ({ head, title, value, cell: (row) => number(value(row)) });

function when(head, value, title) {
  const cell = (row) => {
    const time = value(row);
    return time === null ? "–" : el("time", { datetime: new Date(time).toISOString(), title: minute(time) }, relative(time, now));
  };
  return { head, title, value, cell };
}

function pools() {
  if (data.pools.length === 0) {
    return;
  }
  const name = (row) => {
    if (row.figures === null || byId("scope").hidden) return named(row.pool);
    const button = el("button", { type: "button", title: `Show the charts of ${visible(row.pool)}` }, named(row.pool));
    button.addEventListener("click", () => choose(row));
    return button;
  };
  const columns = [
    { head: "Pool", isText: true, isFirst: true, value: (row) => visible(row.pool), cell: name },
    count("Ready", (row) => row.ready),
    count("Resting", (row) => row.resting),
    count("Unusable", (row) => row.unusable, "Live, and not to be used any more"),
    ...REASONS.map(([kind, name]) => count(name, (row) => row.retired[kind], "Retired, still kept")),
    count("Uses", (row) => row.uses),
    { head: "Error rate", title: "Bad uses, of each use", value: (row) => (row.uses === 0 ? null : row.error_rate), cell: rate },
    when("Last use", (row) => timeOf(row.last_used_at)),
    { head: "Retirements over time", isText: true, isFixed: true, title: "Each pool has a scale of its own", value: () => "", cell: (row) => spark(row.retirements, `Retirements over time, ${number(row.retirements.reduce((sum, n) => sum + n, 0))} in all`) },
  ];
  const groups = [["", 1], ["Live", 3], ["Retired, still kept", 4], ["", 4]];
  put("pools-table", dataTable({ label: "pools", columns, groups, rows: data.pools, found: (row) => visible(row.pool), things: (n) => (n === 1 ? "pool" : "pools") }));
}

function proxies() {
  const rows = data.proxies.map((proxy) => ({ ...proxy, endpoint: visible(proxy.endpoint) }));
  if (rows.length === 0) {
    put("proxies-table", nothing("No session goes out through a proxy."));
    return;
  }
  const columns = [
    { head: "Proxy", isText: true, isFirst: true, className: "mono", value: (row) => row.endpoint, cell: (row) => named(row.endpoint) },
    count("Sessions", (row) => row.sessions, "Live and retired, as long as they are kept"),
    count("Live", (row) => row.live),
    count("Banned", (row) => row.banned, "Blocked, or retired by the crawler or an operator"),
    { head: "Ban rate", title: "Bans, of each session", value: (row) => row.ban_rate, cell: (row) => meter(row.ban_rate) },
    count("Uses", (row) => row.uses),
    { head: "Error rate", title: "Bad uses, of each use", value: (row) => (row.uses === 0 ? null : row.error_rate), cell: (row) => (row.uses === 0 ? "–" : meter(row.error_rate)) },
  ];
  const hints = [];
  if (data.proxies_left_out > 0) hints.push(`${number(data.proxies_left_out)} better ones are not in this page.`);
  const none = data.without_proxy;
  if (none !== null) hints.push(`${plural(none.sessions, "session has", "sessions have")} no proxy: ban rate ${percent(none.ban_rate)}, error rate ${percent(none.error_rate)}.`);
  const more = hints.map((text) => el("p", { class: "hint" }, text));
  put("proxies-table", dataTable({ label: "proxies", columns, rows, least: 25, found: (row) => row.endpoint, things: (n) => (n === 1 ? "proxy" : "proxies") }), more);
}

function recent() {
  if (data.recent.length === 0) {
    put("recent-table", nothing("The log tells of none."));
    return;
  }
  const names = Object.fromEntries(REASONS);
  const columns = [
    { head: "When", isFirst: true, isText: true, className: "time", value: (row) => timeOf(row.retired_at), cell: (row) => el("time", { datetime: row.retired_at, title: relative(timeOf(row.retired_at), now) }, minute(timeOf(row.retired_at))) },
    { head: "Pool", isText: true, className: "name", value: (row) => visible(row.pool), cell: (row) => named(row.pool) },
    { head: "Session", isText: true, className: "mono", value: (row) => row.id, cell: (row) => visible(row.id) },
    { head: "Reason", isText: true, value: (row) => names[row.reason], cell: (row) => [swatch(row.reason), names[row.reason]] },
    count("Uses", (row) => row.usage_count),
    count("Errors", (row) => row.error_count),
    { head: "Score", title: "Error score at the end", value: (row) => row.error_score, cell: (row) => String(row.error_score) },
    { head: "Life", title: "From creation to retirement", value: (row) => row.life_seconds, cell: (row) => duration(row.life_seconds) },
  ];
  put("recent-table", dataTable({
    label: "recent retirements", columns, rows: data.recent, least: 25, found: (row) => `${visible(row.pool)} ${row.id} ${names[row.reason]}`,
    things: (n) => (n === 1 ? "retirement" : "retirements"), sorted: { at: 0, direction: -1 },
  }));
}

byId("totals").remove();
for (const part of document.querySelectorAll(".needs-script")) part.hidden = false;
tiles();
choice();
charts(data.total);
pools();
proxies();
recent();
