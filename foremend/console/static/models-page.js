// Trained versions of each appliance model: how they do, what drifts, put in use and taken back with a reason.
import "./models-words.js";
import { panel } from "./chart.js";
import { byId, empty, fill, h } from "./dom.js";
import { DAY, compact, fullTime, integer, measured, percent } from "./format.js";
import { t } from "./i18n.js";
import { table, trouble, view } from "./listing.js";
import { ask, inVain, missing, reach, refusal, send, startShell } from "./shell.js";
import { costs } from "./models-costs.js";
import { faultTitle, featureTitle, modelTitle, setVocabulary } from "./words.js";

const PAGE = "models.html";
const EVERY_MS = 30_000;
const COMPARE_PATIENCE_MS = 120_000; // both versions are loaded and judged
const SHARES = ["told", "named"];
/** What a version is judged by, in this order; each has words, and a share is a percentage. */
const FIGURES = ["told", "named", "lead_days", "false_per_100", "average_precision", "brier"];
const known = { list: null, model: null, error: null, compared: null, comparing: false, notice: null, seen: "" };
const typed = { version: "", promotion: "", rollback: "" };
let charts = [];

const chosen = () => view().get("model");

const to = (model) => `${PAGE}?${new URLSearchParams({ model })}`;

const when = (iso) => (iso ? h("time", { datetime: iso }, fullTime(iso)) : "–");

const figure = (name, value) => (value == null ? "–" : SHARES.includes(name) ? percent(value) : measured(value, name === "lead_days" ? t("mo_days") : ""));

const card = (key, ...inside) => h("section", { class: "card", "aria-labelledby": key }, h("header", { class: "card-head" }, h("h2", { id: key }, t(key))), inside);

const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

/** Where it learnt, in words, with how much. */
function learnt({ source, appliances, rows, days }) {
  const words = ["simulated", "history"].includes(source) ? t(`mo_source_${source}`) : (source ?? "–");
  const much = [appliances && t("mo_appliances", { n: compact(appliances) }), days && t("mo_of_days", { n: compact(days) }), rows && t("mo_rows", { n: compact(rows) })].filter(Boolean);
  return [words, much.length ? h("small", { class: "under" }, much.join(t("list_comma"))) : null];
}

async function read(again = false) {
  try {
    const found = await ask(chosen() ? `api/v1/models/${encodeURIComponent(chosen())}` : "api/v1/models");
    const seen = JSON.stringify(found);
    if (seen === known.seen && !known.error && !again) return;
    Object.assign(known, { list: null, model: null, [chosen() ? "model" : "list"]: found, error: null, seen });
  } catch (error) {
    return missed(error);
  }
  show();
}

const missed = missing(known, () => show());

function tell(words) {
  known.notice = words;
  showNotice();
}

function showNotice() {
  byId("said").textContent = known.notice?.() ?? "";
  byId("said").hidden = !known.notice;
}

const drifted = (one) => (one.drifted ? h("span", { class: "tag", "data-tone": "wait" }, t(one.drifted === 1 ? "mo_drifted_one" : "mo_drifted", { n: integer(one.drifted) })) : t("mo_drift_none"));

const figures = (one) => FIGURES.filter((name) => one.metrics[name] != null).map((name) => h("small", { class: "under" }, `${t(`mo_${name}`)}: `, h("b", {}, figure(name, one.metrics[name]))));

const LIST = [
  ["fl_model", (one) => [h("a", { href: to(one.appliance_model), "data-key": `to ${one.appliance_model}` }, modelTitle(one.appliance_model)), h("small", { class: "under id" }, one.appliance_model), one.troubles.length ? [h("span", { class: "tag", "data-tone": "bad" }, t("mo_trouble")), one.troubles.map((text) => h("small", { class: "under" }, text))] : null]],
  ["mo_champion", (one) => one.champion ?? t("mo_none_in_use")],
  ["mo_made", (one) => when(one.made_at)],
  ["mo_learnt", (one) => learnt({ source: one.source })],
  ["mo_figures", figures],
  ["mo_challenger", (one) => one.challenger ?? "–"],
  ["mo_drift", drifted],
  ["mo_versions", (one) => integer(one.versions), "number"],
];

const nothing = () => h("section", { class: "card" }, h("p", { class: "empty" }, t("mo_empty"), " ", h("code", {}, "foremend models prepare")));

const alias = (one, model) => (one.version === model.champion ? h("span", { class: "tag", "data-tone": "good" }, t("mo_champion")) : one.version === model.challenger ? h("span", { class: "tag", "data-tone": "wait" }, t("mo_challenger")) : null);

function versions(model) {
  const cells = [
    ["mo_version", (one) => [h("b", {}, one.version), " ", alias(one, model)]],
    ["mo_made", (one) => when(one.made_at)],
    ["mo_learnt", (one) => learnt(one.trained_on)],
    ["mo_figures", figures],
  ];
  return card("mo_versions", table(cells, model.versions));
}

