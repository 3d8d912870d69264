// What needs somebody now, in the order of work: harm, promises, what is new, what nobody answered.
import { stateOf } from "./clocks.js";
import { cohortName } from "./cohorts-words.js";
import { byId, dot, fill, h } from "./dom.js";
import { DAY, expected, integer, timeLeft } from "./format.js";
import { inWords, t } from "./i18n.js";
import { ask } from "./shell.js";
import { faultTitle, isMany } from "./words.js";

const NAMED = 3; // of each kind
const MOST = { due_at: 50, priority: 20 }; // tickets asked for, by their order
const EVERY_MS = 15_000;
const NEW = DAY; // ms of the fleet's clock
const [NONE, ONE] = [integer(0), integer(1)];
const known = { due: null, open: null, cohorts: null, read: -Infinity, may: null };

const some = (query) => ask(`api/v1/tickets?${new URLSearchParams({ ...query, limit: MOST[query.sort] })}`).catch(() => null);

/** Tickets and cohorts, for whoever has the right to them, now and then; what cannot be had leaves its lines out. */
export async function readNeeds(mayTickets, mayCohorts) {
  const may = `${mayTickets} ${mayCohorts}`;
  if (known.may === may && performance.now() - known.read < EVERY_MS) return;
  Object.assign(known, { may, read: performance.now() });
  const cohorts = mayCohorts ? ask("api/v1/cohort-alarms?state=open").catch(() => null) : null;
  const tickets = mayTickets ? [some({ sort: "due_at" }), some({ status: "open", sort: "priority" })] : [];
  [known.cohorts, known.due, known.open] = await Promise.all([cohorts, ...tickets]);
}

const ofTicket = (one) => [`ticket.html?${new URLSearchParams({ id: one.ticket_id })}`, `${one.appliance_id}: ${inWords(one.title) ?? faultTitle(one.fault)}`];

const ofEpisode = (now) => (one) => [`appliance.html?${new URLSearchParams({ id: one.appliance_id })}`, `${one.appliance_id}: ${faultTitle(one.fault)}, ${timeLeft(one, now)}`];

const ofCohort = (one) => ["cohorts.html?state=open", cohortName(one.definition)];

const soonest = (episodes) => [...episodes].sort((a, b) => expected(a) - expected(b));

/** How many, as far as was asked. */
const more = (part, items) => (part?.next_cursor && items.includes(part.items.at(-1)) ? `${integer(items.length)}+` : integer(items.length));

/** Each line: its words, how urgent it looks, where it leads, what it names, and how many they are. */
function lines(episodes, now, counts) {
  const own = episodes.filter((one) => !isMany(one.appliance_id));
  const harm = soonest(own.filter((one) => one.severity === "critical"));
  const fresh = soonest(own.filter((one) => one.severity === "warning" && one.days_to_failure != null && now - Date.parse(one.episode_start) <= NEW));
  const at = (state) => (known.due?.items ?? []).filter((ticket) => Object.values(ticket.clocks).some((clock) => stateOf(clock, ticket) === state));
  const broken = at("broken");
  const near = at("near").filter((one) => !broken.includes(one));
  const open = known.open?.items ?? [];
  const red = (known.cohorts ?? []).filter((one) => one.level === "red");
  return [
    ["need_harm", "critical", "fleet.html?state=critical", harm.map(ofEpisode(now)), integer(counts?.episodes_critical ?? harm.length)],
    ["need_broken", "critical", "tickets.html?overdue=1", broken.map(ofTicket), more(known.due, broken)],
    ["need_cohort", "critical", "cohorts.html?state=open", red.map(ofCohort), integer(red.length)],
    ["need_near", "warning", "tickets.html?view=table&sort=due_at", near.map(ofTicket), more(known.due, near)],
    ["need_new", "warning", "fleet.html?sort=days_left", fresh.map(ofEpisode(now)), integer(counts?.episodes_new ?? fresh.length)],
    ["need_answer", "info", "tickets.html?status=open", open.map(ofTicket), more(known.open, open)],
  ].filter(([, , , , many]) => many !== NONE);
}

function line([words, state, to, items, many]) {
  const named = items.slice(0, NAMED).map(([where, what]) => h("li", {}, h("a", { href: where }, what)));
  return h("li", { "data-state": state }, dot(state), h("a", { class: "count", href: to, "data-key": words }, t(many === ONE ? `${words}_one` : words, { n: many })), h("ul", {}, named));
}

let shown = "";

/** Shows them anew where anything is another; `now` of the fleet's clock, ms; `counts` where `episodes` are not all. */
export function showNeeds(episodes, now, language, counts) {
  const found = lines(episodes, now, counts);
  const text = JSON.stringify([language, found]);
  if (text === shown) return;
  shown = text;
  byId("needs").hidden = false;
  fill(byId("needs-list"), found.length ? found.map(line) : h("li", { class: "hint" }, t("need_nothing")));
}
