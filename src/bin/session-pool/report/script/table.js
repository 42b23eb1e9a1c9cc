// A table whose heads sort it, and whose rows a filter leaves.

// Heads over the heads: each with how many columns it spans.
function groupHeads(groups) {
  return el("tr", { class: "groups" }, groups.map(([text, span], at) => text === ""
    ? el("td", { colspan: span, class: at === 0 ? "first" : null }) : el("th", { scope: "colgroup", colspan: span }, text)));
}

// `columns`: [{ head, title, value(row), cell(row), isText, isFirst, isFixed }]; `rows` in their first order. `found(row)`: the
// text that the filter looks into. `groups`: heads over the heads, each with how many columns it spans. `least`: how many rows are
// shown before somebody asks for all.
function dataTable({ label, columns, groups, rows, found, things, sorted, least = 100 }) {
  let order = sorted ?? null;
  let showAll = false;
  const filter = el("input", { type: "search", placeholder: "Filter", "aria-label": `Filter ${label}`, autocomplete: "off", spellcheck: "false" });
  const count = el("span", { class: "count", role: "status" });
  const body = el("tbody", {});
  const more = el("button", { type: "button", class: "more-rows" });

  const heads = columns.map((column, at) => {
    const arrow = el("span", { class: "arrow", "aria-hidden": "true" });
    const button = column.isFixed ? el("span", { title: column.title }, column.head) : el("button", { type: "button", title: column.title }, column.head, arrow);
    const head = el("th", { scope: "col", class: `${column.isText ? "" : "n"} ${column.isFirst ? "first" : ""}`.trim() || null }, button);
    if (!column.isFixed) {
      button.addEventListener("click", () => {
        const first = column.isText ? 1 : -1;
        order = { at, direction: order?.at === at ? -order.direction : first };
        fill();
      });
    }
    return { head, arrow };
  });

  const compare = (a, b) => {
    const value = columns[order.at].value;
    const [x, y] = [value(a), value(b)];
    // What has no value comes last, whichever way.
    if (x === null || y === null) return (x === null) - (y === null);
    return order.direction * (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y);
  };

  const line = (row) => el("tr", {}, columns.map((column) => {
    const value = column.value(row);
    const kind = `${column.isText ? "" : "n"} ${column.isFirst ? "first" : ""} ${value === 0 ? "zero" : ""} ${column.className ?? ""}`;
    return el(column.isFirst ? "th" : "td", { class: kind.replace(/ +/g, " ").trim() || null, scope: column.isFirst ? "row" : null }, column.cell(row));
  }));

  function fill() {
    heads.forEach(({ head, arrow }, at) => {
      const is = order?.at === at;
      arrow.textContent = is ? (order.direction > 0 ? "▲" : "▼") : "";
      if (is) head.setAttribute("aria-sort", order.direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    const words = filter.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const left = rows.filter((row) => words.every((word) => row.text.includes(word)));
    if (order !== null) left.sort((a, b) => compare(a, b));
    const shown = showAll ? left : left.slice(0, least);
    body.replaceChildren(...shown.map(line));
    const cut = shown.length < left.length ? `, the first ${number(shown.length)} shown` : "";
    count.textContent = left.length === rows.length ? `${number(rows.length)} ${things(rows.length)}${cut}`
      : `${number(left.length)} of ${number(rows.length)} ${things(rows.length)}${cut}`;
    scroll.hidden = left.length === 0;
    none.hidden = left.length > 0;
    none.firstChild.textContent = `Nothing fits “${filter.value.trim()}”. `;
    more.hidden = shown.length === left.length;
    more.textContent = `Show all ${number(left.length)}`;
  }

  for (const row of rows) row.text = found(row).toLowerCase();
  filter.addEventListener("input", fill);
  more.addEventListener("click", () => { showAll = true; fill(); });
  const head = el("thead", {}, groups && groupHeads(groups), el("tr", {}, heads.map(({ head }) => head)));
  const scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, el("table", { class: "data" }, head, body));
  const clear = el("button", { type: "button", class: "more-rows" }, "Show all");
  const none = el("p", { class: "none" }, document.createTextNode(""), clear);
  clear.addEventListener("click", () => { filter.value = ""; fill(); filter.focus(); });
  fill();
  return [
    el("div", { class: "tools" }, filter, count),
    scroll,
    none,
    more,
  ];
}
