// Charts that do not run over time: columns, stacked bars, lines in a table, meters.

// Draws now, and again whenever the width changes.
function drawn(className, draw) {
  const box = el("div", { class: className });
  let width = 0;
  const redraw = () => {
    const now = Math.floor(box.clientWidth);
    if (now > 0 && now !== width) {
      width = now;
      box.replaceChildren(...[draw(width, box)].flat());
    }
  };
  new ResizeObserver(redraw).observe(box);
  return box;
}

// A column with a round top: from the base line up.
function column(x, y, width, height, fill) {
  const radius = Math.min(3, width / 2, height);
  const d = `M${x} ${y + height}v${radius - height}q0 ${-radius} ${radius} ${-radius}h${width - 2 * radius}`
    + `q${radius} 0 ${radius} ${radius}v${height - radius}z`;
  return svg("path", { d, fill: `url(#fill-${fill})` });
}

// Columns with their values on top. `bars`: [label, short label, value, kind].
function columns(title, bars) {
  const most = Math.max(1, ...bars.map(([, , value]) => value));
  const total = bars.reduce((sum, [, , value]) => sum + value, 0);
  const summary = bars.filter(([, , value]) => value > 0).map(([label, , value]) => `${label}: ${number(value)}`);
  return drawn("chart columns", (width) => {
    const [height, top, bottom] = [190, 22, 24];
    const step = width / bars.length;
    const thick = Math.min(step * 0.72, 64);
    // As exactly as there is room for over a column: a character takes 8 of it, or less.
    const told = (value) => [number(value), compact(value)].find((text) => text.length * 8 <= step) ?? shortest(value);
    const shapes = bars.map(([label, short, value, kind], at) => {
      const middle = at * step + step / 2;
      const size = value === 0 ? 0 : Math.max(2, (value / most) * (height - top - bottom));
      const y = height - bottom - size;
      const tip = svg("title", {}, `${label}: ${number(value)} (${percent(share(value, total))})`);
      const above = value === 0 ? null
        : svg("text", { x: middle, y: y - 6, "text-anchor": "middle", class: "strong" }, told(value));
      const below = svg("text", { x: middle, y: height - 7, "text-anchor": "middle" }, step < 66 ? short : label);
      const bar = value === 0 ? null : column(middle - thick / 2, y, thick, size, kind);
      const hit = svg("rect", { class: "hit", x: at * step, y: 0, width: step, height });
      return svg("g", { class: "column", "data-value": value }, tip, bar, above, below, hit);
    });
    const base = svg("line", { class: "base-line", x1: 0, x2: width, y1: height - bottom + 0.5, y2: height - bottom + 0.5 });
    return svg("svg", {
      class: step < 24 ? "narrower" : step < 30 ? "narrow" : null,
      viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${summary.join("; ") || "None"}.`,
    }, base, shapes);
  });
}

// One bar of parts. `parts`: [label, value, kind].
function stacked(title, parts) {
  const total = parts.reduce((sum, [, value]) => sum + value, 0);
  const there = parts.filter(([, value]) => value > 0);
  const summary = there.map(([label, value]) => `${label}: ${number(value)}`).join("; ");
  return drawn("chart stacked", (width) => {
    const [height, gap, least] = [30, 2, 3];
    // What is there is seen, however little it is.
    const room = width - gap * (there.length - 1) - least * there.length;
    let x = 0;
    const shapes = there.map(([label, value, kind]) => {
      const size = least + Math.max(0, room) * (value / total);
      const tip = svg("title", {}, `${label}: ${number(value)} (${percent(share(value, total))})`);
      const bar = svg("rect", { x, y: 0, width: size, height, rx: 3, fill: `url(#fill-${kind})` });
      x += size + gap;
      return svg("g", { class: "part", "data-value": value }, tip, bar);
    });
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${summary}.` }, shapes);
  });
}

// What a pool has been through, in a cell. All pools' lines have the same times.
function spark(counts, label) {
  const [width, height] = [132, 26];
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const bars = counts.map((count, at) => count === 0 ? null : svg("rect", {
    x: at * step, y: height - Math.max(1.5, (count / most) * height), width: Math.max(0.8, step - 0.6),
    height: Math.max(1.5, (count / most) * height), class: "s-plain",
  }));
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "none" },
    svg("rect", { x: 0, y: height - 0.5, width, height: 0.5, class: "s-unusable" }), bars);
}

function meter(value) {
  const bar = svg("svg", { viewBox: "0 0 48 8", "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("rect", { class: "back", width: 48, height: 8, rx: 2 }),
    value > 0 ? svg("rect", { class: "fore", width: Math.max(1.5, 48 * value), height: 8, rx: 2 }) : null);
  return el("span", { class: "meter" }, percent(value), bar);
}
