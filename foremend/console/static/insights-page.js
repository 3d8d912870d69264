// What goes with failures of an appliance model: features with their intervals, what if, and lives of batches.
import "./insights-words.js";
import { byId, empty, fill, h } from "./dom.js";
import { fullTime, integer, measured, percent } from "./format.js";
import { language, t } from "./i18n.js";
import { select, table, trouble, turnTo, view } from "./listing.js";
import { ask, inVain, missing, reach, refusal, send, startShell } from "./shell.js";
import { faultTitle, featureTitle, modelTitle, setVocabulary } from "./words.js";

const PAGE = "insights.html";
const EVERY_MS = 60_000;
const UNDER_WAY_MS = 3_000;
const LEAD_DAYS = 60;
const known = { list: null, report: null, error: null, notice: null, answer: null, busy: false, shown: "" };
const typed = { feature: "", change: "-33", lead: String(LEAD_DAYS) };

const words = ask("api/vocabulary").then(setVocabulary, () => {});

const model = () => view().get("model");

const path = (rest = "", more = {}) => {
  const query = new URLSearchParams({ ...(view().get("fault") ? { fault: view().get("fault") } : {}), ...more });
  return `api/v1/insights/${encodeURIComponent(model())}${rest}${query.size ? `?${query}` : ""}`;
};

const speech = () => ({ language: language.now === "zh" ? "zh" : "en" });

const between = ([low, high]) => `${measured(low)}–${measured(high)}`;

const when = (iso) => (iso ? h("time", { datetime: iso }, fullTime(iso)) : "–");

const card = (key, hint, ...inside) => h("section", { class: "card", "aria-labelledby": key }, h("header", { class: "card-head" }, h("h2", { id: key }, t(key)), hint ? h("p", { class: "hint" }, hint) : null), inside);

const within = (...children) => h("div", { class: "inside" }, children);

const picture = (rest, alt, more = {}) => within(h("img", { class: "evidence-chart", src: path(rest, { ...speech(), again: known.report.made_at, ...more }), alt }));

async function read() {
  const asked = location.search;
  try {
    const [found] = await Promise.all([ask(model() ? path() : "api/v1/insights"), words]);
    if (asked !== location.search) return;
    Object.assign(known, { list: null, report: null, [model() ? "report" : "list"]: found, error: null });
  } catch (error) {
    if (asked === location.search) missed(error);
    return;
  }
  show();
}

const missed = missing(known, () => show());

const doing = (one) => (one.share ? t("in_under_way_share", { share: percent(one.share) }) : t("in_under_way"));

const state = (one) => (one.under_way ? h("span", { class: "tag", "data-tone": "wait" }, doing(one)) : one.trouble || (one.until ? when(one.made_at) : t("in_not_yet")));

const LIST = [
  ["fl_model", (one) => [h("a", { href: `${PAGE}?${new URLSearchParams({ model: one.appliance_model })}`, "data-key": `to ${one.appliance_model}` }, modelTitle(one.appliance_model)), h("small", { class: "under id" }, one.appliance_model)]],
  ["in_state", state],
  ["in_failures", (one) => (one.until ? integer(one.failures) : "–"), "number"],
  ["in_named", (one) => one.named.map(featureTitle).join(t("list_comma")) || "–"],
];

const more = ({ value, unit }) => t("in_more_difference", { value: unit == null ? percent(value) : measured(value, unit) });

const NAMED = [
  ["in_feature", (one) => featureTitle(one.feature)],
  ["in_more", (one) => more(one.more)],
  ["in_times", (one) => measured(one.ratio), "number"],
  ["in_interval", (one) => between(one.ratio_95), "number"],
  ["in_along", (one) => one.along.map(featureTitle).join(t("list_comma")) || "–"],
];

