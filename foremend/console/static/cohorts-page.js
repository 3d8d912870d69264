// Cohorts that fail more than their siblings, who saw to them, and visits of the weeks to come.
import { cohortName } from "./cohorts-words.js";
import { byId, dot, empty, fill, h } from "./dom.js";
import { decimal, fullTime, integer, moment } from "./format.js";
import { language, t } from "./i18n.js";
import { select, table, trouble, turnTo, view } from "./listing.js";
import { answered, ask, inVain, missing, reach, startShell, toLogin } from "./shell.js";
import { faultTitle, featureTitle, setVocabulary } from "./words.js";

const PAGE = "cohorts.html";
const STATES = ["open", "acknowledged", "closed"];
const TONES = { red: "critical", yellow: "warning", blue: "info" };
const EVERY_MS = 60_000; // figures change once a day, alarms when somebody sees to one
const PATIENCE_MS = 20_000;

const known = { alarms: null, cohorts: null, forecasts: null, error: null, said: null, busy: false, shown: "", asked: 0 };
const typed = {};
const members = {};

const words = ask("api/vocabulary").then(setVocabulary, () => {});

const chosen = () => (STATES.includes(view().get("state")) ? view().get("state") : "");

async function read() {
  const mine = ++known.asked;
  const query = view().get("state") ? `?${new URLSearchParams({ state: view().get("state") })}` : "";
  try {
    const [alarms, cohorts, forecasts] = await Promise.all([ask(`api/v1/cohort-alarms${query}`), ask("api/v1/cohorts"), ask("api/v1/forecasts"), words]);
    if (mine !== known.asked) return;
    Object.assign(known, { alarms, cohorts, forecasts, error: null });
  } catch (error) {
    if (mine === known.asked) missed(error);
    return;
  }
  show();
}

const missed = missing(known, () => show());

const when = (iso) => h("time", { datetime: iso, title: fullTime(iso) }, moment(iso));

const times = (one) => `${decimal(one.ratio)} (${one.ratio_95.map(decimal).join("–")})`;

const card = (name, hint, ...inside) => h("section", { class: "card", "aria-labelledby": name }, h("header", { class: "card-head" }, h("h2", { id: name }, t(name)), hint ? h("p", { class: "hint" }, hint) : null), inside);

const level = (name) => (name ? h("span", { class: "urgent", "data-state": TONES[name] }, dot(TONES[name]), t(`ch_level_${name}`)) : "–");

const fact = ([name, value]) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value));

/** One step on the version that is shown; what became of it stands above. */
async function take(alarm, step) {
  if (known.busy) return;
  known.busy = true;
  try {
    const answer = await answered(`api/v1/cohort-alarms/${encodeURIComponent(alarm.alarm_id)}/steps`, PATIENCE_MS, {
      method: "POST",
      body: JSON.stringify(step),
      headers: { "content-type": "application/json", "if-match": `"${alarm.version}"` },
    });
    const { state } = await answer.json();
    delete typed[alarm.alarm_id];
    known.said = () => t("ch_done", { state: t(`ch_state_${state}`) });
  } catch (error) {
    console.warn(error);
    if (error.status === 401) return toLogin();
    known.said = await refused(error, alarm);
  } finally {
    known.busy = false;
  }
  await read();
}

async function refused(error, alarm) {
  if (error.status !== 412 && error.status !== 409) return () => (error.status ? t("ch_refused", { detail: error.detail }) : t("link_lost"));
  const now = await ask(`api/v1/cohort-alarms/${encodeURIComponent(alarm.alarm_id)}`).catch(() => null);
  return () => (now ? t("ch_changed", { state: t(`ch_state_${now.state}`) }) : t("link_lost"));
}

