// Tables whose rows open details below them; open details stay open when the rows are updated.

import { element } from "./dom.js";

let tables = 0;

export class Table {
  // `columns`: [{title, cell(row), numeric?, sort?}]; `detail(row)`: a node or a promise of one.
  constructor(box, { columns, key, detail = null, openLabel = null, empty, onSort = null }) {
    this.options = { columns, key, detail, openLabel, empty, onSort };
    this.opened = new Set();
    this.box = box;
    tables += 1;
    this.id = `table-${tables}`;
  }

  // `sorted`: {column, order}, if the columns are sortable.
  show(rows, sorted = null) {
    const { columns, detail, empty } = this.options;
    if (!rows.length) {
      this.explain(empty);
      return;
    }
    const focused = document.activeElement?.dataset?.focus;
    const head = element("tr", {}, detail ? element("td", {}) : null, columns.map((column) => this.#title(column, sorted)));
    const body = rows.flatMap((row) => this.#rows(row));
    this.box.replaceChildren(
      element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, body))),
    );
    if (focused) this.box.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  // Shows a text instead of rows.
  explain(text) {
    this.box.replaceChildren(element("p", { class: "empty" }, text));
  }

  #title(column, sorted) {
    const attributes = { scope: "col", class: column.numeric ? "numeric" : null };
    if (!column.sort) return element("th", attributes, column.title);
    const here = sorted.column === column.sort;
    const button = element(
      "button",
      { type: "button", "data-focus": `${this.id}-sort-${column.sort}`, onclick: () => this.options.onSort(column.sort) },
      column.title,
      element("span", { "aria-hidden": "true", class: "arrow" }, here ? (sorted.order === "ascending" ? " ▲" : " ▼") : ""),
    );
    return element("th", { ...attributes, "aria-sort": here ? sorted.order : "none" }, button);
  }

  #rows(row) {
    const { columns, key, detail, openLabel } = this.options;
    const cells = columns.map((column) => element("td", { class: column.numeric ? "numeric" : null }, column.cell(row)));
    if (!detail) return [element("tr", {}, cells)];
    const id = key(row);
    const inside = element("td", { colspan: columns.length + 1 });
    const below = element("tr", { class: "detail", hidden: true }, inside);
    const button = element("button", { type: "button", class: "open", "aria-label": openLabel(row), "data-focus": `${this.id}-${id}` });
    const set = async (open) => {
      button.setAttribute("aria-expanded", open);
      below.hidden = !open;
      this.opened[open ? "add" : "delete"](id);
      if (!open || inside.childNodes.length) return;
      inside.append("Reading …");
      try {
        inside.replaceChildren(await detail(row));
      } catch (error) {
        inside.replaceChildren(`This could not be read: ${error.message}`);
      }
    };
    button.addEventListener("click", () => set(below.hidden));
    set(this.opened.has(id));
    return [element("tr", {}, element("td", {}, button), cells), below];
  }
}