/** A point for each version that was judged so, by when it was made. */
function chart(model, name) {
  const judged = model.versions.filter((one) => one.metrics[name] != null).reverse();
  if (judged.length < 2) return null;
  const at = judged.map((one) => Date.parse(one.made_at) / 1000);
  const edge = Math.max((at.at(-1) - at[0]) * 0.05, DAY / 1000 / 24) * 1000;
  const shown = { from: at[0] * 1000 - edge, until: at.at(-1) * 1000 + edge, episodes: [], lines: [] };
  const say = (index) => (index == null ? "" : `${judged[index].version}: ${figure(name, judged[index].metrics[name])}`);
  const sentence = t("mo_chart", { first: say(0), last: say(judged.length - 1) });
  return panel({ title: t(`mo_${name}`), sentence, evidence: [], columns: [at, judged.map((one) => one.metrics[name])], points: true, percent: SHARES.includes(name), say }, shown, () => {});
}

function overTime(model) {
  const drawn = FIGURES.map((name) => chart(model, name)).filter(Boolean);
  charts.push(...drawn);
  return card("mo_over_time", h("p", { class: "inside hint" }, t(drawn.length ? "mo_over_time_hint" : "mo_over_time_none")), drawn.map((one) => one.element));
}

function inUse(model) {
  const one = model.versions.find((version) => version.version === model.champion);
  if (!one) return card("mo_in_use", empty(t(model.champion ? "mo_unread" : "mo_none_in_use", { version: model.champion })));
  const outcomes = one.trained_on.outcomes;
  return card(
    "mo_in_use",
    h(
      "div",
      { class: "inside" },
      facts([
        [t("mo_version"), h("b", {}, one.version)],
        [t("mo_made"), when(one.made_at)],
        [t("mo_learnt"), learnt(one.trained_on)],
        outcomes && [t("mo_outcomes"), Object.entries(outcomes).map(([name, n]) => h("span", { class: "under" }, `${faultTitle(name)}: ${integer(n)}`))],
        [t("mo_faults"), one.faults.map(faultTitle).join(t("list_comma"))],
        [t("mo_features"), integer(one.features)],
        [t("mo_signed"), t(one.signed ? "agreed_yes" : "mo_unsigned")],
      ]),
    ),
  );
}

const DRIFT = [
  ["mo_feature", (one) => featureTitle(one.feature)],
  ["mo_psi", (one) => measured(one.psi), "number"],
  ["mo_limit", (one) => measured(one.limit), "number"],
];

const drift = (model) => card("mo_drift", h("p", { class: "inside hint" }, t("mo_drift_hint")), model.drifted.length ? table(DRIFT, model.drifted) : empty(t("mo_drift_none")));

/** Side by side on live data, and on the same rows once somebody asks. */
function beside(model) {
  const { shadow } = model;
  const live = shadow && facts([
    [t("mo_days_beside"), integer(shadow.days)],
    [t("mo_both"), integer(shadow.opened_by_both)],
    [t("mo_only_champion"), integer(shadow.opened_by_champion_only)],
    [t("mo_only_challenger"), integer(shadow.opened_by_challenger_only)],
    [t("mo_difference"), measured(shadow.mean_difference)],
  ]);
  const found = known.compared;
  const same = found && [
    table([["mo_figure", (name) => t(`mo_${name}`)], ["mo_champion", (name) => figure(name, found.champion_metrics[name]), "number"], ["mo_rival", (name) => figure(name, found.challenger_metrics[name]), "number"]], FIGURES.filter((name) => found.champion_metrics[name] != null || found.challenger_metrics[name] != null)),
    found.reasons_against.length ? h("div", { class: "safety", id: "against" }, t("mo_against"), h("ul", { class: "sentences" }, found.reasons_against.map((one) => h("li", {}, one)))) : h("p", { id: "against" }, t("mo_may", { version: found.challenger })),
  ];
  return [shadow ? [h("h3", {}, t("mo_live", { version: shadow.challenger })), live] : null, same];
}

const field = (key, label) => h("label", {}, label, h("input", { name: key, "data-key": key, value: typed[key], required: true, minlength: "3", maxlength: "500", autocomplete: "off", oninput: (event) => (typed[key] = event.target.value) }));

