// The page: polls the state every few seconds while it is visible, and shows what changed.

import * as address from "./address.js";
import { showCards } from "./cards.js";
import { ForbiddenError, LoginExpiredError, pollState } from "./data.js";
import { Detections } from "./detections.js";
import { setText } from "./dom.js";
import { Explanation } from "./explain.js";
import * as format from "./format.js";
import { Merchants } from "./merchants.js";
import { Plot } from "./plot.js";
import { Quarantine } from "./quarantine.js";
import { Rules } from "./rules.js";
import { Runs } from "./runs.js";
import { setUpTabs } from "./tabs.js";
import { followTheme } from "./theme.js";

// The first response may be old; the server reads again once it is polled.
const MILLISECONDS = { usual: 5000, loading: 500, first: 1500 };

const panel = (name) => document.getElementById(name);
const updated = panel("updated");

followTheme();
const explanation = new Explanation(panel("explain"));
const explain = (row) => {
  const searched = explanation.searchFor(row);
  openTab("explain");
  return searched;
};
const detections = new Detections(panel("detections"), explain);
const merchants = new Merchants(panel("merchants"), {
  showDetectionsOf: async (merchant) => {
    openTab("detections");
    await detections.filter({ merchant });
  },
  explain,
});
const rules = new Rules(panel("rules"));
const quarantine = new Quarantine(panel("quarantine"));
const runs = new Runs(panel("runs"));
const plots = {
  lag: new Plot(panel("plot-lag"), { title: "Lag", unit: "seconds, maximum of each step", kind: "lines", whole: false, readValue: format.seconds }),
  throughput: new Plot(panel("plot-throughput"), { title: "Throughput", unit: "lines per minute", kind: "lines" }),
  detections: new Plot(panel("plot-detections"), { title: "Detections", unit: "new, by pattern", kind: "bars" }),
};
// The version of the data that each table shows.
const shown = {};
let state = null;
let openedTab = null;
let span = address.read().span ?? "1h";
let timer = null;
let polls = 0;

const openTab = setUpTabs(document.querySelector("[role=tablist]"), (name) => {
  openedTab = name;
  if (name === "rules") rules.expire();
  refreshTab();
});

for (const choice of document.querySelectorAll("#span input")) {
  choice.checked = choice.value === span;
  choice.addEventListener("change", () => {
    span = choice.value;
    address.write({ span });
    poll();
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) poll();
});
poll();

async function poll() {
  clearTimeout(timer);
  try {
    state = await pollState(span);
    show();
    polls += 1;
    const pause = state.loading ? MILLISECONDS.loading : polls === 1 ? MILLISECONDS.first : MILLISECONDS.usual;
    timer = document.hidden ? null : setTimeout(poll, pause);
  } catch (error) {
    document.body.classList.add("stale");
    if (error instanceof LoginExpiredError) {
      setText(updated, `No longer updated: ${error.message}. Reload Airflow to log in.`);
    } else if (error instanceof ForbiddenError) {
      setText(updated, `${error.message}.`);
    } else {
      setText(updated, `Airflow does not respond (${error.message}); retrying.`);
      timer = setTimeout(poll, MILLISECONDS.usual);
    }
  }
}

function show() {
  document.body.classList.remove("stale");
  setText(updated, state.loading ? "Reading the lake …" : `As of ${format.moment(state.read_at)}, updated automatically`);
  showCards(state);
  const { start, step, lag_seconds: lag, landed, committed, detections: found } = state.plots;
  const xs = lag.map((_, at) => start + at * step);
  const end = start + step * xs.length;
  plots.lag.show(xs, end, [{ name: "lag", values: lag }]);
  plots.throughput.show(xs, end, [{ name: "landed", values: landed }, { name: "committed", values: committed }]);
  plots.detections.show(xs, end, Object.entries(found).map(([name, values]) => ({ name, values })));
  if (state.found) detections.setPatterns(state.found.patterns);
  quarantine.show(state.lake, state.hidden);
  runs.show(state.dags, state.jobs, state.lake);
  rules.show(state);
  refreshTab();
}

function refreshTab() {
  if (state && openedTab === "explain") explanation.open(state.hidden);
  if (state && openedTab === "rules") rules.refresh();
  const table = { detections, merchants }[openedTab];
  const version = state?.found?.version;
  if (!table || version === undefined || (shown[openedTab] === version && !table.failed)) return;
  if (state.hidden) {
    table.explain(`${state.hidden}.`);
    return;
  }
  shown[openedTab] = version;
  table.refresh();
}
