// One appliance: what goes on, why we think so, what to do, what was done.
import { byId, dot, h } from "./dom.js";
import { DAY, date, daysBetween, measured, moment, outlook, percent, timeLeft } from "./format.js";
import { inWords, t } from "./i18n.js";
import { status, target } from "./lists.js";
import { drawing, fault, faultTitle, featureTitle, modelTitle, partNames, stateWords, tone } from "./words.js";

const FRESH_DAYS = 2;
const SMALLEST_WIDTH = 0.05; // of the value: a smaller difference must not look like a large one

/** When the evidence of an episode was measured, in a word: now, or the day where that is over. */
const asOf = (episode, now) => (now - Date.parse(episode.time) < FRESH_DAYS * DAY ? t("measured") : date(Date.parse(episode.time)));

/** Value, own usual and siblings on one line, from the lowest to the highest of them; `when` names the value. */
function comparison(one, when) {
  const marks = [["siblings", one.siblings], ["own_usual", one.usual], ["measured", one.value]].filter(([, value]) => value != null);
  const values = marks.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const width = Math.max(high - low, SMALLEST_WIDTH * Math.max(Math.abs(low), Math.abs(high))) || 1;
  const at = (value) => `${(50 + (90 * (value - (low + high) / 2)) / width).toFixed(1)}%`;
  return h(
    "figure",
    { class: "comparison" },
    h("figcaption", {}, featureTitle(one.feature)),
    h("div", { class: "scale", "aria-hidden": "true" }, marks.map(([name, value]) => h("i", { "data-mark": name, "--at": at(value) }))),
    h("dl", {}, marks.reverse().map(([name, value]) => h("div", {}, h("dt", { "data-mark": name }, name === "measured" ? when : t(name)), h("dd", {}, measured(value, one.unit))))),
  );
}

function expectation(episode, now) {
  const left = outlook(episode, now);
  if (left === null) return null;
  return h(
    "dl",
    { class: "figures" },
    h("div", {}, h("dt", {}, t("probability")), h("dd", {}, percent(episode.probability))),
    h("div", {}, h("dt", {}, t("lead")), h("dd", {}, timeLeft(episode, now)), h("dd", { class: "hint" }, daysBetween(left.low, left.high))),
  );
}

function served(ticket) {
  if (!ticket) return null;
  return h("p", { class: "served" }, t("ticket"), " ", status(ticket.status), ticket.deliveries.map((one) => [` · ${target(one.target)} `, status(one.state)]));
}

function steps(ticket, known) {
  const words = inWords(ticket?.self_help) ?? [];
  const safety = inWords(ticket?.safety);
  return [
    words.length ? [h("h4", {}, t("owner_steps")), h("ol", { class: "steps" }, words.map((step) => h("li", {}, step))), drawing(known)] : null,
    safety ? h("p", { class: "safety" }, safety) : null,
  ];
}

export function episodeCard(episode, ticket, now) {
  const known = fault(episode.fault);
  return h(
    "section",
    { class: "episode", "data-state": tone(episode) },
    h("h3", {}, dot(tone(episode)), faultTitle(episode.fault)),
    known && h("p", {}, inWords(known.mechanism)),
    expectation(episode, now),
    served(ticket),
    episode.evidence.length ? [h("h4", {}, t("evidence")), h("div", { class: "evidence" }, episode.evidence.map((one) => comparison(one, asOf(episode, now))))] : null,
    known && [h("h4", {}, t("technician")), h("p", {}, inWords(known.technician_finds))],
    ticket?.parts.length ? [h("h4", {}, t("parts")), h("p", {}, partNames(ticket.parts))] : null,
    steps(ticket, known),
  );
}

export function history(findings) {
  return h(
    "ol",
    { class: "history" },
    findings.map((one) =>
      h("li", { "data-kind": one.kind }, h("time", { datetime: one.time }, moment(one.time)), h("span", {}, `${faultTitle(one.fault)} — ${t(`kind_${one.kind}`)}`)),
    ),
  );
}

export function showDetail(detail, now) {
  const { appliance, episodes, findings, tickets } = detail;
  const dialog = byId("detail");
  const page = h("a", { class: "page-link", href: `appliance.html?${new URLSearchParams({ id: appliance.appliance_id })}` }, t("open_page"));
  const close = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("close"));
  dialog.replaceChildren(
    h("header", {}, h("div", {}, h("h2", { id: "detail-title", class: "id" }, appliance.appliance_id), h("p", { class: "hint" }, `${modelTitle(appliance.appliance_model)} · ${t("heard", { when: moment(appliance.last_seen) })}`), page), close),
    h("p", { class: "verdict", "data-state": appliance.state }, dot(appliance.state), stateWords(appliance)),
    ...episodes.map((episode) => episodeCard(episode, tickets.find((ticket) => ticket.episode_id === episode.episode_id), now)),
    findings.length ? h("section", {}, h("h3", {}, t("history")), history(findings)) : "",
  );
  if (!dialog.open) dialog.showModal();
}
