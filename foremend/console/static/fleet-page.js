// The fleet as a list: searched, narrowed, sorted; the address holds what is looked at.
import "./fleet-words.js";
import { byId, dot, empty, fill, h } from "./dom.js";
import { DAY, SOON, ago, days, fullTime, integer, moment } from "./format.js";
import { STATES } from "./fleet.js";
import { t } from "./i18n.js";
import { select, table, trouble, turnTo, turning, view } from "./listing.js";
import { savedViews } from "./saved-views.js";
import { ask, inVain, missing, reach, startShell, toLogin } from "./shell.js";
import { faultNames, faultTitle, modelNames, modelTitle, setVocabulary, stateWords } from "./words.js";

const ORDERS = { urgency: "fl_order_urgent", days_left: "fl_order_left", last_seen: "fl_order_age", "-last_seen": "fl_order_new" };
const TRAITS = { service_area: "fl_area", region: "fl_region", batch: "fl_batch", firmware: "fl_firmware" };
const OF_NAMEPLATES = ["region", "batch"]; // for who has the right `owners`
const FILTERS = ["search", "state", "appliance_model", "fault", ...Object.keys(TRAITS), "sort"];
const SHOWN_FAULTS = 2;
const ON_PAGE = 50;
const EVERY_MS = 30_000;
const TYPED_MS = 300;

const known = { part: null, error: null, summary: null, asked: 0, typing: 0, said: Object.fromEntries(Object.keys(TRAITS).map((name) => [name, new Set()])) };

/** Names in words, asked for beside the list; without them the names themselves are shown. */
const words = ask("api/vocabulary").then(setVocabulary, () => {});

/** What the address asks for, in the API's words; an unknown word is the server's to refuse. */
const chosen = (names = FILTERS) => names.filter((name) => view().get(name)).map((name) => [name, view().get(name)]);

function choose(change, keep) {
  turnTo(change, keep);
  read();
  showFilters();
}

/** Another view, its search with it. */
function openView(change) {
  document.activeElement?.blur();
  choose(change);
}

function redraw() {
  document.activeElement?.blur();
  showFilters();
}

async function read() {
  const mine = ++known.asked;
  byId("found").setAttribute("aria-busy", "true");
  const cursor = view().get("cursor");
  try {
    const asked = ask(`api/v1/appliances?${new URLSearchParams([...chosen(), ["limit", ON_PAGE], ...(cursor ? [["cursor", cursor]] : [])])}`);
    const [part] = await Promise.all([asked, words]);
    if (mine !== known.asked) return;
    Object.assign(known, { part, error: null });
    offer(part);
  } catch (error) {
    console.warn(error);
    if (mine !== known.asked) return;
    if (error.status === 401) return toLogin();
    Object.assign(known, { part: null, error });
  }
  show();
}

/** Counts and the fleet's clock; whoever has not the right to them sees the list without. */
async function readSummary() {
  [known.summary] = await Promise.all([ask("api/summary").catch(() => null), words]);
  showFilters();
  show();
}

/** The fleet's clock, ms: in a replay it is not the one on the wall. */
const now = () => Date.parse(known.summary?.pipeline.event_time ?? new Date().toISOString());

function left(one) {
  if (!one.fails_at) return "";
  const until = (Date.parse(one.fails_at) - now()) / DAY;
  return until < SOON ? t("overdue") : days(until);
}

function found(one) {
  const more = one.faults.length - SHOWN_FAULTS;
  return [one.faults.slice(0, SHOWN_FAULTS).map((name) => h("span", { class: "under" }, faultTitle(name))), more > 0 ? h("small", { class: "under" }, t("evidence_more", { n: more })) : null];
}

const heard = (one) => (one.last_seen ? h("time", { datetime: one.last_seen, title: ago(Math.max(0, now() - Date.parse(one.last_seen))) }, moment(one.last_seen)) : t("fl_never"));

/** Nothing is known of one that was never heard of: it has no page of its own. */
const named = (one) => (one.last_seen ? h("a", { href: `appliance.html?${new URLSearchParams({ id: one.appliance_id })}`, class: "id", "data-key": `to ${one.appliance_id}` }, one.appliance_id) : h("span", { class: "id" }, one.appliance_id));

const CELLS = [
  ["appliance", (one) => [named(one), h("small", { class: "under" }, modelTitle(one.appliance_model))]],
  ["state", (one) => h("span", { class: "urgent", "data-state": one.state }, dot(one.state), stateWords(one))],
  ["fl_found", found],
  ["lead", left],
  ["fl_heard", heard],
];
const OWNER = ["fl_owner", (one) => h("span", { class: "id" }, one.owner_reference ?? "")];

/** Those that the reader may see. */
const traits = () => Object.keys(TRAITS).filter((name) => reach("owners") || !OF_NAMEPLATES.includes(name));

