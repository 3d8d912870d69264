// What happened since this browser last looked: kept here, by the server's clock, so that nobody else knows when somebody looked.
import { byId, dot, fill, h } from "./dom.js";
import { ago, fullTime, integer } from "./format.js";
import { inWords, t } from "./i18n.js";
import { kept, keptHere } from "./kept.js";
import { ask, serverNow } from "./shell.js";
import { faultTitle, isMany } from "./words.js";

const EVERY_MS = 60_000;
const A_VISIT_MS = 30 * 60_000; // looked away for longer, it is another visit
const NAMED = 3; // of each kind
const MOST = 100;
const ENDED = ["resolved", "closed", "withdrawn", "merged"];
const known = { since: null, read: -Infinity, lines: null };

/** Where the moment is kept, of each user apart. */
const place = (user) => `looked ${user ?? ""}`;

/** A moment as it was kept; null for none, and for one at which nobody can have looked. */
function moment(text) {
  const at = Number(text);
  return at > 0 && at < serverNow() + EVERY_MS ? at : null;
}

/** When the visit before this one ended, ms; null at the first. A reload goes on with the same. */
function before(user) {
  const seen = moment(kept.get(place(user)));
  const same = keptHere.get(place(user));
  const since = same === null || (seen && serverNow() - seen > A_VISIT_MS) ? seen : moment(same);
  keptHere.set(place(user), since ?? "");
  kept.set(place(user), serverNow());
  return since;
}

const some = (path, query) => ask(`api/v1/${path}?${new URLSearchParams({ ...query, limit: MOST })}`);

const ofTicket = (one) => [`ticket.html?${new URLSearchParams({ id: one.ticket_id })}`, `${one.appliance_id}: ${inWords(one.title) ?? faultTitle(one.fault)}`];

const ofFinding = (one) => (isMany(one.appliance_id) ? [null, faultTitle(one.fault)] : [`appliance.html?${new URLSearchParams({ id: one.appliance_id })}`, `${one.appliance_id}: ${faultTitle(one.fault)}`]);

const broke = (since) => (one) => Object.values(one.clocks).some((clock) => clock.broken && Date.parse(clock.due) >= since);

/** Each line: its words, how urgent it looks, where it leads, what it names, and whether there may be more. */
async function lines(since, mayTickets) {
  const updated_since = new Date(since).toISOString();
  const found = (kind) => some("findings", { kind, updated_since, sort: "-at" });
  const tickets = mayTickets ? [some("tickets", { updated_since, sort: "-changed_at" }), some("tickets", { due_before: new Date(serverNow()).toISOString(), sort: "-due_at" })] : [];
  const [opened, closed, moved, due] = await Promise.all([found("opened"), found("closed"), ...tickets]);
  const told = opened.items.filter((one) => one.days_to_failure != null && one.severity !== "info");
  const line = (words, state, to, part, items, named) => [words, state, to, items.map(named), Boolean(part?.next_cursor)];
  return [
    line("since_broken", "critical", "tickets.html?overdue=1", due, (due?.items ?? []).filter(broke(since)), ofTicket),
    line("since_predicted", "warning", "fleet.html?sort=days_left", opened, told, ofFinding),
    line("since_found", "info", "fleet.html", opened, opened.items.filter((one) => !told.includes(one)), ofFinding),
    line("since_over", "ok", "fleet.html", closed, closed.items, ofFinding),
    line("since_opened", "info", "tickets.html?view=table", moved, (moved?.items ?? []).filter((one) => Date.parse(one.created_at) >= since), ofTicket),
    line("since_ended", "ok", "tickets.html?view=table", moved, (moved?.items ?? []).filter((one) => ENDED.includes(one.status)), ofTicket),
  ].filter(([, , , items]) => items.length);
}

/** Looks now and then; `user` who looks, null at a machine without a login. What cannot be had leaves what was known. */
export async function readSince(user, mayTickets) {
  if (performance.now() - known.read < EVERY_MS) return;
  known.read = performance.now();
  known.since = before(user);
  known.lines = known.since === null ? null : await lines(known.since, mayTickets).catch(() => known.lines);
}

function shown([words, state, to, items, more]) {
  const many = `${integer(items.length)}${more ? "+" : ""}`;
  const named = items.slice(0, NAMED).map(([where, what]) => h("li", {}, where ? h("a", { href: where }, what) : what));
  return h("li", { "data-state": state }, dot(state), h("a", { class: "count", href: to, "data-key": words }, t(items.length === 1 && !more ? `${words}_one` : words, { n: many })), h("ul", {}, named));
}

let drawn = "";

/** Shows it anew where anything is another. */
export function showSince(language) {
  const { since, lines: found } = known;
  const text = JSON.stringify([language, since, found, Math.floor(serverNow() / EVERY_MS)]);
  if (text === drawn) return;
  drawn = text;
  byId("since").hidden = since === null || found === null;
  if (byId("since").hidden) return;
  const when = new Date(since).toISOString();
  byId("since-when").textContent = `${fullTime(when)} (${ago(serverNow() - since)})`;
  fill(byId("since-list"), found.length ? found.map(shown) : h("li", { class: "hint" }, t("since_nothing")));
}
