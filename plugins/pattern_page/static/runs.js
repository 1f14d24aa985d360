// The latest runs of DAGs and Databricks jobs, with links to logs and pages.

import { element } from "./dom.js";
import * as format from "./format.js";
import { airflowLink, webLink } from "./outside.js";

const LEVELS = { success: "ok", running: "ok", queued: "idle", failed: "down", timedout: "down", internal_error: "down", canceled: "late", pending: "idle" };

export class Runs {
  constructor(panel) {
    this.panel = panel;
  }

  show(dags, jobs, lake) {
    const key = JSON.stringify([dags, jobs, lake?.url, lake?.source]);
    if (key === this.key) return;
    this.key = key;
    const groups = [
      ...dags.map(dagGroup),
      ...jobs.map(jobGroup),
    ];
    this.panel.replaceChildren(
      element("div", { class: "runs" }, groups.length ? groups : element("p", { class: "empty" }, "No DAGs or jobs yet.")),
      lake ? element("p", { class: "muted" }, "Lake ", element("code", {}, lake.url), ", master file ", element("code", {}, lake.source)) : "",
    );
  }
}

function dagGroup({ id, paused, runs }) {
  return group("DAG", airflowLink(`dags/${encodeURIComponent(id)}`, id), paused ? "paused" : "", runs.map((run) => {
    const place = `dags/${encodeURIComponent(id)}/runs/${encodeURIComponent(run.id)}`;
    const when = run.started === null ? "queued" : format.moment(run.started);
    const took = run.started !== null && run.ended !== null ? format.seconds(run.ended - run.started) : "";
    const log = run.task ? airflowLink(`${place}/tasks/${encodeURIComponent(run.task)}`, `log of ${run.task}`) : "";
    return [stateMark(run.state), airflowLink(place, when), took, log];
  }));
}

function jobGroup({ name, error, runs }) {
  return group("Databricks job", name, error, runs.map((run) => {
    const when = format.moment(run.started);
    return [stateMark(run.state), run.url ? webLink(run.url, when) : when, "", run.url ? webLink(run.url, `run ${run.id}`) : `run ${run.id}`];
  }));
}

function group(kind, name, note, rows) {
  return element(
    "section",
    {},
    element("h3", {}, element("span", { class: "muted" }, `${kind} `), name, note ? element("span", { class: "note" }, ` ${note}`) : null),
    rows.length
      ? element("div", { class: "scroll" }, element("table", {}, element("tbody", {}, rows.map((cells) => element("tr", {}, cells.map((cell) => element("td", {}, cell)))))))
      : element("p", { class: "empty" }, "No runs yet."),
  );
}

function stateMark(state) {
  return element("span", { class: "state", "data-level": LEVELS[state] ?? "unknown" }, state.replaceAll("_", " "));
}
