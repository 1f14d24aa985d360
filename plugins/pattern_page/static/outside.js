// Links that leave the page. The sandbox of Airflow's frame forbids opening windows and navigating away, but the frame
// has Airflow's own origin, so the surrounding document can follow the link.

import { element } from "./dom.js";

export function airflowLink(path, text) {
  return externalLink(new URL(`../${path}`, document.baseURI).href, text, "_top");
}

export function webLink(url, text) {
  return externalLink(url, text, "_blank");
}

function externalLink(href, text, target) {
  const link = element("a", { href, target, rel: "noopener noreferrer" }, text);
  link.addEventListener("click", (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const outer = window.parent.document;
    const copy = outer.createElement("a");
    copy.href = href;
    copy.rel = "noopener noreferrer";
    copy.target = target === "_blank" || event.ctrlKey || event.metaKey ? "_blank" : "_self";
    outer.body.append(copy);
    copy.click();
    copy.remove();
  });
  return link;
}
