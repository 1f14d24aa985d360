// Tabs for mouse and keyboard (arrows, Home, End), following WAI-ARIA.

import * as address from "./address.js";

export function setUpTabs(list, onOpen) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const open = (tab, focus) => {
    for (const one of tabs) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", chosen);
      one.tabIndex = chosen ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
    const name = tab.getAttribute("aria-controls");
    address.write({ tab: name });
    onOpen(name);
  };
  for (const tab of tabs) tab.addEventListener("click", () => open(tab, false));
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    open(tabs[(to + tabs.length) % tabs.length], true);
  });
  const byName = (name) => tabs.find((tab) => tab.getAttribute("aria-controls") === name);
  open(byName(address.read().tab) ?? tabs[0], false);
  return (name) => open(byName(name), true);
}