function named(report) {
  if (!report.features.length) return card("in_named", null, empty(t("in_none", { n: integer(report.alone.length) })));
  const each = report.features.map((one) => `${featureTitle(one.feature)} ${measured(one.ratio)} (${between(one.ratio_95)})`);
  return card("in_named", t("in_named_hint"), picture("/named.svg", t("in_named_alt", { each: each.join(t("list_comma")) })), table(NAMED, report.features));
}

const unitOf = (report) => report.features.find((one) => one.feature === typed.feature)?.more.unit ?? null;

async function guess(event, report) {
  event.preventDefault();
  const unit = unitOf(report);
  const change = Number(typed.change) / (unit == null ? 100 : 1);
  const said = unit == null ? `${typed.change} %` : measured(Number(typed.change), unit);
  try {
    const found = await ask(path("/what-if", { feature: typed.feature, change }));
    const feature = featureTitle(found.feature);
    known.answer = () =>
      found.failures == null
        ? t(found.along ? "in_what_if_along" : "in_what_if_nobody", { feature, along: found.along ? featureTitle(found.along) : "" })
        : t("in_what_if_told", { feature, change: said, failures: measured(found.failures), low: measured(found.failures_95[0]), high: measured(found.failures_95[1]) });
  } catch (error) {
    if (error.status === 401) return missed(error);
    known.answer = () => refusal(error);
  }
  byId("answer").textContent = known.answer();
}

function whatIf(report) {
  if (!report.features.length) return null;
  const every = [...report.features, ...report.alone.filter((one) => !report.features.some((each) => each.feature === one.feature))].map((one) => one.feature);
  if (!every.includes(typed.feature)) typed.feature = every[0];
  const option = (name) => h("option", { value: name, selected: name === typed.feature }, featureTitle(name));
  const unit = unitOf(report);
  return card(
    "in_what_if",
    null,
    within(
      h(
        "form",
        { class: "step", onsubmit: (event) => guess(event, report) },
        h("label", {}, t("in_feature"), h("select", { "data-key": "feature", onchange: (event) => (Object.assign(typed, { feature: event.target.value }), Object.assign(known, { shown: "" }), show()) }, every.map(option))),
        h("label", {}, unit == null ? t("in_change") : t("in_change_unit", { unit }), h("input", { type: "number", step: "any", required: true, min: unit == null ? "-99" : null, "data-key": "change", value: typed.change, oninput: (event) => (typed.change = event.target.value) })),
        h("button", { type: "submit", class: "quiet", "data-key": "guess" }, t("in_what_if_ask")),
      ),
      h("p", { id: "answer", role: "status" }, known.answer?.() ?? ""),
    ),
  );
}

const LIVES = [
  ["in_life", (one) => `${t(`in_${one.by}`)} ${one.name || "–"}`],
  ["in_appliances", (one) => integer(one.appliances), "number"],
  ["in_failures", (one) => integer(one.failures), "number"],
  ["in_shape", (one) => (one.weibull ? measured(one.weibull.shape) : t("in_shape_none")), "number"],
  ["in_interval", (one) => (one.weibull ? between([one.weibull.low, one.weibull.high]) : "–"), "number"],
];

function lives(report) {
  if (!report.lives.length) return card("in_lives", null, empty(t("in_lives_none")));
  const drawn = ["batch", "firmware"].filter((by) => report.lives.some((one) => one.by === by));
  return card("in_lives", t("in_lives_hint"), h("div", { class: "columns" }, drawn.map((by) => picture("/lives.svg", `${t(`in_${by}`)}: ${t("in_lives_hint")}`, { by }))), table(LIVES, report.lives));
}

const ALONE = [
  ["in_feature", (one) => featureTitle(one.feature)],
  ["in_z", (one) => measured(one.z), "number"],
  ["in_p", (one) => measured(one.p), "number"],
];

function alone(report) {
  const unusable = report.unusable.length ? within(h("p", { class: "hint" }, t("in_unusable", { names: report.unusable.map(featureTitle).join(t("list_comma")) }))) : null;
  return card("in_alone", null, within(h("details", {}, h("summary", { "data-key": "alone" }, t("in_alone_count", { n: integer(report.alone.length) })), table(ALONE, report.alone))), unusable);
}

