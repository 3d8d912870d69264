// One ticket: what a technician needs on one page, what may be done, and what became of its messages.
import "./tickets-words.js";
import { showActions } from "./actions.js";
import { showAsking } from "./asking.js";
import { clockLines } from "./clocks.js";
import { byId, dot, fill, h } from "./dom.js";
import { days, daysBetween, fullTime, moment, percent, zone } from "./format.js";
import { inWords, language, t } from "./i18n.js";
import { status, target } from "./lists.js";
import { ask, reach, startShell, toLogin } from "./shell.js";
import { getTicket, getTickets } from "./tickets-api.js";
import { drawing, fault, faultTitle, modelTitle, partNames, setVocabulary } from "./words.js";

const EVERY_MS = 15_000;
const id = new URLSearchParams(location.search).get("id") ?? "";
const known = { ticket: null, tag: null, siblings: [], error: null, notice: null };

const titled = (one) => inWords(one.title) ?? faultTitle(one.fault);

const line = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value));

const part = (heading, ...inside) => [h("h3", {}, heading), ...inside];

/** Everything to take along, on one page of paper. */
function job(one) {
  const words = one.evidence[language.now] ?? one.evidence.en ?? [];
  const finds = inWords(fault(one.fault)?.technician_finds) ?? one.technician_finds;
  const help = inWords(one.self_help) ?? [];
  const tried = one.history.filter((step) => step.step === "self_help");
  const left = one.days_to_failure == null ? null : `${days(one.days_to_failure)}${one.days_low == null ? "" : ` (${daysBetween(one.days_low, one.days_high)})`}`;
  return [
    h(
      "dl",
      { class: "facts" },
      line(t("appliance"), h("span", { class: "id" }, one.appliance_id), h("small", { class: "under" }, modelTitle(one.appliance_model), " ", h("span", { class: "id" }, one.appliance_model)), h("small", { class: "under" }, plate(one))),
      line(t("tk_priority"), t(`tk_priority_${one.priority}`)),
      line(t("tk_stake"), one.at_stake.map((name) => t(`tk_stake_${name}`)).join(", ") || t("tk_stake_none")),
      one.probability == null ? null : line(t("probability"), percent(one.probability)),
      left && line(t("lead"), left),
      line(t("tk_skill"), t(one.skill ? `tk_skill_${one.skill}` : "tk_skill_none")),
      line(t("parts"), partNames(one.parts) || "–"),
      line(t("tk_area"), one.service_area ?? "–"),
      line(t("tk_assigned"), one.assigned_to ?? t("tk_nobody")),
      one.visit_from && line(t("tk_visit"), `${moment(one.visit_from)} – ${moment(one.visit_until)} (${zone()})`),
    ),
    one.owner_reference && h("p", { class: "hint" }, t("tk_contact_hint", { owner: one.owner_reference })),
    fault(one.fault) && part(t("what_it_is"), h("p", {}, inWords(fault(one.fault).mechanism))),
    words.length ? part(t("evidence"), h("ul", { class: "sentences" }, words.map((sentence) => h("li", {}, sentence))), chart(words, one.version)) : null,
    finds ? part(t("technician"), h("p", {}, finds)) : null,
    inWords(one.safety) ? h("p", { class: "safety" }, inWords(one.safety)) : null,
    help.length ? part(t("owner_steps"), h("ol", { class: "steps" }, help.map((step) => h("li", {}, step))), drawing(fault(one.fault))) : null,
    part(t("tk_tried"), tried.length ? h("ul", { class: "sentences" }, tried.map((step) => h("li", {}, `${moment(step.at)}: ${said(step)}${step.details.note ? ` (${step.details.note})` : ""}`))) : h("p", {}, t("tk_tried_none"))),
    part(t("tk_earlier"), one.earlier.length ? h("ul", { class: "sentences" }, one.earlier.map(before)) : h("p", {}, t("tk_earlier_none"))),
    one.note ? h("p", { class: "hint" }, one.note) : null,
    h("p", { class: "leads" }, h("button", { type: "button", class: "quiet", onclick: () => print() }, t("tk_print")), reach("fleet") && h("a", { href: `appliance.html?${new URLSearchParams({ id: one.appliance_id })}` }, t("tk_appliance_page"))),
  ];
}

const plate = (one) => (one.batch || one.firmware ? t("tk_plate", { batch: one.batch ?? "–", firmware: one.firmware ?? "–" }) : t("tk_batch"));

const chart = (words, version) => h("img", { class: "evidence-chart", src: `api/v1/tickets/${encodeURIComponent(id)}/chart.svg?language=${language.now === "zh" ? "zh" : "en"}&again=${version}`, alt: words[0], width: "480", height: "160" });

const before = (one) =>
  h("li", {}, h("a", { href: `ticket.html?${new URLSearchParams({ id: one.ticket_id })}` }, faultTitle(one.fault)), ` ${moment(one.opened_at)}: ${one.resolution ? t(`tk_result_${one.resolution}`) : t("status_closed")}${one.found_fault && one.found_fault !== one.fault ? `, ${faultTitle(one.found_fault)}` : ""}`);

