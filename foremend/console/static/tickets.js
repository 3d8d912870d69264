// Tickets on a board or in a table; the address holds what is looked at.
import "./tickets-words.js";
import { clockLines } from "./clocks.js";
import { byId, dot, empty, fill, h } from "./dom.js";
import { fullTime, moment } from "./format.js";
import { inWords, t } from "./i18n.js";
import { status } from "./lists.js";
import { ask, inVain, missing, serverNow, startShell, toLogin } from "./shell.js";
import { getTickets } from "./tickets-api.js";
import { faultNames, faultTitle, modelTitle, setVocabulary } from "./words.js";

const STATES = ["open", "acknowledged", "scheduled", "on_the_way", "resolved", "closed", "merged", "withdrawn"];
const COLUMNS = STATES.slice(0, 6);
const ORDERS = { priority: "tk_order_priority", due_at: "tk_order_due", "-opened_at": "tk_order_newest" };
const ON_BOARD = 20;
const ON_PAGE = 50;
const MOST = 500;
const EVERY_MS = 15_000;
const FILTERS = ["status", "service_area", "assigned_to", "fault"];

const view = () => new URLSearchParams(location.search);
const known = { parts: null, error: null, newest: "", asked: 0 };

const isTable = () => view().get("view") === "table";

/** What the address asks for, in the API's words; an unknown word is the server's to refuse. */
function query() {
  const here = view();
  const chosen = Object.fromEntries(FILTERS.filter((name) => here.get(name)).map((name) => [name, here.get(name)]));
  if (here.get("overdue") === "1") chosen.due_before = new Date(serverNow()).toISOString();
  return chosen;
}

/** Change what is looked at; the page before is one step back. A change begins at the first page. */
function choose(change) {
  const next = view();
  next.delete("cursor");
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  history.pushState(null, "", next.size ? `?${next}` : location.pathname);
  read();
  showFilters();
}

/** `same` keeps as many as are shown. */
async function read(same = false) {
  const mine = ++known.asked;
  byId("found").setAttribute("aria-busy", "true");
  try {
    const parts = isTable() ? [await tablePart()] : await boardParts(same ? known.parts : null);
    if (mine !== known.asked) return;
    Object.assign(known, { parts, error: null });
  } catch (error) {
    console.warn(error);
    if (mine !== known.asked) return;
    if (error.status === 401) return toLogin();
    Object.assign(known, { parts: null, error });
  }
  show();
}

const tablePart = () => getTickets({ ...query(), limit: ON_PAGE, sort: view().get("sort") || "priority", ...(view().get("cursor") ? { cursor: view().get("cursor") } : {}) });

function boardParts(before) {
  const shown = (state) => before?.find((part) => part.state === state)?.items.length ?? 0;
  const chosen = query();
  const states = chosen.status ? [chosen.status] : COLUMNS;
  return Promise.all(states.map(async (state) => ({ state, ...(await getTickets({ ...chosen, status: state, limit: Math.min(MOST, Math.max(ON_BOARD, shown(state))), sort: orderOf(state) })) })));
}

const orderOf = (state) => (COLUMNS.indexOf(state) < 4 && COLUMNS.includes(state) ? "priority" : "-opened_at");

async function more(part) {
  const next = await getTickets({ ...query(), status: part.state, limit: ON_BOARD, sort: orderOf(part.state), cursor: part.next_cursor });
  part.items.push(...next.items);
  part.next_cursor = next.next_cursor;
  show();
}

const to = (one) => `ticket.html?${new URLSearchParams({ id: one.ticket_id })}`;

const titled = (one) => inWords(one.title) ?? faultTitle(one.fault);

const stakes = (one) => one.at_stake.map((name) => h("span", { class: "tag", "data-tone": "bad" }, t(`tk_stake_${name}`)));

function card(one) {
  return h(
    "li",
    { class: "work", "data-state": one.severity },
    h("a", { href: to(one), "data-key": one.ticket_id }, dot(one.severity), h("strong", {}, titled(one))),
    h("span", { class: "id" }, one.appliance_id),
    h("p", { class: "small" }, `${t("tk_priority")} ${t(`tk_priority_${one.priority}`)}`),
    one.at_stake.length ? h("p", {}, stakes(one)) : null,
    h("p", { class: "small" }, `${one.assigned_to ?? t("tk_nobody")}${one.service_area ? ` · ${one.service_area}` : ""}`),
    h("ul", {}, clockLines(one, true)),
  );
}

function column(part) {
  return h(
    "section",
    { class: "card lane", "aria-label": t(`status_${part.state}`) },
    h("h2", {}, t(`status_${part.state}`), " ", h("small", {}, `${part.items.length}${part.next_cursor ? "+" : ""}`)),
    part.items.length ? h("ul", { class: "works" }, part.items.map(card)) : h("p", { class: "hint" }, t("tk_column_empty")),
    part.next_cursor ? h("button", { type: "button", class: "quiet more", "data-key": `more-${part.state}`, onclick: () => more(part).catch(missed) }, t("more")) : null,
  );
}