const cells = () => [...CELLS, ...traits().map((name) => [TRAITS[name], (one) => one[name] ?? ""]), ...(reach("owners") === "all" ? [OWNER] : [])];

const nobody = () => (chosen(FILTERS.filter((name) => name !== "sort")).length ? "fl_empty" : "fleet_empty");

const list = (part) => h("section", { class: "card" }, part.items.length ? table(cells(), part.items) : empty(t(nobody())), turning(part.next_cursor, choose));

const refused = ({ reach: reaches }) => (reaches === "pseudonyms" ? "fl_no_ids" : undefined);

function about() {
  if (!known.part) return known.error ? "" : t("chart_wait");
  const n = integer(known.part.items.length);
  return known.summary ? t("fl_about", { n, total: integer(known.summary.appliances) }) : t("fl_about_page", { n });
}

function show() {
  document.title = `${t("fleet")} · Foremend`;
  if (byId("about").textContent !== about()) byId("about").textContent = about();
  byId("found").setAttribute("aria-busy", String(!known.part && !known.error));
  if (known.error) fill(byId("found"), trouble(known.error, "fleet.html", refused(known.error)));
  else if (known.part) fill(byId("found"), list(known.part));
}

function search() {
  const changed = (event) => {
    clearTimeout(known.typing);
    known.typing = setTimeout(() => choose({ search: event.target.value.trim() }, true), TYPED_MS);
  };
  const label = reach("owners") === "all" ? "fl_search_owner" : "fl_search";
  return h("label", { class: "wide" }, t(label), h("input", { type: "search", name: "search", "data-key": "search", value: view().get("search") ?? "", maxlength: "100", autocomplete: "off", spellcheck: "false", oninput: changed }));
}

function counted(state) {
  const many = state === "never_heard" ? known.summary?.never_heard : known.summary?.by_state[state];
  return many == null ? t(`state_${state}`) : `${t(`state_${state}`)} (${integer(many)})`;
}

/** What is written on this page's appliances is offered where it is typed. */
function offer(part) {
  for (const name of Object.keys(TRAITS)) for (const one of part.items) if (one[name]) known.said[name].add(one[name]);
  showOffers();
}

function showOffers() {
  for (const name of traits()) {
    const place = byId(`said-${name}`);
    if (place) fill(place, [...known.said[name]].sort().map((value) => h("option", { value })));
  }
}

/** A word as the registers have it: there are too many for a list to choose from. Who goes on by Tab is there first. */
const typed = (name) => [
  h("label", {}, t(TRAITS[name]), h("input", { name, "data-key": name, value: view().get(name) ?? "", maxlength: "200", list: `said-${name}`, autocomplete: "off", spellcheck: "false", onchange: (event) => setTimeout(() => choose({ [name]: event.target.value.trim() })) })),
  h("datalist", { id: `said-${name}` }),
];

const byWords = (names, words) => names.map((name) => [name, words(name)]).sort((a, b) => a[1].localeCompare(b[1]));

const isHalfTyped = (input) => input?.name in TRAITS && input.value.trim() !== (view().get(input.name) ?? "");

function showFilters() {
  if (document.activeElement?.name === "view-name") return; // nor goes a name
  if (isHalfTyped(document.activeElement)) return;
  if (document.activeElement?.name === "search") return showRest(); // a search that is being typed stays
  fill(byId("filters"), search(), h("div", { class: "rest", id: "rest" }, rest()));
  showOffers();
}

function showRest() {
  fill(byId("rest"), rest());
  showOffers();
}

function rest() {
  return [
    select("state", "state", [...STATES, "never_heard"].map((state) => [state, counted(state)]), true, choose),
    select("appliance_model", "fl_model", byWords(modelNames(), modelTitle), true, choose),
    select("fault", "fault", byWords(faultNames(), faultTitle), true, choose),
    traits().map(typed),
    select("sort", "fl_order", Object.entries(ORDERS).map(([value, key]) => [value === "urgency" ? "" : value, t(key)]), false, choose, "wide"),
    h("a", { href: "fleet.html", "data-key": "clear" }, t("ls_clear")),
    h("a", { href: `api/v1/appliances.csv?${new URLSearchParams(chosen())}`, download: "", "data-key": "csv" }, t("fl_csv")),
    savedViews(FILTERS, openView, redraw),
  ];
}

const missed = missing(known, () => show());

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && !(known.error && inVain(known.error))) await Promise.all([read(), readSummary()]);
  keepLooking();
}

byId("filters").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("popstate", () => {
  document.activeElement?.blur();
  showFilters();
  read();
});
startShell(() => {
  showFilters();
  show();
}, missed);
Promise.all([read(), readSummary()]).then(keepLooking);
