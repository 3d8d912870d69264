// Findings, tickets, messages, what was held back, dead letters: one table each.
import { byId, dot, empty, fill, h } from "./dom.js";
import { days, fullTime, integer, measured, moment, percent } from "./format.js";
import { inWords, t } from "./i18n.js";
import { why } from "./reasons.js";
import { applianceName, faultTitle, featureTitle, isMany, partNames, tone } from "./words.js";

const time = (iso) => h("time", { datetime: iso, title: fullTime(iso) }, moment(iso));

const tag = (word, tone) => h("span", { class: "tag", "data-tone": tone }, word);

const link = (id, open) => (isMany(id) ? applianceName(id) : h("button", { type: "button", class: "link id", onclick: () => open(id) }, id));

const urgent = (severity, words) => h("span", { class: "urgent" }, dot(severity), words);

const TONES = { sent: "good", open: "good", acknowledged: "good", scheduled: "good", on_the_way: "good", resolved: "muted", merged: "muted", pending: "wait", held_back: "muted", superseded: "muted", closed: "muted", withdrawn: "muted", dead: "bad" };

export const status = (state) => tag(t(`status_${state}`), TONES[state]);

export const target = (name) => (name.startsWith("webhook:") ? name.slice(8) : t(name));

/** One number with what is usual, in words. */
export function evidenceLine(one) {
  const beside = [
    one.usual == null ? null : `${t("own_usual")} ${measured(one.usual, one.unit)}`,
    one.siblings == null ? null : `${t("siblings")} ${measured(one.siblings, one.unit)}`,
  ].filter(Boolean);
  return [`${featureTitle(one.feature)} `, h("b", {}, measured(one.value, one.unit)), beside.length ? h("small", {}, ` ${beside.join(" · ")}`) : null];
}

function firstEvidence(evidence) {
  if (!evidence.length) return null;
  const more = evidence.length - 1;
  return [evidenceLine(evidence[0]), more ? h("small", {}, ` ${t("evidence_more", { n: more })}`) : null];
}

/** The same as a sentence. */
export const evidenceWords = (one) => [featureTitle(one.feature), measured(one.value, one.unit), one.usual == null ? "" : `· ${t("own_usual")} ${measured(one.usual, one.unit)}`, one.siblings == null ? "" : `· ${t("siblings")} ${measured(one.siblings, one.unit)}`].filter(Boolean).join(" ");

/** Each list: where it is, and its columns as [head, cell(item, open), kind]. */
export const LISTS = {
  findings: {
    path: "findings",
    columns: [
      ["when", (one) => time(one.time)],
      ["appliance", (one, open) => link(one.appliance_id, open)],
      ["what", (one) => [urgent(tone(one), faultTitle(one.fault)), " ", tag(t(`kind_${one.kind}`), one.kind === "closed" ? "muted" : one.kind === "opened" ? "good" : "wait")]],
      ["evidence", (one) => firstEvidence(one.evidence)],
      ["probability", (one) => percent(one.probability), "number"],
      ["lead_then", (one) => (one.days_to_failure == null || one.kind === "closed" ? "" : days(one.days_to_failure)), "number"],
    ],
  },
  tickets: {
    path: "tickets",
    columns: [
      ["when", (one) => time(one.opened_at)],
      ["appliance", (one, open) => link(one.appliance_id, open)],
      ["fault", (one) => [urgent(one.severity, inWords(one.title) ?? faultTitle(one.fault)), one.parts.length ? h("small", { class: "under" }, partNames(one.parts)) : null]],
      ["state", (one) => [status(one.status), one.note ? h("small", { class: "under" }, one.note) : null]],
      ["deliveries", (one) => h("ul", { class: "deliveries" }, one.deliveries.map((d) => h("li", { title: d.error || null }, target(d.target), " ", status(d.state))))],
    ],
  },
  messages: {
    path: "outbox",
    columns: [
      ["when", (one) => time(one.sent_at ?? one.created_at)],
      ["to", (one) => target(one.target)],
      ["appliance", (one, open) => link(one.appliance_id, open)],
      ["message", (one) => inWords(one.texts) ?? h("code", {}, one.event_type)],
      ["state", (one) => [status(one.state), one.error && one.state !== "held_back" ? h("small", { class: "under" }, one.error) : null]],
    ],
  },
  held_back: {
    path: "held-back",
    columns: [
      ["when", (one) => time(one.at)],
      ["appliance", (one, open) => link(one.appliance_id, open)],
      ["fault", (one) => faultTitle(one.fault)],
      ["act", (one) => tag(t(one.purpose), "muted")],
      ["reason", (one) => why(one.reason)],
    ],
  },
  dead_letters: {
    path: "dead-letters",
    columns: [
      ["when", (one) => time(one.received)],
      ["reason", (one) => [one.reason, one.times > 1 ? h("small", { class: "under" }, t("times", { n: integer(one.times) })) : ""]],
      ["topic", (one) => h("code", {}, one.topic)],
      ["preview", (one) => [h("code", {}, one.preview), h("small", { class: "under" }, t("bytes", { n: integer(one.bytes) }))]],
    ],
  },
};

function table(list, items, open) {
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, list.columns.map(([head, , kind]) => h("th", { scope: "col", class: kind }, t(head))))),
    h(
      "tbody",
      {},
      items.map((one) => h("tr", {}, list.columns.map(([head, cell, kind]) => h("td", { class: kind, "data-label": t(head) }, cell(one, open))))),
    ),
  );
}

export function showTabs(chosen, totals, choose) {
  const tab = (name) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "data-key": `tab-${name}`,
        "aria-selected": String(name === chosen),
        "aria-controls": "list",
        tabindex: name === chosen ? "0" : "-1",
        onclick: () => choose(name),
      },
      t(name),
      h("b", {}, integer(totals[name])),
    );
  fill(byId("tabs"), Object.keys(LISTS).map(tab));
  byId("list").setAttribute("aria-labelledby", `tab-${chosen}`);
}

export function showList(name, page, open, more) {
  if (!page.items.length) return fill(byId("list"), empty(t(`${name}_empty`)));
  const rest = page.total - page.items.length;
  fill(
    byId("list"),
    h("div", { class: "scroll" }, table(LISTS[name], page.items, open)),
    rest > 0 ? h("button", { type: "button", class: "quiet more", "data-key": "more", onclick: more }, `${t("more")} (${integer(rest)})`) : null,
  );
}
