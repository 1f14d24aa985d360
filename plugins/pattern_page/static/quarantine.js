// The latest quarantined lines and their reasons.

import { element } from "./dom.js";
import * as format from "./format.js";
import { Table } from "./table.js";

export class Quarantine {
  constructor(panel) {
    this.summary = element("p", { class: "summary" });
    const box = element("div", {});
    panel.append(this.summary, box);
    this.table = new Table(box, {
      empty: "No line is quarantined.",
      columns: [
        { title: "Line", numeric: true, cell: (row) => format.count(row.line) },
        { title: "Reason", cell: (row) => row.reason },
        { title: "Raw text", cell: (row) => element("code", {}, row.raw) },
      ],
    });
  }

  show(lake, hidden) {
    const key = JSON.stringify([lake?.quarantine ?? null, hidden]);
    if (key === this.key) return;
    this.key = key;
    const { lines, of, share, capped, latest } = lake?.quarantine ?? { lines: 0, of: 0, share: 0, capped: false, latest: [] };
    const counted = `${capped ? "At least " : ""}${format.count(lines)} of the latest ${format.count(of)} lines (${format.share(share)}).`;
    const more = capped ? " Some quarantine files are too large to be read here in full." : "";
    this.summary.textContent = of ? `${counted}${more}${hidden ? "" : " The latest:"}` : "";
    if (hidden) this.table.explain(hidden);
    else this.table.show(latest);
  }
}
