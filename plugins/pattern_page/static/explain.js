// Why a pattern holds or not, for one merchant or one of its customers; read only when somebody searches.

import * as address from "./address.js";
import { ask } from "./data.js";
import { element, setText } from "./dom.js";
import { amount, conditionsTable } from "./evidence.js";
import * as format from "./format.js";

export class Explanation {
  constructor(panel) {
    this.form = panel.querySelector("form");
    this.status = panel.querySelector(".count");
    this.answer = panel.querySelector(".answer");
    const saved = address.read();
    this.form.elements.merchant.value = saved.explain_merchant ?? "";
    this.form.elements.customer.value = saved.explain_customer ?? "";
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
  }

  // Searches for what the URL names, once.
  open(hidden) {
    if (hidden) this.answer.replaceChildren(element("p", { class: "empty" }, `${hidden}.`));
    else if (!this.searched && this.form.elements.merchant.value) this.search();
  }

  searchFor({ merchant, customer = "" }) {
    this.form.elements.merchant.value = merchant;
    this.form.elements.customer.value = customer;
    return this.search();
  }

  // The button that was clicked is replaced: the focus moves to the form.
  #choose(merchant, customer) {
    this.form.elements.customer.focus();
    return this.searchFor({ merchant, customer });
  }

  async search() {
    this.searched = true;
    const question = { merchant: this.form.elements.merchant.value, customer: this.form.elements.customer.value };
    address.write({ explain_merchant: question.merchant, explain_customer: question.customer });
    // The answer to an earlier search may arrive later.
    const search = (this.latest = {});
    setText(this.status, "Reading …");
    let shown;
    let found = "";
    try {
      const answer = await ask("api/explain", question);
      shown = this.#explained(answer);
      found = `${answer.patterns.length} ${answer.patterns.length === 1 ? "pattern" : "patterns"}`;
    } catch (error) {
      shown = element("p", { class: "empty", role: "alert" }, `${error.message}${error.message.endsWith("?") ? "" : "."}`);
    }
    if (search !== this.latest) return;
    setText(this.status, found);
    this.answer.replaceChildren(shown);
  }

  #explained({ merchant, customer, line, version, customers, largest, patterns }) {
    const who = customer ? `customer ${customer} of merchant ${merchant}` : `merchant ${merchant}`;
    const asOf = `As of line ${format.count(line)}, by version ${version} of the rules, for ${who}.`;
    return element(
      "div",
      { class: "explained" },
      element("p", { class: "summary" }, asOf),
      patterns.map(pattern),
      patterns.length ? null : element("p", { class: "empty" }, "No pattern of these rules concerns a merchant alone."),
      customer ? null : this.#customers(merchant, customers, largest),
    );
  }

  #customers(merchant, count, largest) {
    const all = count <= largest.length;
    const title = all ? "Its customers" : `The ${largest.length} of its ${format.count(count)} customers with the most transactions`;
    const buttons = largest.map(({ customer, transactions }) =>
      element(
        "button",
        { type: "button", class: "button", onclick: () => this.#choose(merchant, customer) },
        customer,
        element("span", { class: "muted" }, ` ${format.count(transactions)}`),
      ),
    );
    const more = all ? "Choose one to see the patterns of pairs." : "Choose one, or enter another one above, to see the patterns of pairs.";
    return element("section", {}, element("h3", {}, title), element("p", { class: "muted" }, more), element("p", { class: "buttons" }, buttons));
  }
}

function pattern({ id, action, status, subject, holds, reported, reports, conditions }) {
  const tags = [status === "active" ? [] : tag(status), subject === "merchant" ? tag("of the merchant") : []].flat();
  const level = holds ? "ok" : "unknown";
  const last = { title: "Holds", cell: ({ holds: one, off, unit }) => (one ? "yes" : element("strong", {}, off === null ? "no" : `no, off by ${amount(unit, off)}`)) };
  return element(
    "section",
    { class: "evidence" },
    element("h3", {}, `${id} ${action} `, tags, element("span", { class: "state", "data-level": level }, holds ? "holds" : "does not hold")),
    element("p", {}, whenReported(status, holds, reported, reports)),
    element("div", { class: "scroll" }, conditionsTable(null, conditions, last)),
  );
}

function whenReported(status, holds, reported, reports) {
  if (reports.length) {
    return reports
      .map(({ line, version, seq, detected_at: at }) => `Reported at line ${format.count(line)}, ${format.moment(at)}, by version ${version} of the rules, as number ${format.count(seq)}.`)
      .join(" ");
  }
  if (status === "paused") return "Not evaluated while it is paused, and not reported.";
  if (status === "shadow") return reported ? "Recorded in shadow, not reported." : "In shadow: what it finds is recorded, not reported.";
  if (reported) return "Reported, too long ago to be shown here.";
  return holds ? "Not reported yet: it will be at the next transaction." : "Not reported.";
}

function tag(text) {
  return [element("span", { class: "tag" }, text), " "];
}
