// The first sentence: the worst that is true of the fleet. Well are all, or it is not said.
import { h } from "./dom.js";
import { SOON, days, expected, integer, outlook } from "./format.js";
import { t } from "./i18n.js";

/** The headline while nothing fails. */
function calm(appliances, by_state, unsure) {
  if (!appliances) return "headline_empty";
  if (by_state.silent) return "headline_silent";
  if (unsure) return "headline_unsure";
  return by_state.info ? "headline_noted" : "headline_calm";
}

const OPENS = "\u0002", TURNS = "\u0003", CLOSES = "\u0004"; // around what is a link, in a sentence that is put together of words
const LINK = new RegExp(`${OPENS}([^${TURNS}]*)${TURNS}([^${CLOSES}]*)${CLOSES}`);

const leads = (text, to) => OPENS + to + TURNS + String(text).replace(/[\u0002-\u0004]/g, "") + CLOSES;

const inFleet = (text, query) => leads(text, `fleet.html${query ? `?${new URLSearchParams(query)}` : ""}`);

/** The sentence as it stands on the page: what it counts leads to those that are meant. */
export function linked(text) {
  const parts = text.split(LINK); // words, where to, what leads there, words, and so on
  return parts.map((part, n) => (n % 3 === 0 ? part : n % 3 === 2 ? h("a", { href: parts[n - 1] }, part) : null)).filter(Boolean);
}

/** Which appliance fails first, and the key that says when. */
function first(episodes, now) {
  const timed = episodes.filter((one) => one.days_to_failure != null);
  if (!timed.length) return { key: "headline_now" };
  const soonest = timed.reduce((before, one) => (expected(one) < expected(before) ? one : before));
  const left = outlook(soonest, now).days;
  return { key: left < SOON ? "headline_soon" : "headline_first", id: leads(soonest.appliance_id, `appliance.html?${new URLSearchParams({ id: soonest.appliance_id })}`), days: days(left) };
}

/** A fleet of one is no "1 of 1 appliances". */
const some = (n, total, state) => inFleet(total === 1 ? t("some_one") : t("some_of", { n: integer(n), total: integer(total) }), state && { state });

/** The one state of those that need attention; of two the list begins with both. */
const urgent = ({ critical, warning }) => (critical && warning ? null : critical ? "critical" : "warning");

const is = (n) => (n === 1 ? "is" : "are");

/** How many nobody can call well: of several that are learning the days are those of the last. */
function rest(by_state, longest) {
  const learning = by_state.learning === 1 ? "rest_learning_one" : "rest_learning";
  const keys = { silent: "rest_silent", learning, not_judged: "rest_not_judged" };
  return Object.entries(keys).filter(([state]) => by_state[state]).map(([state, key]) => inFleet(t(key, { n: integer(by_state[state]), days: days(longest ?? 0) }), { state }));
}

function ofHeard({ appliances, by_state, days_missing }, episodes, now) {
  const n = by_state.critical + by_state.warning;
  const unsure = by_state.learning + by_state.not_judged;
  const { key, ...soonest } = n ? first(episodes, now) : { key: calm(appliances, by_state, unsure) };
  const alone = appliances === 1 ? "_one" : "";
  const besides = rest(key === "headline_silent" ? { ...by_state, silent: 0 } : by_state, days_missing).join(t("list_comma"));
  const words = {
    headline_silent: { some: some(by_state.silent, appliances, "silent"), is: is(by_state.silent) },
    headline_unsure: { total: integer(appliances), unsure: integer(unsure), is: is(unsure), rest: besides },
    headline_noted: { some: some(by_state.info, appliances, "info"), is: is(by_state.info) },
    headline_calm: { total: integer(appliances) },
  };
  const ownKey = ["headline_unsure", "headline_noted", "headline_calm"].includes(key) ? key + alone : key;
  const sentence = t(ownKey, words[key] ?? { some: some(n, appliances, urgent(by_state)), need: n === 1 ? "needs" : "need", ...soonest });
  return besides && key !== "headline_unsure" ? `${sentence} ${t("headline_rest", { rest: besides })}` : sentence;
}

const ofUnheard = (n) => (n ? ` ${t("headline_unheard", { some: inFleet(t(n === 1 ? "unheard_one" : "unheard_many", { n: integer(n) }), { state: "never_heard" }), were: n === 1 ? "was" : "were" })}` : "");

/** The sentence for a summary and the open episodes, at `now` of the fleet's clock, ms. */
export const headline = (summary, episodes, now) => ofHeard(summary, episodes, now) + ofUnheard(summary.never_heard);
