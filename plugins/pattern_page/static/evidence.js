// Compared values as a table: of a detection, or of a pattern that is explained.

import { element } from "./dom.js";
import * as format from "./format.js";

// `conditions`: [{name, value, sign, threshold, threshold_name, unit}]; `last`: {title, cell(condition)} of one more column.
export function conditionsTable(caption, conditions, last = null) {
  const titles = ["Measure", "Value", "", "Threshold", "", ...(last ? [last.title] : [])];
  const rows = conditions.map((one) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, one.name),
      element("td", { class: "numeric" }, amount(one.unit, one.value)),
      element("td", { class: "sign" }, one.sign),
      element("td", { class: "numeric" }, amount(one.unit, one.threshold)),
      element("td", { class: "muted" }, one.threshold_name),
      last ? element("td", {}, last.cell(one)) : null,
    ),
  );
  return element(
    "table",
    {},
    caption ? element("caption", {}, caption) : null,
    element("thead", {}, element("tr", {}, titles.map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, rows),
  );
}

export function amount(unit, value) {
  return value === null ? "no value" : `${unit}${format.number(value)}`;
}
