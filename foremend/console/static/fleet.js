// The fleet: one square for each appliance, by appliance model; states can be chosen.
import { byId, dot, empty, fill, h } from "./dom.js";
import { integer, moment } from "./format.js";
import { t } from "./i18n.js";
import { faultTitle, modelTitle, stateWords } from "./words.js";

export const STATES = ["critical", "warning", "info", "silent", "learning", "not_judged", "ok"];
const MARKS = { critical: "!", warning: "▲", info: "i", silent: "–", learning: "…", not_judged: "?", ok: "" }; // colour is never the only sign

function cell(one, open) {
  const story = [one.appliance_id, stateWords(one), ...one.faults.map(faultTitle), t("heard", { when: moment(one.last_seen) })];
  return h(
    "button",
    {
      type: "button",
      class: "cell",
      "data-state": one.state,
      "data-key": one.appliance_id,
      title: story.join("\n"),
      "aria-label": story.join(", "),
      onclick: () => open(one.appliance_id),
    },
    MARKS[one.state],
  );
}

function group(model, members, size, open) {
  return h(
    "div",
    { class: "model" },
    h("h3", {}, modelTitle(model), h("span", { class: "id" }, model), h("span", { class: "count" }, integer(members.length))),
    h("div", { class: "cells", "--size": size }, members.map((one) => cell(one, open))),
  );
}

export function showFilters(byState, chosen, choose) {
  const total = STATES.reduce((sum, state) => sum + byState[state], 0);
  const chip = (state, n) =>
    h(
      "button",
      { type: "button", class: "chip", "data-key": `state-${state}`, "aria-pressed": String(chosen === state), onclick: () => choose(state) },
      state === "all" ? null : dot(state),
      t(`state_${state}`),
      h("b", {}, integer(n)),
    );
  fill(byId("filters"), chip("all", total), STATES.map((state) => chip(state, byState[state])));
}

export function showFleet(fleet, open) {
  const place = byId("fleet");
  if (!fleet.total) {
    const nobody = STATES.every((state) => fleet.by_state[state] === 0);
    return fill(place, empty(t(nobody ? "fleet_empty" : "fleet_none")));
  }
  const models = Map.groupBy(fleet.items, (one) => one.appliance_model);
  const names = [...models.keys()].sort();
  const rest = fleet.total - fleet.items.length;
  const size = fleet.items.length <= 120 ? "28px" : fleet.items.length <= 400 ? "24px" : "16px";
  fill(
    place,
    names.map((name) => group(name, models.get(name).sort((a, b) => a.appliance_id.localeCompare(b.appliance_id)), size, open)),
    rest > 0 ? h("p", { class: "hint" }, t("fleet_more", { n: integer(rest) })) : null,
  );
}
