// Promises to the owner as words with a mark, by the server's clock.
import { h } from "./dom.js";
import { moment } from "./format.js";
import { t } from "./i18n.js";
import { serverNow } from "./shell.js";

const LIVE = ["open", "acknowledged", "scheduled", "on_the_way"];
const MARKS = { kept: "✓", late: "✓", due: "○", near: "◔", broken: "!", stands: "‖", over: "–" };

/** One clock's state: kept, late, stands, broken, near, due, or over. */
export function stateOf(clock, ticket) {
  if (clock.met_at) return clock.broken ? "late" : "kept";
  if (!LIVE.includes(ticket.status)) return "over";
  if (ticket.waiting_since) return "stands";
  if (clock.broken || Date.parse(clock.due) <= serverNow()) return "broken";
  return clock.due_soon_at && Date.parse(clock.due_soon_at) <= serverNow() ? "near" : "due";
}

/** Each promise as a line: what, its mark, and what became of it in words. `running` leaves out what is kept or over. */
export function clockLines(ticket, running = false) {
  const lines = Object.entries(ticket.clocks).map(([name, clock]) => [name, clock, stateOf(clock, ticket)]);
  return lines
    .filter(([, , state]) => !running || ["due", "near", "broken", "stands"].includes(state))
    .map(([name, clock, state]) =>
      h("li", { class: "promise", "data-clock": state }, h("b", { "aria-hidden": "true" }, MARKS[state]), h("span", {}, `${t(`tk_clock_${name}`)}: ${t(`tk_clock_${state}`, { when: moment(clock.met_at ?? clock.due) })}`)),
    );
}
