// The latest detections, with filters; each row opens its evidence.

import * as address from "./address.js";
import { ask, save } from "./data.js";
import { element, setText, timeElement } from "./dom.js";
import { conditionsTable } from "./evidence.js";
import * as format from "./format.js";
import { webLink } from "./outside.js";
import { Table } from "./table.js";

const FILTERS = ["pattern", "merchant", "customer"];
const TYPING_PAUSE_MS = 250;

export class Detections {
  // `explain(row)`: shows how the patterns are now.
  constructor(panel, explain) {
    this.form = panel.querySelector("form");
    this.count = panel.querySelector(".count");
    this.download = panel.querySelector("#download");
    this.download.addEventListener("click", () => this.#save());
    this.pages = 1;
    this.table = new Table(panel.querySelector(".table"), {
      key: (row) => row.seq,
      openLabel: (row) => `Evidence of detection ${row.seq}`,
      detail: (row) => evidence(row, explain),
      empty: "No detection matches. New detections appear here automatically.",
      columns: [
        { title: "Detected", cell: (row) => timeElement(row.detected_at) },
        { title: "Pattern", cell: (row) => [row.pattern, " ", element("span", { class: "muted" }, row.action)] },
        { title: "Merchant", cell: (row) => row.merchant },
        { title: "Customer", cell: (row) => row.customer || format.UNKNOWN },
        { title: "Line", numeric: true, cell: (row) => format.count(row.line) },
        { title: "CSV file", cell: fileOrWaiting },
      ],
    });
    this.more = element("button", { type: "button", class: "button more", onclick: () => this.#showMore() }, "Show more");
    panel.append(this.more);
    const saved = address.read();
    for (const name of ["merchant", "customer"]) this.form.elements[name].value = saved[name] ?? "";
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.#filtersChanged(), TYPING_PAUSE_MS);
    });
  }

  // Fills the choice of patterns, and restores the one in the URL.
  setPatterns(patterns) {
    const select = this.form.elements.pattern;
    if (select.options.length > 1) return;
    for (const { id, action } of patterns) select.append(element("option", { value: id }, `${id} ${action}`));
    select.value = address.read().pattern ?? "";
  }

  filter(values) {
    for (const name of FILTERS) this.form.elements[name].value = values[name] ?? "";
    return this.#filtersChanged();
  }

  // Shows a text instead of rows.
  explain(text) {
    this.table.explain(text);
    this.more.hidden = true;
  }

  // Reads the rows; `failed` tells whether that is worth another try.
  async refresh() {
    this.failed = false;
    try {
      await this.#read();
    } catch (error) {
      this.failed = true;
      this.explain(`This could not be read: ${error.message}.`);
    }
  }

  async #read() {
    const filters = this.#filters();
    const rows = [];
    let page = null;
    for (let number = 0; number < this.pages; number += 1) {
      const before = page ? { before: page.next } : {};
      page = await ask("api/detections", { ...filters, ...before });
      rows.push(...page.rows);
      if (page.next === null) break;
    }
    // The filters changed while this was loading.
    if (JSON.stringify(filters) !== JSON.stringify(this.#filters())) return;
    setText(this.count, `${format.count(page.total)} ${page.total === 1 ? "detection" : "detections"}`);
    this.more.hidden = page.next === null;
    this.table.show(rows);
  }

  async #save() {
    this.download.disabled = true;
    try {
      await save("api/detections.csv", this.#filters(), "detections.csv");
    } catch (error) {
      setText(this.count, `Not downloaded: ${error.message}`);
    } finally {
      this.download.disabled = false;
    }
  }

  #filters() {
    return Object.fromEntries(FILTERS.map((name) => [name, this.form.elements[name].value]));
  }

  #filtersChanged() {
    this.pages = 1;
    address.write(this.#filters());
    return this.refresh();
  }

  #showMore() {
    this.pages += 1;
    return this.refresh();
  }
}

function fileOrWaiting(row) {
  if (row.file === null) return element("span", { class: "muted" }, `waiting for ${row.waiting_for} more`);
  return webLink(new URL(`api/files/${row.file_number}`, document.baseURI).href, `file ${row.file_number}`);
}

function evidence(row, explain) {
  const file = row.file ?? `not written yet: file ${row.file_number} is waiting for ${row.waiting_for} more`;
  return element(
    "div",
    { class: "evidence" },
    conditionsTable(`At line ${format.count(row.line)}, number ${format.count(row.seq)}`, row.evidence),
    element("p", {}, element("span", { class: "muted" }, "File: "), element("code", {}, file)),
    element("p", {}, element("button", { type: "button", class: "button", onclick: () => explain(row) }, "Explain as of now")),
  );
}
