// Which fault a ticket may be about, and the one question or short test that would tell most.
import { byId, fill, h } from "./dom.js";
import { percent } from "./format.js";
import { inWords, t } from "./i18n.js";
import { take } from "./actions.js";
import { faultTitle } from "./words.js";

const REPLIES = ["yes", "no", "unknown"];
const SHOWN = 5;
const LEAST = 0.01; // less is no candidate to a reader

const of = (one) => (one.of === "owner" ? t("tk_ask_owner") : t("tk_ask_appliance", { minutes: one.minutes }));

const title = (one) => inWords(one.title) ?? faultTitle(one.fault);

function candidate(one, answered) {
  const moved = answered && percent(one.measured) !== percent(one.probability);
  return h("li", {}, h("span", {}, title(one)), h("span", { class: "share" }, moved ? t("tk_ask_moved", { before: percent(one.measured), now: percent(one.probability) }) : percent(one.probability)));
}

/** Three buttons; of an answer that was given the one that counts is pressed, and another corrects it. */
function replies(one, given, act, words) {
  return h(
    "div",
    { class: "choices", role: "group", "aria-label": words },
    REPLIES.map((reply) => h("button", { type: "button", class: given ? "chip" : "quiet", "data-key": `ask-${one.inquiry}-${reply}`, "aria-pressed": given ? String(given === reply) : null, onclick: () => act(one.inquiry, reply) }, t(`tk_reply_${reply}`))),
  );
}

function answered(one, act) {
  const words = inWords(one.text);
  return h("li", {}, h("span", {}, words), act ? replies(one, one.answer, act, words) : h("b", {}, t(`tk_reply_${one.answer}`)));
}

function question(ask, act) {
  const words = inWords(ask.text);
  return [
    h("p", { class: "small" }, of(ask)),
    h("p", { class: "question" }, words),
    act ? replies(ask, null, act, words) : null,
    h("p", { class: "hint" }, t("tk_ask_rough", { bits: ask.bits.toFixed(2) })),
  ];
}

/** Draws the box of `known`, or hides it where no prediction is behind the ticket; `then` as for the actions. */
export function showAsking(known, then) {
  const { differential, possible } = known.ticket;
  const place = byId("asking");
  place.hidden = !differential;
  if (!differential) return;
  const { candidates, other, ask, answers } = differential;
  const kept = () => {
    const [first] = known.ticket.differential.candidates;
    return t("tk_ask_kept", { fault: title(first), share: percent(first.probability) });
  };
  const act = possible.includes("answered") ? (inquiry, answer) => take({ step: "answered", inquiry, answer }, known, then, () => kept) : null;
  const listed = candidates.filter((one, place) => place < SHOWN && Math.max(one.probability, one.measured) >= LEAST);
  fill(
    place,
    h("header", { class: "card-head" }, h("h2", {}, t("tk_ask"))),
    h(
      "div",
      { class: "inside" },
      ask ? question(ask, act) : h("p", { class: "hint" }, t("tk_ask_none")),
      h("h3", {}, t("tk_ask_may_be")),
      h("ol", { class: "candidates" }, listed.map((one) => candidate(one, answers.length)), h("li", {}, h("span", {}, t("tk_ask_other")), h("span", { class: "share" }, percent(other)))),
      answers.length ? [h("h3", {}, t("tk_ask_said")), h("ul", { class: "sentences" }, answers.map((one) => answered(one, act)))] : null,
    ),
  );
}
