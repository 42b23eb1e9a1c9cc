// Elements. Whatever comes from the store gets into them as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

// What would not be seen, or would turn what is around it, is shown by its number.
function visible(text) {
  return String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

function add(parent, children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) parent.append(child);
  }
  return parent;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  return element;
}

function el(name, attributes, ...children) {
  return add(set(document.createElement(name), attributes), children);
}

function svg(name, attributes, ...children) {
  return add(set(document.createElementNS(SVG, name), attributes), children);
}

function byId(id) {
  return document.getElementById(id);
}

// A name of the store, which may run from right to left. Where there is no room, it is divided behind a mark.
function named(text) {
  return el("bdi", {}, visible(text).split(/(?<=[./:@_-])/u).flatMap((part, at) => (at === 0 ? part : [el("wbr", {}), part])));
}

function swatch(kind) {
  const box = svg("rect", { width: 14, height: 14, fill: `url(#fill-${kind})` });
  return svg("svg", { class: "swatch", width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, box);
}

// The same numbers for those who do not see the chart, or want to copy them.
function asTable(caption, heads, rows) {
  const head = el("tr", {}, heads.map((text, at) => el("th", { scope: "col", class: at > 0 ? "n" : null }, text)));
  const body = rows.map(([first, ...rest]) =>
    el("tr", {}, el("th", { scope: "row" }, first), rest.map((text) => el("td", { class: "n" }, text))));
  const table = el("table", {}, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, body));
  const scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table);
  return el("details", {}, el("summary", {}, "As a table"), scroll);
}

function nothing(text) {
  return el("p", { class: "none" }, text);
}
