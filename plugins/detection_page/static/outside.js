// Links that leave the page. Airflow's frame may neither open windows nor leave by itself (its sandbox), but it has
// Airflow's own origin: the link is followed by the document around it.

import { element } from "./dom.js";

export function airflowLink(path, text) {
  return outside(new URL(`../${path}`, document.baseURI).href, text, "_top");
}

export function webLink(url, text) {
  return outside(url, text, "_blank");
}

function outside(href, text, target) {
  const link = element("a", { href, target, rel: "noopener noreferrer" }, text);
  link.addEventListener("click", (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const around = window.parent.document;
    const copy = around.createElement("a");
    copy.href = href;
    copy.rel = "noopener noreferrer";
    copy.target = target === "_blank" || event.ctrlKey || event.metaKey ? "_blank" : "_self";
    around.body.append(copy);
    copy.click();
    copy.remove();
  });
  return link;
}
