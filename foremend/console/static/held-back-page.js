// What consent, policies, quiet hours and rates held back: counts for all, the list for whoever may read messages.
import "./held-back-words.js";
import { byId, empty, fill, h } from "./dom.js";
import { fullTime, integer, moment } from "./format.js";
import { t } from "./i18n.js";
import { select, table, trouble, turnTo, turning, view } from "./listing.js";
import { why } from "./reasons.js";
import { ask, inVain, missing, reach, startShell } from "./shell.js";
import { applianceName, faultTitle, isMany, setVocabulary } from "./words.js";

const PAGE = "held-back.html";
const CAUSES = { false: ["never_given", "withdrawn", "ended", "policy", "no_address"], true: ["quiet_hours", "rates"] };
const PURPOSES = ["ticket", "sms", "push", "email"];
const FILTERS = ["waits", "cause", "purpose", "appliance_id"];
const ON_PAGE = 50;
const EVERY_MS = 30_000;

const known = { counts: null, part: null, error: null, closed: null, asked: 0 };

/** Names in words, asked for beside the list; without them the names themselves are shown. */
const words = ask("api/vocabulary").then(setVocabulary, () => {});

const chosen = () => FILTERS.filter((name) => view().get(name)).map((name) => [name, view().get(name)]);

const waits = () => view().get("waits") === "true";

function choose(change) {
  turnTo("waits" in change ? { cause: "", ...change } : change);
  showFilters();
  read();
}

/** Counts and list at once; whoever may not read messages has the counts alone. */
async function read() {
  const mine = ++known.asked;
  byId("found").setAttribute("aria-busy", "true");
  const cursor = view().get("cursor");
  const list = ask(`api/v1/held-back?${new URLSearchParams([...chosen(), ["limit", ON_PAGE], ...(cursor ? [["cursor", cursor]] : [])])}`);
  const [counts, part] = await Promise.allSettled([ask("api/v1/held-back/counts"), list, words]);
  if (mine !== known.asked) return;
  const error = counts.reason ?? (part.reason?.status === 403 ? null : part.reason);
  if (error) return missed(error);
  Object.assign(known, { counts: counts.value, part: part.value ?? null, closed: part.reason ?? null, error: null });
  show();
}

const missed = missing(known, () => show());

const when = (iso) => h("time", { datetime: iso, title: fullTime(iso) }, moment(iso));

const whose = (id) => (isMany(id) || !reach("fleet") ? h("span", { class: "id" }, applianceName(id)) : h("a", { href: `appliance.html?${new URLSearchParams({ id })}`, class: "id", "data-key": `to ${id}` }, id));

const CELLS = [
  ["when", (one) => when(one.at)],
  ["appliance", (one) => whose(one.appliance_id)],
  ["fault", (one) => (one.fault ? faultTitle(one.fault) : "")],
  ["hb_purpose", (one) => t(`purpose_${one.purpose}`)],
  ["hb_cause", (one) => why(one.reason)],
];
const LEAVES = ["hb_leaves", (one) => when(one.until)];

function list(part) {
  const none = chosen().length ? "hb_empty_chosen" : "hb_empty";
  return h("section", { class: "card" }, part.items.length ? table(waits() ? [...CELLS, LEAVES] : CELLS, part.items) : empty(t(none)), turning(part.next_cursor, choose));
}

/** How many of each cause and purpose; a number leads to those that it counts, where they may be read. */
function counted(name, counts, later) {
  const to = (one) => `${PAGE}?${new URLSearchParams({ ...(later ? { waits: "true" } : {}), cause: one.cause, purpose: one.purpose })}`;
  const cells = [
    ["hb_cause", (one) => t(`hb_cause_${one.cause}`)],
    ["hb_purpose", (one) => t(`purpose_${one.purpose}`)],
    ["hb_number", (one) => (known.part ? h("a", { href: to(one), "data-key": `${name} ${one.cause} ${one.purpose}` }, integer(one.number)) : integer(one.number)), "number"],
  ];
  const total = counts.reduce((sum, one) => sum + one.number, 0);
  return h(
    "section",
    { class: "card", "aria-labelledby": name },
    h("header", { class: "card-head" }, h("h2", { id: name }, t(name)), h("p", { class: "hint" }, integer(total))),
    counts.length ? table(cells, counts) : empty(t("hb_nothing")),
  );
}

function show() {
  document.title = `${t("page_held_back")} · Foremend`;
  byId("found").setAttribute("aria-busy", String(!known.counts && !known.error));
  byId("filters").hidden = Boolean(known.error || known.closed);
  if (known.error) {
    fill(byId("counts"));
    return fill(byId("found"), trouble(known.error, PAGE));
  }
  if (!known.counts) return;
  fill(byId("counts"), counted("hb_never_left", known.counts.never_left, false), counted("hb_waits", known.counts.waits, true));
  fill(byId("found"), known.part ? list(known.part) : h("p", { class: "hint", role: "status" }, t("hb_counts_alone", { right: known.closed.right })));
}

function showFilters() {
  const shown = [["", t("hb_show_never")], ["true", t("hb_show_waits")]];
  fill(
    byId("filters"),
    select("waits", "hb_show", shown, false, choose),
    select("cause", "hb_cause", CAUSES[waits()].map((one) => [one, t(`hb_cause_${one}`)]), true, choose),
    select("purpose", "hb_purpose", PURPOSES.map((one) => [one, t(`purpose_${one}`)]), true, choose),
    h("a", { href: PAGE, "data-key": "clear" }, t("ls_clear")),
  );
}

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && !(known.error && inVain(known.error))) await read();
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
