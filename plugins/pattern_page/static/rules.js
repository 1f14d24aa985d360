// The rules in force, their versions with what each changed, and what shadow patterns have found.

import { read } from "./data.js";
import { element, timeElement } from "./dom.js";
import { conditionsTable } from "./evidence.js";
import * as format from "./format.js";
import { airflowLink } from "./outside.js";
import { Table } from "./table.js";

// The DAG whose form changes the rules.
const CHANGE_DAG = "change_rules";
const STATES = { "in force": "ok", replaced: "idle", waiting: "late", skipped: "idle", invalid: "down" };

export class Rules {
  constructor(panel) {
    this.summary = element("p", { class: "summary" });
    this.change = element("p", { class: "buttons" });
    const boxes = { patterns: element("div"), versions: element("div"), shadow: element("div") };
    this.note = element("p", { class: "muted" });
    this.shadow = element(
      "section",
      { hidden: true },
      element("h3", {}, "Found in shadow"),
      element("p", { class: "muted" }, "The latest findings of each pattern in shadow, which are in no file and no count of detections."),
      boxes.shadow,
    );
    panel.append(
      element("div", { class: "filters" }, this.summary, this.change),
      boxes.patterns,
      element("section", {}, element("h3", {}, "Versions"), boxes.versions, this.note),
      this.shadow,
    );
    this.patterns = new Table(boxes.patterns, {
      empty: "These rules have no patterns.",
      columns: [
        { title: "Pattern", cell: (row) => [row.id, " ", element("span", { class: "muted" }, row.action)] },
        { title: "Of a", cell: (row) => row.subject },
        { title: "Status", cell: (row) => (row.status === "active" ? "active" : element("span", { class: "tag" }, row.status)) },
        { title: "Holds when all of", cell: (row) => element("ul", { class: "conditions" }, row.conditions.map((text) => element("li", {}, element("code", {}, text)))) },
        { title: "Detections", numeric: true, cell: (row) => format.count(row.detections) },
        { title: "In shadow", numeric: true, cell: (row) => format.count(row.shadow) },
      ],
    });
    this.versions = new Table(boxes.versions, {
      key: (row) => row.version,
      openLabel: (row) => `Changes of version ${row.version}`,
      detail: changes,
      empty: "",
      columns: [
        { title: "Version", numeric: true, cell: (row) => row.version },
        { title: "State", cell: (row) => element("span", { class: "state", "data-level": STATES[row.state] }, row.state) },
        { title: "From line", numeric: true, cell: (row) => format.count(row.from_line) },
        { title: "Published", cell: (row) => (row.published_at === null ? format.UNKNOWN : timeElement(row.published_at)) },
        { title: "By", cell: (row) => row.author || format.UNKNOWN },
        { title: "Comment", cell: (row) => row.comment || format.UNKNOWN },
      ],
    });
    this.findings = new Table(boxes.shadow, {
      key: (row) => `${row.pattern}/${row.merchant}/${row.customer}`,
      openLabel: (row) => `Evidence of ${row.pattern} in shadow at line ${row.line}`,
      detail: (row) => element("div", { class: "evidence" }, conditionsTable(`At line ${format.count(row.line)}, by version ${row.version} of the rules`, row.evidence)),
      empty: "Nothing yet.",
      columns: [
        { title: "Found", cell: (row) => timeElement(row.detected_at) },
        { title: "Pattern", cell: (row) => [row.pattern, " ", element("span", { class: "muted" }, row.action)] },
        { title: "Merchant", cell: (row) => row.merchant },
        { title: "Customer", cell: (row) => row.customer || format.UNKNOWN },
        { title: "Line", numeric: true, cell: (row) => format.count(row.line) },
      ],
    });
  }

  // Shows a poll, and reads again if the rules or the findings in shadow changed since.
  show(state) {
    this.state = state;
    const form = state.dags.find(({ id }) => id === CHANGE_DAG);
    if (form && !this.change.childNodes.length) this.change.append(airflowLink(`dags/${CHANGE_DAG}`, "Change the rules"));
    if (this.answer) this.#count();
  }

  // Makes the next refresh read the rules: a detector that is down does not tell that there is a newer version.
  expire() {
    this.key = null;
  }

  // Reads the rules if the detector or the findings in shadow changed, or if the last read failed.
  async refresh() {
    const { rules, found } = this.state;
    const key = JSON.stringify([rules, found?.shadow]);
    if (key === this.key) return;
    this.key = key;
    try {
      const [answer, shadow] = await Promise.all([read("api/rules"), this.#findings()]);
      this.answer = answer;
      this.#versions(answer);
      this.#count();
      this.shadow.hidden = !shadow.length;
      this.findings.show(shadow);
    } catch (error) {
      this.key = null;
      this.versions.explain(`This could not be read: ${error.message}.`);
    }
  }

  async #findings() {
    const { found, hidden } = this.state;
    return found?.shadow.length && !hidden ? (await read("api/shadow")).rows : [];
  }

  #versions({ versions, in_force: inForce, older }) {
    const { from_line: line } = versions.find(({ version }) => version === inForce) ?? { from_line: null };
    this.summary.textContent = `Version ${inForce} is in force${line ? ` from line ${format.count(line)} on` : ""}.`;
    this.note.textContent = older ? `${format.count(older)} older versions: see \`rules list\`.` : "";
    this.versions.show(versions);
  }

  #count() {
    const { found } = this.state;
    const shadow = Object.fromEntries((found?.shadow ?? []).map(({ id, count }) => [id, count]));
    const rows = this.answer.patterns.map((one) => ({ ...one, detections: found ? (found.by_pattern[one.id] ?? 0) : null, shadow: shadow[one.id] ?? null }));
    const key = JSON.stringify(rows);
    if (key === this.counted) return;
    this.counted = key;
    this.patterns.show(rows);
  }
}

async function changes(row) {
  const { text, diff } = await read(`api/rules/${row.version}`);
  const kind = (line) => (/^(---|\+\+\+|@@)/.test(line) ? "muted" : { "+": "added", "-": "removed" }[line[0]]);
  const lines = diff.map((line) => element("span", { class: kind(line) }, `${line}\n`));
  return element(
    "div",
    { class: "evidence" },
    row.invalid ? element("p", { class: "note" }, `Invalid: ${row.invalid}`) : null,
    diff.length ? element("pre", { class: "diff" }, lines) : null,
    element("details", {}, element("summary", {}, `Text of version ${row.version}`), element("pre", {}, text)),
  );
}
