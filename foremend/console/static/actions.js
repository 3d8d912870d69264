// What may be done about a ticket: a step on the version that was read; what was typed stays until it is taken.
import { byId, fill, h } from "./dom.js";
import { moment, zone } from "./format.js";
import { t } from "./i18n.js";
import { toLogin } from "./shell.js";
import { newKey, takeStep } from "./tickets-api.js";
import { faultNames, faultTitle } from "./words.js";

const SIMPLE = ["acknowledged", "contacted", "on_the_way", "waiting", "resumed"];
const RESULTS = ["confirmed", "other_fault", "no_fault_found", "solved_remotely", "owner_declined"];
const typed = {};
const state = { result: null, contradicts: false, busy: false, sent: "", key: "" };

function input(name, label, more = {}) {
  return h("label", {}, label, h("input", { name, "data-key": `type-${name}`, value: typed[name] ?? "", autocomplete: "off", oninput: (event) => (typed[name] = event.target.value), ...more }));
}

function select(name, label, choices) {
  typed[name] = choices.some(([value]) => value === typed[name]) ? typed[name] : choices[0][0];
  return h("label", {}, label, h("select", { name, "data-key": `type-${name}`, onchange: (event) => (typed[name] = event.target.value) }, choices.map(([value, word]) => h("option", { value, selected: value === typed[name] }, word))));
}

const asUtc = (local) => (local ? new Date(local).toISOString() : null);

/** What belongs to a step, of what was typed. */
function body(step) {
  const note = typed.note ? { note: typed.note } : {};
  const own = {
    assigned: () => ({ technician: typed.technician?.trim() || null }),
    scheduled: () => ({ visit_from: asUtc(typed.visit_from), visit_until: asUtc(typed.visit_until) }),
    merged: () => ({ into: typed.into }),
    reopened: () => ({ reason: typed.reason ?? "" }),
    resolved: () => ({ result: state.result, ...(state.result === "other_fault" ? { fault: typed.fault } : {}), ...(typed.contradiction ? { reason: typed.contradiction } : {}) }),
  }[step];
  return { step, ...note, ...(own ? own() : {}) };
}

/** Takes a step, `said` as it is sent; `taken` is told of it at once and answers the words for people. */
export async function take(said, known, { again, told }, taken) {
  if (state.busy) return;
  state.busy = true;
  const sent = JSON.stringify([said, known.tag]);
  if (sent !== state.sent) Object.assign(state, { sent, key: newKey() }); // the same once more is one step
  try {
    const words = taken((await takeStep(known.ticket.ticket_id, said, known.tag, state.key)).said);
    state.sent = "";
    await again();
    told(words);
  } catch (error) {
    console.warn(error);
    if (error.status === 401) return toLogin();
    await refused(error, said.step, known, { again, told });
  } finally {
    state.busy = false;
  }
}

/** What was typed is through. */
function forget(ticket) {
  for (const name of Object.keys(typed)) delete typed[name];
  Object.assign(state, { result: null, contradicts: false });
  return () => t("tk_done", { status: t(`status_${ticket.status}`) });
}

async function refused(error, step, known, { again, told }) {
  if (error.status === 412) {
    await again();
    return told(() => t("tk_changed", { status: t(`status_${known.ticket?.status}`) }));
  }
  if (!error.status) return told(() => t("tk_lost", { message: error.message }));
  state.contradicts = step === "resolved" && error.status === 409;
  if (error.status === 409) await again();
  told(() => `${t("tk_refused", { detail: error.detail })}${state.contradicts ? ` ${t("tk_reason_needed")}` : ""}`);
}

/** Two clicks: what it was, then the record. */
function outcome(known, act, redraw) {
  const pick = (result) => h("button", { type: "button", class: "chip", "data-key": `result-${result}`, "aria-pressed": String(result === state.result), onclick: () => (Object.assign(state, { result }), redraw()) }, t(`tk_result_${result}`));
  return h(
    "fieldset",
    {},
    h("legend", {}, t("tk_keep")),
    h("p", { class: "hint" }, t("tk_keep_hint")),
    h("div", { class: "choices" }, RESULTS.map(pick)),
    state.result === "other_fault" ? select("fault", t("tk_fault_found"), faultNames().filter((name) => name !== known.ticket.fault).map((name) => [name, faultTitle(name)])) : null,
    state.result && (state.contradicts || known.ticket.resolution) ? input("contradiction", t("tk_reason"), { maxlength: "2000" }) : null,
    state.result ? h("button", { type: "button", class: "primary", "data-key": "do-resolved", onclick: () => act("resolved") }, t("tk_do_resolved", { result: t(`tk_result_${state.result}`) })) : null,
  );
}

const form = (step, act, ...inside) =>
  h("form", { class: "step", onsubmit: (event) => (event.preventDefault(), act(step)) }, inside, h("button", { type: "submit", class: "quiet", "data-key": `do-${step}` }, t(`tk_do_${step}`)));

const FORMS = {
  assigned: () => [input("technician", t("tk_technician"), { maxlength: "200" })],
  scheduled: () => [
    input("visit_from", t("tk_visit_from", { zone: zone() }), { type: "datetime-local", required: true }),
    input("visit_until", t("tk_until"), { type: "datetime-local", required: true }),
  ],
  reopened: () => [input("reason", t("tk_reason"), { required: true, maxlength: "2000" })],
};

const merging = (known) => select("into", t("tk_into"), known.siblings.map((one) => [one.ticket_id, `${faultTitle(one.fault)}, ${moment(one.opened_at)}, ${one.ticket_id}`]));

/** Draws the actions of `known`; `again` reads the ticket anew, `told` says what came of a step. */
export function showActions(known, then) {
  const { possible } = known.ticket;
  const redraw = () => showActions(known, then);
  const act = (step) => take(body(step), known, then, forget);
  const simple = (step) => h("button", { type: "button", class: step === "acknowledged" ? "primary" : "quiet", "data-key": `do-${step}`, onclick: () => act(step) }, t(`tk_do_${step}`));
  const may = (step) => possible.includes(step) && !(step === "resumed" && !known.ticket.waiting_since) && !(step === "waiting" && known.ticket.waiting_since);
  const head = h("header", { class: "card-head" }, h("h2", {}, t("tk_actions")));
  if (!possible.length) return fill(byId("actions"), head, h("p", { class: "inside hint" }, t("tk_may_not")));
  fill(
    byId("actions"),
    head,
    h(
      "div",
      { class: "inside" },
      h("div", { class: "choices" }, SIMPLE.filter(may).map(simple)),
      may("resolved") ? outcome(known, act, redraw) : null,
      ["assigned", "scheduled", "reopened"].filter(may).map((step) => form(step, act, FORMS[step]())),
      may("merged") ? (known.siblings.length ? form("merged", act, merging(known)) : h("p", { class: "hint" }, t("tk_into_none"))) : null,
      h("label", {}, t("tk_note"), h("textarea", { name: "note", rows: "2", maxlength: "2000", "data-key": "type-note", oninput: (event) => (typed.note = event.target.value) }, typed.note ?? "")),
      h("div", { class: "choices" }, may("noted") ? h("button", { type: "button", class: "quiet", "data-key": "do-noted", onclick: () => act("noted") }, t("tk_do_noted")) : null, may("closed") ? h("button", { type: "button", class: "quiet", "data-key": "do-closed", onclick: () => act("closed") }, t("tk_do_closed")) : null),
    ),
  );
}