/** What can be done about an alarm; at a machine without a login the command that does the same. */
function actions(alarm) {
  if (alarm.state === "closed") return null;
  if (!reach("cohorts.change")) return h("p", {}, h("code", {}, `foremend cohorts alarms ${alarm.state === "open" ? "acknowledge" : "close"} ${alarm.alarm_id}`));
  const label = (words) => `${t(words)}: ${cohortName(alarm.definition)}`;
  return [
    alarm.state === "open" ? h("button", { type: "button", class: "primary", "data-key": `seen ${alarm.alarm_id}`, "aria-label": label("ch_acknowledge"), onclick: () => take(alarm, { step: "acknowledged" }) }, t("ch_acknowledge")) : null,
    h(
      "form",
      { class: "step", onsubmit: (event) => (event.preventDefault(), take(alarm, { step: "closed", reason: typed[alarm.alarm_id] ?? "" })) },
      h("label", {}, t("ch_reason"), h("input", { required: true, maxlength: "1000", pattern: ".*\\S.*", autocomplete: "off", "data-key": `why ${alarm.alarm_id}`, value: typed[alarm.alarm_id] ?? "", oninput: (event) => (typed[alarm.alarm_id] = event.target.value) })),
      h("button", { type: "submit", class: "quiet", "data-key": `close ${alarm.alarm_id}`, "aria-label": label("ch_close") }, t("ch_close")),
    ),
  ];
}

const MEMBERS = [
  ["ch_pseudonym", (one) => h("code", { class: "id" }, one.appliance)],
  ["ch_fault", (one) => faultTitle(one.fault)],
  ["ch_day", (one) => one.day],
];

/** Asked for when they are opened, and anew each time: whoever withdrew meanwhile is not among them. */
async function openMembers(event, alarm) {
  const { target } = event;
  members[alarm.alarm_id] = target.open;
  if (!target.open) return target.querySelector("div").replaceChildren();
  const found = await ask(`api/v1/cohort-alarms/${encodeURIComponent(alarm.alarm_id)}/members`, PATIENCE_MS).catch((error) => error);
  const inside = Array.isArray(found) ? (found.length ? table(MEMBERS, found) : empty(t("ch_members_none"))) : empty(t("ch_members_lost", { detail: found.detail ?? found.message }));
  target.querySelector("div").replaceChildren(inside);
}

function article(alarm) {
  const faults = alarm.faults.map((one) => h("li", {}, t("ch_fault_line", { ...one, fault: faultTitle(one.fault) })));
  const features = alarm.features.map((one) => h("li", {}, t(`ch_feature_${one.moved}`, { ...one, of: alarm.failed, feature: featureTitle(one.feature) })));
  const facts = [
    ["ch_failed", t("ch_at", { failed: integer(alarm.failed), at_risk: integer(alarm.at_risk) })],
    ["ch_expected", decimal(alarm.expected)],
    ["ch_ratio", times(alarm)],
    ["ch_day", alarm.day],
    ...(faults.length ? [["ch_faults", h("ul", {}, faults)]] : []),
    ...(features.length ? [["ch_features", h("ul", {}, features)]] : []),
  ];
  const seen = alarm.acknowledged_at ? h("p", { class: "hint" }, t("ch_acknowledged", { by: alarm.acknowledged_by, when: moment(alarm.acknowledged_at) })) : null;
  const closed = alarm.closed_at ? h("p", { class: "hint" }, t("ch_closed", { by: alarm.closed_by, when: moment(alarm.closed_at), reason: alarm.reason })) : null;
  return h(
    "article",
    { class: "episode cohort", "data-state": TONES[alarm.level], "aria-label": cohortName(alarm.definition) },
    h("h3", {}, level(alarm.level), " ", cohortName(alarm.definition)),
    h("p", {}, h("span", { class: "tag", "data-tone": alarm.state === "open" ? "wait" : "muted" }, t(`ch_state_${alarm.state}`)), " ", t("ch_told", { when: moment(alarm.told_at) })),
    alarm.recommended === "freeze" && alarm.state !== "closed" ? h("p", { class: "safety" }, t("ch_freeze")) : null,
    h("dl", { class: "facts" }, facts.map(fact)),
    seen,
    closed,
    actions(alarm),
    h("details", { open: Boolean(members[alarm.alarm_id]), ontoggle: (event) => openMembers(event, alarm) }, h("summary", { "data-key": `who ${alarm.alarm_id}` }, t("ch_members")), h("div", {})),
  );
}

