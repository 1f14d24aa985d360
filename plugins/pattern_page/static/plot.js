// A plot of lines or stacked bars, drawn as SVG; mouse and arrow keys read its values.

import { element, setText, svgElement } from "./dom.js";
import * as format from "./format.js";
import { lineTicks, timeTicks, valueTicks } from "./scale.js";

const HEIGHT = 190;
const MARGIN = { top: 12, right: 12, bottom: 24, left: 52 };

// `kind`: "lines" or "bars"; `time`: x is in seconds since 1970, otherwise in lines of the master file;
// `whole`: values are counts; `readValue`: formats a value with its unit.
export class Plot {
  constructor(figure, { title, unit, kind, time = true, whole = true, readValue = format.count }) {
    this.options = { title, unit, kind, time, whole, readValue };
    this.readout = element("span", { class: "readout" });
    this.legend = element("span", { class: "legend" });
    const label = `${title}, ${unit}. Arrow keys read the values.`;
    this.svg = svgElement("svg", { role: "img", tabindex: 0, "aria-label": label, height: HEIGHT });
    figure.append(
      element("figcaption", {}, element("strong", {}, title), element("span", { class: "muted" }, ` ${unit}`)),
      this.svg,
      element("div", { class: "below", role: "status" }, this.legend, this.readout),
    );
    this.at = null;
    this.svg.addEventListener("pointermove", (event) => this.#point(event));
    this.svg.addEventListener("pointerleave", () => this.#choose(null));
    this.svg.addEventListener("blur", () => this.#choose(null));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(figure);
  }

  // `xs`: ascending, one per value; `end`: of the last step; `series`: [{name, values}], values null if unknown.
  show(xs, end, series) {
    const key = JSON.stringify([xs, end, series]);
    if (key === this.key) return;
    this.key = key;
    this.data = { xs, end, series };
    this.#draw();
  }

  #draw() {
    const width = this.svg.parentElement.clientWidth;
    if (!this.data || !width) return;
    const { xs, end, series } = this.data;
    const { kind, whole, time } = this.options;
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const start = xs[0] ?? 0;
    const known = series.some(({ values }) => values.some((value) => value !== null && (kind === "lines" || value > 0)));
    const highest = kind === "bars" ? tallest(series) : Math.max(0, ...series.flatMap(({ values }) => values));
    const ticks = valueTicks(highest, 4, whole);
    const x = (value) => MARGIN.left + ((value - start) / (end - start || 1)) * (right - MARGIN.left);
    const y = (value) => bottom - (value / ticks.at(-1)) * (bottom - MARGIN.top);
    this.scale = { x, y, bottom, right };

    const most = Math.max(2, Math.floor(width / 90));
    const xTicks = time ? timeTicks(start, end, most) : lineTicks(start, end, most);
    const xText = time ? format.timeOfDay : format.short;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.replaceChildren(
      ...ticks.map((tick) => gridLine(MARGIN.left, right, y(tick), format.short(tick))),
      ...xTicks.map((tick) =>
        svgElement("text", { class: "tick", x: x(tick), y: HEIGHT - 6, "text-anchor": anchor(x(tick), right) }, xText(tick)),
      ),
      ...(kind === "bars" ? bars(xs, end, series, x, y) : lines(xs, series, x, y)),
    );
    if (!known) {
      const middle = { class: "no-data", x: (MARGIN.left + right) / 2, y: HEIGHT / 2, "text-anchor": "middle" };
      this.svg.append(svgElement("text", middle, kind === "bars" ? "None in this time span" : "No data for this time span"));
    }
    this.cursor = svgElement("line", { class: "cursor", y1: MARGIN.top, y2: bottom, visibility: "hidden" });
    this.svg.append(this.cursor);
    this.values = series.map(() => element("b"));
    this.legend.replaceChildren(
      ...series.map(({ name }, at) =>
        element("span", {}, element("span", { class: `swatch series-${at}` }), name, " ", this.values[at]),
      ),
    );
    if (this.at !== null) this.#choose(Math.min(this.at, xs.length - 1));
  }

  #point(event) {
    if (!this.data?.xs.length) return;
    const { xs, end } = this.data;
    const box = this.svg.getBoundingClientRect();
    const along = (event.clientX - box.left - MARGIN.left) / (this.scale.right - MARGIN.left);
    const value = xs[0] + along * (end - xs[0]);
    const next = xs.findIndex((one) => one > value);
    this.#choose(Math.max(0, (next < 0 ? xs.length : next) - 1));
  }

  #key(event) {
    const last = (this.data?.xs.length ?? 0) - 1;
    const at = this.at ?? last + 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.#choose(Math.min(last, Math.max(0, to)));
  }

  #choose(at) {
    this.at = at;
    if (!this.data || !this.values) return;
    const { xs, series, end } = this.data;
    series.forEach(({ values }, n) => setText(this.values[n], at === null ? "" : this.options.readValue(values[at])));
    setText(this.readout, at === null ? "" : this.options.time ? format.timeOfDay(xs[at]) : `line ${format.count(xs[at])}`);
    this.cursor.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at === null) return;
    const middle = this.options.kind === "bars" ? (xs[at] + (xs[at + 1] ?? end)) / 2 : xs[at];
    for (const name of ["x1", "x2"]) this.cursor.setAttribute(name, this.scale.x(middle));
  }
}

function tallest(series) {
  const sums = (series[0]?.values ?? []).map((_, at) => series.reduce((sum, { values }) => sum + values[at], 0));
  return Math.max(0, ...sums);
}

function gridLine(left, right, y, text) {
  return svgElement(
    "g",
    { class: "grid" },
    svgElement("line", { x1: left, x2: right, y1: y, y2: y }),
    svgElement("text", { class: "tick", x: left - 8, y: y + 4, "text-anchor": "end" }, text),
  );
}

function anchor(x, right) {
  return x > right - 20 ? "end" : "middle";
}

// Lines have gaps where values are unknown; a single known value is a point.
function lines(xs, series, x, y) {
  return series.flatMap(({ values }, at) => {
    const pieces = [];
    values.forEach((value, n) => {
      if (value === null) return;
      const point = [x(xs[n]), y(value)];
      if (n === 0 || values[n - 1] === null) pieces.push([]);
      pieces.at(-1).push(point);
    });
    return pieces.map((piece) =>
      piece.length === 1
        ? svgElement("circle", { class: `mark series-${at}`, cx: piece[0][0], cy: piece[0][1], r: 2.5 })
        : svgElement("polyline", { class: `line series-${at}`, points: piece.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ") }),
    );
  });
}

function bars(xs, end, series, x, y) {
  const step = xs.length > 1 ? xs[1] - xs[0] : end - xs[0];
  const width = Math.max(1, x(xs[0] + step) - x(xs[0]) - 1);
  return xs.flatMap((start, at) => {
    let below = 0;
    return series.map(({ values }, number) => {
      const value = values[at];
      if (!value) return null;
      const top = y(below + value);
      const height = Math.max(1, y(below) - top);
      below += value;
      return svgElement("rect", { class: `bar series-${number}`, x: x(start), y: top, width, height });
    }).filter(Boolean);
  });
}