const CELLS = [
  ["fault", (one) => h("a", { href: to(one), "data-key": one.ticket_id, class: "urgent" }, dot(one.severity), titled(one))],
  ["appliance", (one) => [h("span", { class: "id" }, one.appliance_id), h("small", { class: "under" }, modelTitle(one.appliance_model))]],
  ["state", (one) => status(one.status)],
  ["tk_priority", (one) => t(`tk_priority_${one.priority}`)],
  ["tk_stake", (one) => stakes(one)],
  ["tk_area", (one) => one.service_area ?? ""],
  ["tk_assigned", (one) => one.assigned_to ?? t("tk_nobody")],
  ["tk_clocks", (one) => h("ul", {}, clockLines(one))],
  ["tk_opened", (one) => h("time", { datetime: one.opened_at, title: fullTime(one.opened_at) }, moment(one.opened_at))],
];

function table(part) {
  const row = (one) => h("tr", {}, CELLS.map(([name, cell]) => h("td", { "data-label": t(name) }, cell(one))));
  return h(
    "section",
    { class: "card" },
    part.items.length ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, CELLS.map(([name]) => h("th", { scope: "col" }, t(name))))), h("tbody", {}, part.items.map(row)))) : empty(t("tk_empty")),
    h(
      "p",
      { class: "turning" },
      view().get("cursor") ? h("button", { type: "button", class: "quiet", "data-key": "first", onclick: () => choose({}) }, t("tk_first")) : null,
      part.next_cursor ? h("button", { type: "button", class: "quiet", "data-key": "next", onclick: () => choose({ cursor: part.next_cursor }) }, t("tk_next")) : null,
    ),
  );
}

function board(parts) {
  if (parts.every((part) => !part.items.length)) return h("section", { class: "card" }, empty(t("tk_empty")));
  return [h("div", { class: "board" }, parts.map(column)), h("p", { class: "hint" }, t("tk_board_more"))];
}

function trouble(error) {
  const key = error.status === 403 ? "tk_no_right" : error.status >= 400 && error.status < 500 ? "tk_wrong" : "link_lost";
  return h("section", { class: "card" }, h("p", { class: "empty", role: "alert" }, t(key, { right: error.right, detail: error.detail }), " ", h("a", { href: "tickets.html" }, t("tk_clear"))));
}

function show() {
  document.title = `${t("tickets")} · Foremend`;
  byId("about").textContent = known.parts ? t(isTable() ? "tk_about_table" : "tk_about_board") : known.error ? "" : t("chart_wait");
  byId("found").setAttribute("aria-busy", String(!known.parts && !known.error));
  if (known.error) fill(byId("found"), trouble(known.error));
  else if (known.parts) fill(byId("found"), isTable() ? table(known.parts[0]) : board(known.parts));
}

function select(name, label, choices, now, none) {
  const option = ([value, word]) => h("option", { value, selected: value === now }, word);
  const all = choices.some(([value]) => value === now) || !now ? choices : [...choices, [now, now]];
  return h("label", {}, label, h("select", { name, "data-key": name, onchange: (event) => choose({ [name]: event.target.value }) }, none == null ? null : option(["", none]), all.map(option)));
}

const typed = (name, label) => h("label", {}, label, h("input", { name, "data-key": name, value: view().get(name) ?? "", maxlength: "200", autocomplete: "off", onchange: (event) => choose({ [name]: event.target.value.trim() }) }));

function showFilters() {
  const here = view();
  const button = (name) => h("button", { type: "button", "data-key": name, "aria-pressed": String((name === "table") === isTable()), onclick: () => choose({ view: name === "table" ? name : "", ...(name === "board" ? { sort: "" } : {}) }) }, t(`tk_${name}`));
  const faults = faultNames().map((name) => [name, faultTitle(name)]).sort((a, b) => a[1].localeCompare(b[1]));
  fill(
    byId("filters"),
    h("div", { class: "segmented", role: "group", "aria-label": t("tk_view") }, button("board"), button("table")),
    select("status", t("state"), STATES.map((name) => [name, t(`status_${name}`)]), here.get("status"), t("tk_all")),
    select("fault", t("fault"), faults, here.get("fault"), t("tk_all")),
    typed("service_area", t("tk_area")),
    typed("assigned_to", t("tk_assigned")),
    isTable() ? select("sort", t("tk_order"), Object.entries(ORDERS).map(([value, key]) => [value, t(key)]), here.get("sort") ?? "priority") : null,
    h("label", { class: "check" }, h("input", { type: "checkbox", "data-key": "overdue", checked: here.get("overdue") === "1", onchange: (event) => choose({ overdue: event.target.checked ? "1" : "" }) }), t("tk_overdue")),
    h("a", { href: "tickets.html", "data-key": "clear" }, t("tk_clear")),
  );
}

const missed = missing(known, () => show());

/** One row says whether anything moved; clocks tick on in any case. */
async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && !(known.error && inVain(known.error))) {
    try {
      const [newest] = (await getTickets({ sort: "-changed_at", limit: 1 })).items;
      const now = newest ? `${newest.ticket_id} ${newest.version}` : "";
      if (known.error || (known.newest !== now && known.newest)) await read(true);
      else show();
      known.newest = now;
    } catch (error) {
      missed(error);
    }
  }
  keepLooking();
}

function speak() {
  showFilters();
  show();
}

byId("filters").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("popstate", () => {
  showFilters();
  read();
});
startShell(speak, missed);
ask("api/vocabulary").then(setVocabulary, () => {}).then(async () => {
  showFilters();
  await read();
  keepLooking();
});
