// Columns over time, stacked by kind, with a label that follows the pointer or the arrow keys.

// Steps between the marks of the axis, in seconds.
const MARKS = [1, 5, 10, 15, 30].map((n) => n * MINUTE)
  .concat([1, 2, 3, 6, 12].map((n) => n * HOUR), [1, 2, 7, 14, 28, 91, 364, 3640, 36400, 364000].map((n) => n * DAY));

// Round numbers up to `most` at least, three or four of them.
function scale(most) {
  const rough = Math.max(1, most / 3);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 2.5, 4, 5, 10].map((n) => n * power).find((n) => n >= rough && Number.isInteger(n)) ?? 10 * power);
  return { step, top: Math.max(1, Math.ceil(most / step)) * step };
}

function timeMarks(from, seconds, length, width) {
  const all = seconds * length;
  const mark = MARKS.find((step) => (step / all) * width >= 62) ?? MARKS[MARKS.length - 1];
  const marks = [];
  for (let time = Math.ceil(from / 1000 / mark) * mark; time <= from / 1000 + all; time += mark) {
    const isDay = mark >= DAY || time % DAY === 0;
    const text = mark >= 364 * DAY ? String(new Date(time * 1000).getUTCFullYear()) : isDay ? day(time * 1000) : clock(time * 1000);
    marks.push({ at: (time - from / 1000) / seconds, text, isDay });
  }
  return marks;
}

// `timeline`: { from, step_seconds, earlier, later }; `kinds`: [{ kind, name, counts }], from the bottom up.
function timeChart(title, timeline, kinds) {
  const from = Date.parse(timeline.from);
  const length = kinds[0].counts.length;
  const sums = Array.from({ length }, (_, at) => kinds.reduce((sum, { counts }) => sum + counts[at], 0));
  const total = sums.reduce((sum, count) => sum + count, 0);
  const name = (at) => span(from + at * timeline.step_seconds * 1000, timeline.step_seconds);
  return drawn("chart timeline", (width, box) => {
    const [height, left, top, bottom] = [240, 46, 10, 26];
    const { step: rise, top: most } = scale(Math.max(...sums));
    const [inner, high] = [width - left, height - top - bottom];
    const step = inner / length;
    const gap = step > 5 ? Math.min(3, step * 0.18) : 0.5;
    const lines = [];
    for (let value = 0; value <= most; value += rise) {
      const y = Math.round(top + high - (value / most) * high) + 0.5;
      lines.push(svg("line", { class: value === 0 ? "base-line" : "grid-line", x1: left, x2: width, y1: y, y2: y }),
        svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, compact(value)));
    }
    const marks = timeMarks(from, timeline.step_seconds, length, inner).map(({ at, text, isDay }) => {
      const x = left + at * step;
      const tick = svg("line", { class: "base-line", x1: x, x2: x, y1: top + high, y2: top + high + 5 });
      // A label at the edge would be cut.
      if (x > width - 18 || x < left) return tick;
      return [tick, svg("text", { x, y: height - 5, "text-anchor": "middle", class: isDay ? "strong" : null }, text)];
    });
    const shapes = sums.map((sum, at) => {
      let y = top + high;
      const bars = kinds.map(({ kind, counts }) => {
        if (counts[at] === 0) return null;
        const size = Math.max(1, (counts[at] / most) * high);
        y -= size;
        return svg("rect", {
          x: left + at * step + gap / 2, y, width: Math.max(0.8, step - gap), height: size, fill: `url(#fill-${kind})`,
        });
      });
      return svg("g", { class: "step", "data-value": sum }, bars);
    });
    const hits = sums.map((_, at) =>
      svg("rect", { class: "hit", x: left + at * step, y: top, width: step, height: high, "data-at": at }));
    const chart = svg("svg", {
      viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: "0",
      "aria-label": `${title}: ${number(total)}, from ${name(0)} to ${name(length - 1)}. The arrow keys tell of each step.`,
    }, lines, marks.flat(), shapes, hits);
    follow(box, chart, hits, (at) => [name(at), kinds.filter(({ counts }) => counts[at] > 0).map(({ kind, name, counts }) =>
      [kind, name, counts[at]]).reverse(), sums[at]], (at) => left + (at + 0.5) * step);
    return chart;
  });
}

// Shows what is at the pointer, or where the arrow keys have come to.
function follow(box, chart, hits, tell, xOf) {
  let current = null;
  const hide = () => {
    if (current === null) return;
    hits[current].classList.remove("at");
    box.querySelector(".tip")?.remove();
    current = null;
  };
  const show = (at) => {
    if (at === current) return;
    hide();
    current = at;
    hits[at].classList.add("at");
    const [name, rows, sum] = tell(at);
    const lines = rows.map(([kind, label, count]) => el("span", {}, swatch(kind), label, el("i", {}, number(count))));
    const tip = el("div", { class: "tip", role: "status" }, el("b", {}, name), rows.length === 1 ? null : `${number(sum)} in all`, lines);
    box.append(tip);
    const x = xOf(at) + 12;
    tip.style.left = `${x + tip.offsetWidth > box.clientWidth ? Math.max(0, x - tip.offsetWidth - 24) : x}px`;
  };
  const point = (event) => {
    const at = event.target.getAttribute("data-at");
    if (at !== null) show(Number(at));
  };
  // A finger does not move first.
  chart.addEventListener("pointerdown", point);
  chart.addEventListener("pointermove", point);
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    const last = hits.length - 1;
    const to = {
      ArrowLeft: Math.max(0, (current ?? hits.length) - 1), ArrowRight: Math.min(last, (current ?? -1) + 1), Home: 0, End: last,
    }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
}