/** Has it looked for anew; whoever may not reads which right that takes. */
async function begin(event) {
  event.preventDefault();
  if (known.busy) return;
  known.busy = true;
  try {
    const fault = view().get("fault");
    await send(path(), { ...(fault ? { fault } : {}), lead_days: Number(typed.lead) });
    known.notice = null;
  } catch (error) {
    console.warn(error);
    if (error.status === 401) return missed(error);
    known.notice = () => refusal(error);
  } finally {
    known.busy = false;
  }
  await read();
}

function asking(report) {
  if (report.under_way) return within(h("p", {}, h("span", { class: "tag", "data-tone": "wait" }, doing(report))));
  if (reach("insights.change") !== "all") return within(h("p", { class: "hint" }, t("in_without", { right: "insights.change" })), h("code", { class: "command" }, `foremend insights --appliance-model ${report.appliance_model}`));
  return within(
    h(
      "form",
      { class: "step", onsubmit: begin },
      h("label", {}, t("in_lead"), h("input", { type: "number", min: "0", max: "365", required: true, "data-key": "lead", value: typed.lead, oninput: (event) => (typed.lead = event.target.value) })),
      h("button", { type: "submit", class: "primary", "data-key": "ask" }, t("in_ask")),
    ),
  );
}

function detail(report) {
  const compared = { failures: integer(report.failures), spells: integer(report.spells), appliances: integer(report.appliances), left_out: integer(report.left_out), days: integer(report.lead_days) };
  const found = report.until && !report.trouble;
  const file = h("a", { href: path("/report.html", speech()), download: "", "data-key": "file" }, t("in_file"));
  return [
    h("p", {}, h("a", { href: PAGE, "data-key": "all" }, t("in_all")), " · ", h("b", {}, modelTitle(report.appliance_model)), " ", h("span", { class: "id" }, report.appliance_model)),
    h("form", { class: "card narrowed", onsubmit: (event) => event.preventDefault() }, select("fault", "in_fault", [["", t("in_any")], ...report.faults.map((name) => [name, faultTitle(name)])], false, choose)),
    card("in_state", t("in_ask_hint"), within(report.trouble ? h("p", { class: "safety" }, report.trouble) : h("p", {}, found ? t("in_compared", compared) : t("in_not_yet")), found ? h("p", {}, `${t("in_made")}: `, when(report.made_at), " · ", file) : null), asking(report)),
    found ? [named(report), whatIf(report), lives(report), alone(report)] : null,
  ];
}

function choose(change) {
  turnTo(change);
  Object.assign(known, { answer: null, notice: null });
  read();
}

function found() {
  if (known.error) return trouble(known.error, PAGE, "ls_no_right", "in_gone");
  if (known.report) return detail(known.report);
  if (!known.list) return empty(t("chart_wait"));
  return h("section", { class: "card" }, table(LIST, known.list));
}

function show() {
  document.title = `${known.report ? `${modelTitle(known.report.appliance_model)} · ` : ""}${t("page_insights")} · Foremend`;
  byId("said").textContent = known.notice?.() ?? "";
  byId("said").hidden = !known.notice;
  const shown = JSON.stringify([language.now, known.list, known.report, known.error?.status, location.search, reach("insights.change")]);
  if (shown === known.shown) return; // what somebody has opened or typed stays as it is
  known.shown = shown;
  fill(byId("found"), found());
  byId("found").setAttribute("aria-busy", String(!known.list && !known.report && !known.error));
}

async function keepLooking() {
  const since = Date.now();
  do await new Promise((resolve) => setTimeout(resolve, UNDER_WAY_MS));
  while (!known.report?.under_way && Date.now() - since < EVERY_MS);
  if (!document.hidden && !known.busy && !(known.error && inVain(known.error))) await read();
  keepLooking();
}

window.addEventListener("popstate", read);
startShell(show, missed).then(() => read().then(keepLooking));