/** What somebody has to look at comes first: open, then what is surest; of those the newest. */
const urgency = (one) => STATES.indexOf(one.state) * 10 + Object.keys(TONES).indexOf(one.level);

function alarmCard() {
  const none = view().get("state") ? "ch_alarms_none" : "ch_alarms_empty";
  return card("ch_alarms", null, known.alarms.length ? h("div", { class: "inside" }, known.alarms.toSorted((a, b) => urgency(a) - urgency(b)).map(article)) : empty(t(none)));
}

const COHORTS = [
  ["ch_cohort", (one) => cohortName(one.definition)],
  ["ch_level", (one) => level(one.level)],
  ["ch_failed", (one) => t("ch_at", { failed: integer(one.failed), at_risk: integer(one.at_risk) })],
  ["ch_expected", (one) => decimal(one.expected), "number"],
  ["ch_ratio", times, "number"],
];

function cohortCard(report) {
  if (!report.until) return card("ch_cohorts", null, empty(t("ch_not_yet")));
  const hint = t("ch_cohorts_hint", { until: report.until, failures: integer(report.failures), appliances: integer(report.appliances), silent: integer(report.appliances_without_consent) });
  return card("ch_cohorts", report.trouble ? null : hint, report.trouble ? empty(report.trouble) : report.cohorts.length ? table(COHORTS, report.cohorts) : empty(t("ch_cohorts_empty")));
}

/** A row for each area, or part, and a column for each week. */
function weeks(title, head, rows) {
  const days = [...new Set(rows.map((one) => one.week))];
  const names = [...new Set(rows.map((one) => one.name))];
  const cell = (day) => (name) => {
    const one = rows.find((each) => each.name === name && each.week === day);
    return one ? `${decimal(one.visits)} (${integer(one.low)}–${integer(one.high)})` : "–";
  };
  const column = (day) => h("th", { scope: "col", class: "number" }, day);
  const row = (name) => h("tr", {}, h("td", { "data-label": t(head) }, name === "all" ? t("ch_everywhere") : name || t("ch_unnamed")), days.map((day) => h("td", { class: "number", "data-label": day }, cell(day)(name))));
  return card(title, t("ch_forecast_hint"), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": title }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t(head)), days.map(column))), h("tbody", {}, names.map(row)))));
}

function forecastCards(report) {
  if (!report.until || !report.weeks.length) return card("ch_visits", null, empty(report.trouble || t("ch_not_yet")));
  const of = (by) => report.weeks.filter((one) => one.by === by);
  return [weeks("ch_visits", "ch_area", of("area")), of("part").length ? weeks("ch_parts", "ch_parts", of("part")) : null];
}

function show() {
  document.title = `${t("page_cohorts")} · Foremend`;
  byId("found").setAttribute("aria-busy", String(!known.alarms && !known.error));
  byId("said").textContent = known.said?.() ?? "";
  byId("said").hidden = !known.said;
  byId("filters").hidden = Boolean(known.error);
  if (known.error) {
    known.shown = "";
    return fill(byId("found"), trouble(known.error, PAGE));
  }
  if (!known.alarms) return;
  const shown = JSON.stringify([language.now, known.alarms, known.cohorts, known.forecasts, reach("cohorts.change")]);
  if (shown === known.shown) return; // what somebody has opened or typed stays as it is
  known.shown = shown;
  fill(byId("found"), alarmCard(), cohortCard(known.cohorts), forecastCards(known.forecasts));
}

function choose(change) {
  turnTo(change);
  showFilters();
  read();
}

function showFilters() {
  fill(byId("filters"), select("state", "ch_state", STATES.map((one) => [one, t(`ch_state_${one}`)]), true, choose), chosen() ? h("a", { href: PAGE, "data-key": "clear" }, t("ls_clear")) : null);
}

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && !known.busy && !(known.error && inVain(known.error))) await read();
  keepLooking();
}

byId("filters").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("popstate", () => {
  showFilters();
  read();
});
startShell(() => {
  showFilters();
  show();
}, missed);
read().then(keepLooking);
