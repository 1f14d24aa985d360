// All elements are created here. Data becomes text nodes and attributes, never markup.

import * as format from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svgElement(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(target, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) target.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) target.setAttribute(name, value === true ? "" : value);
  }
  target.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return target;
}

export function timeElement(seconds) {
  const iso = new Date(seconds * 1000).toISOString();
  return element("time", { datetime: iso, title: iso }, format.moment(seconds));
}

// Unchanged values are left alone, so that nothing flickers and screen readers do not repeat them.
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target, name, value) {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}
