// What is coming: open episodes on a time axis, the first to fail on top.
import { byId, dot, empty, fill, h } from "./dom.js";
import { DAY, date, days, expected, integer, outlook, percent, timeLeft } from "./format.js";
import { t } from "./i18n.js";
import { applianceName, faultTitle, tone } from "./words.js";

const HORIZON = 90; // days shown; the axis is square-root, so that the near has room
const TICKS = [1, 7, 14, 30, 60, 90];
const MOST = 12;

const at = (n) => `${(100 * Math.sqrt(Math.min(n, HORIZON) / HORIZON)).toFixed(2)}%`;

function axis(now) {
  const ticks = TICKS.map((n) => h("span", { "--at": at(n), title: date(now + n * DAY) }, String(n)));
  return h("div", { class: "axis", "aria-hidden": "true" }, h("span", { "--at": "0%" }, t("now")), ticks);
}

function track(episode, now) {
  const left = outlook(episode, now);
  const lines = TICKS.map((n) => h("i", { "--at": at(n) }));
  if (left === null) return h("div", { class: "track", "data-state": tone(episode) }, lines, h("b", { class: "pulse", "--at": "0%" }));
  return h(
    "div",
    { class: "track", "data-state": tone(episode) },
    lines,
    h("span", { class: "span", "--from": at(left.low), "--to": at(left.high) }),
    h("b", { "--at": at(left.days) }),
  );
}

function sentence(episode, now) {
  const left = outlook(episode, now);
  if (left === null) return timeLeft(episode, now);
  return t("estimate", { days: days(left.days), low: days(left.low), high: days(left.high) });
}

function row(episode, now, open) {
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "coming-row", "data-key": episode.episode_id, onclick: () => open(episode.appliance_id), title: sentence(episode, now) },
      dot(tone(episode)),
      h("span", { class: "what" }, h("strong", {}, faultTitle(episode.fault)), h("span", { class: "id" }, applianceName(episode.appliance_id))),
      h("span", { class: "chance" }, percent(episode.probability)),
      track(episode, now),
      h("span", { class: "left" }, timeLeft(episode, now)),
    ),
  );
}

const urgency = ["critical", "warning", "info", "silent"];

/** Known times first, soonest on top; then what is going on without an estimate, most urgent on top. */
function order(a, b) {
  const [first, second] = [expected(a), expected(b)];
  return first === second ? urgency.indexOf(tone(a)) - urgency.indexOf(tone(b)) : first - second;
}

function further(rest, { shown, show }) {
  const words = `${t("more")} (${integer(rest)})`;
  if (shown) return h("a", { class: "quiet more", href: "fleet.html?sort=days_left" }, words);
  return h("button", { type: "button", class: "quiet more", onclick: show }, words);
}

/** `all.many`: how many there are, of which `episodes` may be the most urgent alone. */
export function showComing(episodes, now, open, all) {
  const shown = [...episodes].sort(order);
  if (!shown.length) return fill(byId("coming"), empty(t("coming_empty")));
  const rest = all.many - (all.shown ? shown.length : MOST);
  fill(
    byId("coming"),
    h("div", { class: "coming-row head" }, h("span"), h("span"), h("span", { class: "chance" }), axis(now), h("span", { class: "left" })),
    h("ol", { class: "coming" }, shown.slice(0, all.shown ? shown.length : MOST).map((episode) => row(episode, now, open))),
    rest > 0 ? further(rest, all) : null,
  );
}
