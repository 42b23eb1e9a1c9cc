// Numbers, times and lengths of time, as people read them.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const grouped = new Intl.NumberFormat("en-US");
const rounded = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 });
const compacted = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

function number(value) {
  return grouped.format(value);
}

// What fits over a narrow bar: 1.2K.
function compact(value) {
  return value < 10000 ? grouped.format(value) : compacted.format(value);
}

// What fits over one that is narrower still: 1.2K, 950.
function shortest(value) {
  return value < 1000 ? String(value) : rounded.format(value);
}

function plural(count, one, many) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

// A share of one, in percent. What is not nothing is never told as nothing, nor what is not all as all.
function percent(share) {
  const value = share * 100;
  if (value === 0 || value === 100) return `${value}%`;
  if (value < 0.1) return "<0.1%";
  if (value > 99.9) return ">99.9%";
  return `${value.toFixed(1)}%`;
}

function share(part, whole) {
  return whole === 0 ? 0 : part / whole;
}

// The two largest units of a length of time in seconds: 2 h 5 min.
function duration(seconds) {
  const units = [["d", DAY], ["h", HOUR], ["min", MINUTE], ["s", 1]];
  let rest = Math.round(seconds);
  const at = units.findIndex(([, length]) => rest >= length);
  if (at < 0) return "0 s";
  const parts = [];
  for (const [unit, length] of units.slice(at, at + 2)) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${number(count)} ${unit}`);
  }
  return parts.join(" ");
}

// How far a time is from another, in the largest unit: 3 h ago, in 12 min.
function relative(time, now) {
  const seconds = (time - now) / 1000;
  const length = Math.abs(seconds);
  if (length < 1) return "now";
  const [unit, size] = length < MINUTE ? ["s", 1] : length < HOUR ? ["min", MINUTE] : length < 2 * DAY ? ["h", HOUR] : ["d", DAY];
  const text = `${number(Math.floor(length / size))} ${unit}`;
  return seconds <= 0 ? `${text} ago` : `in ${text}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function two(value) {
  return String(value).padStart(2, "0");
}

function clock(time) {
  const date = new Date(time);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

function day(time) {
  const date = new Date(time);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

// 2026-11-25 20:15.
function minute(time) {
  return new Date(time).toISOString().slice(0, -8).replace("T", " ");
}

// A step of a timeline, from its beginning to its end.
function span(from, seconds) {
  const to = from + seconds * 1000;
  if (seconds < DAY) return `${day(from)} ${clock(from)}–${clock(to)}`;
  const year = ` ${new Date(from).getUTCFullYear()}`;
  return seconds === DAY ? day(from) + year : `${day(from)}–${day(to - DAY * 1000)}${year}`;
}

// How often a step of so many seconds comes: every 3 hours.
function each(seconds) {
  const names = [["week", 7 * DAY], ["day", DAY], ["hour", HOUR], ["minute", MINUTE]];
  const [unit, length] = names.find(([, size]) => seconds % size === 0) ?? ["second", 1];
  const count = seconds / length;
  return count === 1 ? `every ${unit}` : `every ${number(count)} ${unit}s`;
}
