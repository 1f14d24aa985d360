// Merchants, sortable by every column; each row opens its history.

import { ask } from "./data.js";
import { element, setText } from "./dom.js";
import * as format from "./format.js";
import { Plot } from "./plot.js";
import { Table } from "./table.js";

const TYPING_PAUSE_MS = 250;

export class Merchants {
  constructor(panel, { showDetectionsOf, explain }) {
    this.form = panel.querySelector("form");
    this.count = panel.querySelector(".count");
    this.showDetectionsOf = showDetectionsOf;
    this.explainMerchant = explain;
    this.pages = 1;
    this.sorted = { column: "transactions", order: "descending" };
    const numeric = (title, name, cell = format.count) => ({ title, sort: name, numeric: true, cell: (row) => cell(row[name]) });
    this.table = new Table(panel.querySelector(".table"), {
      key: (row) => row.merchant,
      openLabel: (row) => `History of merchant ${row.merchant}`,
      detail: (row) => this.#history(row),
      empty: "No merchant matches. Merchants appear with the first committed chunk.",
      onSort: (column) => this.#sort(column),
      columns: [
        { title: "Merchant", sort: "merchant", cell: (row) => row.merchant },
        numeric("Transactions", "transactions"),
        numeric("Customers", "customers"),
        numeric("Female", "female_customers"),
        numeric("Male", "male_customers"),
        numeric("Transactions threshold", "transactions_percentile", format.number),
        numeric("Weight threshold", "weight_percentile", format.number),
        numeric("Detections", "detections"),
        numeric("Line", "line"),
      ],
    });
    this.more = element("button", { type: "button", class: "button more", onclick: () => this.#showMore() }, "Show more");
    panel.append(this.more);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => {
        this.pages = 1;
        this.refresh();
      }, TYPING_PAUSE_MS);
    });
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
    const search = this.form.elements.search.value;
    const { column, order } = this.sorted;
    const rows = [];
    let total = 0;
    for (let number = 0; number < this.pages; number += 1) {
      const page = await ask("api/merchants", { sort: column, order, search, offset: rows.length });
      rows.push(...page.rows);
      total = page.total;
      if (rows.length >= total) break;
    }
    if (search !== this.form.elements.search.value || this.sorted.column !== column || this.sorted.order !== order) return;
    setText(this.count, `${format.count(total)} ${total === 1 ? "merchant" : "merchants"}`);
    this.more.hidden = rows.length >= total;
    this.table.show(rows, this.sorted);
  }

  #sort(column) {
    const reversed = this.sorted.order === "descending" ? "ascending" : "descending";
    const first = column === "merchant" ? "ascending" : "descending";
    this.sorted = { column, order: this.sorted.column === column ? reversed : first };
    this.pages = 1;
    return this.refresh();
  }

  #showMore() {
    this.pages += 1;
    return this.refresh();
  }

  async #history(row) {
    const { rows, capped } = await ask("api/merchants/history", { merchant: row.merchant });
    const box = element("div", { class: "plots small" });
    const xs = rows.map(({ line }) => line);
    const end = xs.at(-1) ?? 0;
    const draw = (title, unit, names, options = {}) => {
      const figure = element("figure");
      box.append(figure);
      const series = Object.entries(names).map(([name, column]) => ({ name, values: rows.map((one) => one[column]) }));
      new Plot(figure, { title, unit, kind: "lines", time: false, ...options }).show(xs, end, series);
    };
    draw("Transactions", "by line", { transactions: "transactions" });
    draw("Customers", "by line", { all: "customers", female: "female_customers", male: "male_customers" });
    draw("Transactions threshold", "by line", { percentile: "transactions_percentile" }, { whole: false, readValue: format.number });
    draw("Weight threshold", "by line", { percentile: "weight_percentile" }, { whole: false, readValue: format.number });
    const button = (text, onclick) => element("button", { type: "button", class: "button", onclick }, text);
    const links = element(
      "p",
      { class: "buttons" },
      button("Its detections", () => this.showDetectionsOf(row.merchant)),
      button("Explain its patterns", () => this.explainMerchant(row)),
    );
    const note = capped ? element("p", { class: "note" }, "Only the latest part: the whole history is too large to be read here.") : null;
    return element("div", {}, note, box, links);
  }
}