function change(model) {
  const others = model.versions.filter((one) => one.version !== model.champion).map((one) => one.version);
  if (!others.includes(typed.version)) typed.version = others.includes(model.challenger) ? model.challenger : (others[0] ?? "");
  const may = reach("models.change") === "all";
  const option = (one) => h("option", { value: one, selected: one === typed.version }, one === model.challenger ? `${one} (${t("mo_challenger")})` : one);
  const pick = h("label", {}, t("mo_version"), h("select", { name: "version", "data-key": "version", onchange: (event) => Object.assign(typed, { version: event.target.value }) && Object.assign(known, { compared: null }) && show() }, others.map(option)));
  const compare = model.champion ? h("button", { type: "button", class: "quiet", "data-key": "compare", disabled: known.comparing, onclick: () => comparison(model) }, t(known.comparing ? "mo_comparing" : "mo_compare", { champion: model.champion })) : null;
  const promotion = h("form", { class: "step", onsubmit: (event) => act(event, model, "promotion") }, field("promotion", t("mo_reason")), h("button", { type: "submit", class: "primary", "data-key": "promote" }, t("mo_promote", { version: typed.version })));
  const rollback = h("form", { class: "step", onsubmit: (event) => act(event, model, "rollback") }, field("rollback", t("mo_reason_back")), h("button", { type: "submit", class: "quiet", "data-key": "roll-back" }, t("mo_roll_back", { version: model.before_champion })));
  const commands = [`foremend models promote ${model.appliance_model} ${typed.version || "v0002"} --reason …`, `foremend models rollback ${model.appliance_model} --reason …`];
  return card(
    "mo_change",
    h(
      "div",
      { class: "inside" },
      others.length ? [pick, h("p", {}, compare), beside(model)] : h("p", { class: "hint" }, t("mo_no_other"), " ", h("code", {}, `foremend train --appliance-model ${model.appliance_model}`)),
      may ? [others.length ? promotion : null, model.before_champion ? rollback : h("p", { class: "hint" }, t("mo_no_before"))] : [h("p", { class: "hint" }, t("mo_without", { right: "models.change" })), commands.map((one) => h("code", { class: "command" }, one))],
    ),
  );
}

const HISTORY = [
  ["when", (one) => when(one.at)],
  ["mo_what", (one) => [t(one.action === "promoted" ? "mo_promoted" : "mo_rolled_back", { version: one.version, previous: one.previous ?? "–" }), one.forced ? [" ", h("span", { class: "tag", "data-tone": "bad" }, t("mo_forced"))] : null]],
  ["mo_who", (one) => one.who],
  ["mo_why", (one) => one.why],
];

async function comparison(model) {
  Object.assign(known, { comparing: true, compared: null });
  show();
  try {
    known.compared = await ask(`api/v1/models/${encodeURIComponent(model.appliance_model)}/comparison?${new URLSearchParams({ version: typed.version })}`, COMPARE_PATIENCE_MS);
  } catch (error) {
    console.warn(error);
    if (error.status === 401) missed(error);
    tell(() => refusal(error));
  }
  known.comparing = false;
  show();
}

/** On the champion that was looked at: whoever was faster is told of, and nothing is changed. */
async function act(event, model, what) {
  event.preventDefault();
  const body = { reason: typed[what].trim(), seen: model.champion, ...(what === "promotion" ? { version: typed.version } : {}) };
  tell(() => t("mo_working"));
  try {
    const done = await send(`api/v1/models/${encodeURIComponent(model.appliance_model)}/${what}`, body, COMPARE_PATIENCE_MS);
    Object.assign(typed, { version: "", promotion: "", rollback: "" });
    known.compared = null;
    tell(() => t("mo_done", { version: done.champion, previous: done.previous ?? "–" }));
  } catch (error) {
    console.warn(error);
    if (error.status === 401) return missed(error);
    tell(() => refusal(error));
  }
  await read(true);
}

function detail(model) {
  const head = h("p", {}, h("a", { href: PAGE, "data-key": "all" }, t("mo_all")), " · ", h("b", {}, modelTitle(model.appliance_model)), " ", h("span", { class: "id" }, model.appliance_model));
  const past = card("mo_history", model.history.length ? table(HISTORY, model.history) : empty(t("mo_history_none")));
  const wrong = costs(model, show);
  if (wrong.chart) charts.push(wrong.chart);
  const damaged = model.troubles.length ? card("mo_trouble", h("ul", { class: "inside sentences" }, model.troubles.map((text) => h("li", {}, text)))) : null;
  return [head, damaged, h("div", { class: "columns ticket" }, h("div", { class: "beside" }, versions(model), wrong.element, overTime(model), past), h("div", { class: "beside" }, change(model), inUse(model), drift(model)))];
}

function found() {
  if (known.error) return trouble(known.error, chosen() ? PAGE : null, "ls_no_right", "mo_gone");
  if (known.model) return detail(known.model);
  if (!known.list) return empty(t("chart_wait"));
  return known.list.length ? h("section", { class: "card" }, table(LIST, known.list)) : nothing();
}

function show() {
  document.title = `${known.model ? `${modelTitle(known.model.appliance_model)} · ` : ""}${t("page_models")} · Foremend`;
  showNotice();
  for (const one of charts) one.end();
  charts = [];
  fill(byId("found"), found());
  for (const one of charts) one.draw();
  byId("found").setAttribute("aria-busy", String(!known.list && !known.model && !known.error));
}

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && !known.comparing && !(known.error && inVain(known.error))) await read();
  keepLooking();
}

window.addEventListener("resize", () => charts.forEach((one) => one.resize()));
ask("api/vocabulary").then(setVocabulary).then(show, () => {});
startShell(show, missed).then(() => read().then(keepLooking));
