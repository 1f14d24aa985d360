// The page: asks for the state every few seconds while it can be seen, and shows what has changed.

import * as address from "./address.js";
import { showCards } from "./cards.js";
import { LoginEndedError, pollState } from "./data.js";
import { Detections } from "./detections.js";
import { element, setText } from "./dom.js";
import * as format from "./format.js";
import { Merchants } from "./merchants.js";
import { Plot } from "./plot.js";
import { Quarantine } from "./quarantine.js";
import { Runs } from "./runs.js";
import { setUpTabs } from "./tabs.js";
import { followTheme } from "./theme.js";

// What is shown at first was read when somebody looked last: the next look, soon, has what is now.
const MILLISECONDS = { usual: 5000, loading: 500, first: 1500 };

const panel = (name) => document.getElementById(name);
const updated = panel("updated");

followTheme();
const detections = new Detections(panel("detections"));
const merchants = new Merchants(panel("merchants"), async (merchant) => {
  openTab("detections");
  await detections.filter({ merchant });
});
const quarantine = new Quarantine(panel("quarantine"));
const runs = new Runs(panel("runs"));
const plots = {
  lag: new Plot(panel("plot-lag"), { title: "Lag", unit: "seconds, greatest in each step", kind: "lines", whole: false, readValue: format.seconds }),
  throughput: new Plot(panel("plot-throughput"), { title: "Throughput", unit: "lines a minute", kind: "lines" }),
  detections: new Plot(panel("plot-detections"), { title: "Detections", unit: "new ones, by pattern", kind: "bars" }),
};
// What the opened table was last asked for: it is asked anew when there is another version.
const shown = {};
let state = null;
let openedTab = null;
let span = address.read().span ?? "1h";
let timer = null;
let polls = 0;

const openTab = setUpTabs(document.querySelector("[role=tablist]"), (name) => {
  openedTab = name;
  refreshTable();
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
    if (error instanceof LoginEndedError) {
      setText(updated, `No longer updated: ${error.message}. Reload Airflow to log in.`);
    } else {
      setText(updated, `Airflow does not answer (${error.message}); trying again.`);
      timer = setTimeout(poll, MILLISECONDS.usual);
    }
  }
}

function show() {
  document.body.classList.remove("stale");
  setText(updated, state.loading ? "Reading the lake …" : `As of ${format.moment(state.read_at)}, updated by itself`);
  showCards(state);
  const { start, step, lag_seconds: lag, landed, committed, detections: found } = state.plots;
  const xs = lag.map((_, at) => start + at * step);
  const end = start + step * xs.length;
  plots.lag.show(xs, end, [{ name: "lag", values: lag }]);
  plots.throughput.show(xs, end, [{ name: "landed", values: landed }, { name: "committed", values: committed }]);
  plots.detections.show(xs, end, Object.entries(found).map(([name, values]) => ({ name, values })));
  if (state.found) detections.offer(state.found.patterns);
  quarantine.show(state.lake);
  runs.show(state.dags, state.jobs, state.lake);
  refreshTable();
}

function refreshTable() {
  const table = { detections, merchants }[openedTab];
  const version = state?.found?.version;
  if (!table || version === undefined || shown[openedTab] === version) return;
  const name = openedTab;
  shown[name] = version;
  table.refresh().catch((error) => {
    shown[name] = null;
    document.querySelector(`#${name} .table`).replaceChildren(element("p", { class: "empty" }, `This could not be read: ${error.message}.`));
  });
}
