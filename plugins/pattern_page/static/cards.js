// The cards at the top (chunker, detector, detections) and the list of problems.

import { element, setAttribute, setText } from "./dom.js";
import * as format from "./format.js";

const LEVELS = { ok: "Running", late: "Late", down: "Down", idle: "Not started", unknown: "Unknown" };

export function showCards(state) {
  showProblems(state.problems);
  showVerdict("chunker", state.chunker);
  showVerdict("detector", state.detector);
  const { lake, found } = state;
  const quarantine = lake?.quarantine;
  value("landed_line", format.count(lake?.landed_line));
  value("source", lake && lake.source_bytes !== null ? masterFile(lake) : format.UNKNOWN);
  value("chunks_per_minute", format.rate(lake?.chunks_per_minute));
  value("quarantined", quarantine?.of ? quarantined(quarantine) : format.UNKNOWN);
  level("quarantined", quarantine?.level);
  value("committed_line", format.count(lake?.committed_line));
  value("lag_lines", lake && lake.lag_lines !== null ? `${format.count(lake.lag_lines)} lines` : format.UNKNOWN);
  value("lag_seconds", format.seconds(lake?.lag_seconds));
  const lagLevel = lake?.lag_lines ? state.detector.level : "unknown";
  level("lag_lines", lagLevel);
  level("lag_seconds", lagLevel);
  value("merchants", found?.merchants_capped ? `at least ${format.count(found.merchants)}` : format.count(found?.merchants));
  value("total", format.count(found?.total));
  value("files", found ? files(found) : state.loading ? "Reading the lake …" : "Unknown: they cannot be read.");
  showPatterns(found);
}

function quarantined({ lines, share, capped }) {
  return `${capped ? "at least " : ""}${format.count(lines)} (${format.share(share)})`;
}

function masterFile(lake) {
  const landed = lake.source_bytes ? Math.min(1, lake.landed_bytes / lake.source_bytes) : 1;
  return `${format.bytes(lake.source_bytes)}, ${format.share(Math.floor(landed * 1000) / 1000)}`;
}

function files(found) {
  if (!found.total) return "No detections yet.";
  const written = `${format.count(found.files)} ${found.files === 1 ? "file" : "files"} of ${found.rows_per_file}`;
  const waiting = `${written}; the next one is waiting for ${found.rows_per_file - found.in_next_file} more.`;
  return found.first ? `${waiting} Too many to read all: shown and counted from number ${format.count(found.first)} on.` : waiting;
}

function showPatterns(found) {
  const rows = (found?.patterns ?? []).map(({ id, action }, at) => [id, action, format.count(found.by_pattern[id]), `series-${at % 6}`]);
  for (const { id, action, count } of found?.shadow ?? []) {
    rows.push([id, action, `${found.shadow_capped ? "at least " : ""}${format.count(count)}`, null]);
  }
  const list = document.getElementById("by-pattern");
  const key = JSON.stringify(rows);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(
    ...rows.map(([id, action, total, series]) =>
      element(
        "li",
        {},
        element("span", { class: `swatch ${series ?? ""}` }),
        element("span", {}, id, " ", element("span", { class: "muted" }, action), series ? null : [" ", element("span", { class: "tag" }, "shadow")]),
        element(series ? "strong" : "span", { class: series ? null : "number muted" }, total),
      ),
    ),
  );
}

function showVerdict(name, verdict) {
  const card = document.getElementById(name);
  setAttribute(card, "data-level", verdict.level);
  setText(card.querySelector(".level"), LEVELS[verdict.level]);
  setText(card.querySelector(".reason"), verdict.reason);
}

function showProblems(problems) {
  const box = document.getElementById("problems");
  const key = JSON.stringify(problems);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(
    ...problems.map(({ title, reason, since }) =>
      element(
        "p",
        { class: "problem" },
        element("strong", {}, since === null ? `${title}.` : `${title} since ${format.moment(since)}.`),
        " ",
        reason,
      ),
    ),
  );
}

function value(name, text) {
  setText(document.querySelector(`[data-value=${name}]`), text);
}

function level(name, of) {
  setAttribute(document.querySelector(`[data-value=${name}]`), "data-level", of ?? "unknown");
}