function said({ step, details }) {
  const clock = details.clock ? t(`tk_clock_${details.clock}`) : "";
  return t(`tk_step_${step}`, {
    technician: details.technician ?? t("tk_nobody"),
    into: details.into,
    clock,
    word: details.word ? t(`tk_word_${details.word}`) : "",
    inquiry: asked(details.inquiry),
    reply: details.answer ? t(`tk_reply_${details.answer}`) : "",
    result: details.result ? t(`tk_result_${details.result}`) : "",
    fault: details.fault ? faultTitle(details.fault) : "",
    from: details.visit_from ? moment(details.visit_from) : "",
    until: details.visit_until ? moment(details.visit_until) : "",
  });
}

/** A question or test in words, by its name. */
const asked = (name) => inWords(known.ticket.differential?.answers.find((one) => one.inquiry === name)?.text) ?? name;

const stepLine = (one) =>
  h("li", {}, h("time", { datetime: one.at, title: fullTime(one.at) }, moment(one.at)), h("span", {}, h("b", {}, said(one)), h("small", {}, ` ${one.by}`), [one.details.note, one.details.reason].filter(Boolean).map((text) => h("span", { class: "under" }, text))));

function deliveries(one) {
  const dead = one.deliveries.filter((message) => message.state === "dead" && message.target.startsWith("webhook:"));
  const row = (message) => h("li", {}, h("span", {}, `${target(message.target)} · `, h("code", {}, message.event_type), " ", status(message.state)), h("small", { class: "under" }, `${moment(message.sent_at ?? message.created_at)} · ${t("tk_attempts", { n: message.attempts })}${message.error ? ` · ${message.error}` : ""}`));
  return [
    one.deliveries.length ? h("ul", { class: "sentences" }, one.deliveries.map(row)) : h("p", { class: "hint" }, t("tk_deliveries_none")),
    dead.length ? [h("p", { class: "hint" }, t("tk_replay")), dead.map((message) => h("code", { class: "command" }, `foremend webhooks replay ${target(message.target)} ${message.message_id}`))] : null,
  ];
}

const titledCard = (place, heading, ...inside) => fill(byId(place), h("header", { class: "card-head" }, h("h2", {}, heading)), h("div", { class: "inside" }, ...inside));

function show() {
  const one = known.ticket;
  byId("notice").hidden = !known.notice;
  byId("notice").textContent = known.notice ? known.notice() : "";
  byId("found").hidden = !one;
  if (!one) {
    byId("title").textContent = id || t("ticket");
    byId("about").textContent = known.error ? trouble(known.error) : t("chart_wait");
    fill(byId("where"), h("a", { href: "tickets.html" }, t("tickets")));
    return;
  }
  document.title = `${titled(one)} · ${one.appliance_id} · Foremend`;
  byId("title").textContent = titled(one);
  byId("about").textContent = `${one.appliance_id} · ${t("tk_opened")} ${moment(one.opened_at)}`;
  fill(byId("where"), h("p", { class: "verdict", "data-state": one.severity }, dot(one.severity), t(`state_${one.severity}`)), " ", status(one.status), " ", h("span", { class: "id" }, one.ticket_id));
  titledCard("job", t("tk_job"), job(one));
  titledCard("clocks", t("tk_clocks"), Object.keys(one.clocks).length ? h("ul", {}, clockLines(one)) : h("p", { class: "hint" }, t("tk_clocks_none")));
  titledCard("history", t("tk_history"), one.history.length ? h("ol", { class: "steps-taken" }, one.history.map(stepLine)) : h("p", { class: "hint" }, t("tk_history_none")));
  titledCard("deliveries", t("tk_deliveries"), deliveries(one));
  showAsking(known, { again: read, told });
  showActions(known, { again: read, told });
}

const trouble = (error) => t({ 403: "tk_no_right", 404: "tk_missing" }[error.status] ?? "link_lost", { right: error.right, id });

/** What came of a step, in whatever language is chosen. */
function told(words) {
  known.notice = words;
  show();
}

async function read() {
  try {
    Object.assign(known, await getTicket(id), { error: null });
    if (known.notice === lost) known.notice = null;
    const same = known.ticket.possible.includes("merged") ? await getTickets({ appliance_id: known.ticket.appliance_id, limit: 50 }) : { items: [] };
    known.siblings = same.items.filter((one) => one.ticket_id !== id && ["open", "acknowledged", "scheduled", "on_the_way"].includes(one.status));
  } catch (error) {
    console.warn(error);
    missed(error);
  }
  show();
}

const lost = () => t("link_lost");

function missed(error) {
  if (error.status === 401) return toLogin();
  known.error = error;
  if (error.status === 403 || error.status === 404) known.ticket = null;
  else if (known.ticket) known.notice = lost;
  show();
}

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && ![403, 404].includes(known.error?.status)) {
    const now = await getTicket(id).catch(missed);
    if (now && (now.tag !== known.tag || known.error)) await read();
    else if (now) show();
  }
  keepLooking();
}

startShell(show, missed);
if (!id) missed({ status: 404 });
else
  ask("api/vocabulary").then(setVocabulary, () => {}).then(async () => {
    await read();
    keepLooking();
  });
