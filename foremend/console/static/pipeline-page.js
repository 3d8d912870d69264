// The pipeline: throughput and lag, checks, lanes, versions, and dead letters that can be sent again.
import "./pipeline-words.js";
import { byId, dot, empty, fill, h } from "./dom.js";
import { ago, compact, fullTime, integer, moment } from "./format.js";
import { t } from "./i18n.js";
import { target } from "./lists.js";
import { table, trouble } from "./listing.js";
import { ask, inVain, missing, reach, startShell, toLogin } from "./shell.js";

const EVERY_MS = 5_000;
const LETTERS_EVERY_MS = 60_000; // they are counted anew each time, and hardly change
const REPLAY_PATIENCE_MS = 90_000;

const known = { detail: null, groups: null, error: null, rate: null, last: null, sending: null, said: null, lettersAt: -Infinity };

/** Readings a second between two looks of this page. */
function noteRate(pipeline) {
  const now = performance.now();
  const { last } = known;
  if (last && now > last.at) known.rate = Math.max(0, (pipeline.readings - last.readings) / ((now - last.at) / 1000));
  known.last = { readings: pipeline.readings, at: now };
}

async function readLetters() {
  const now = performance.now();
  if (now < known.lettersAt + LETTERS_EVERY_MS) return;
  known.groups = await ask("api/v1/dead-letters/groups");
  known.lettersAt = now;
}

async function read() {
  try {
    const [detail] = await Promise.all([ask("api/v1/pipeline"), readLetters()]);
    noteRate(detail.pipeline);
    Object.assign(known, { detail, error: null });
  } catch (error) {
    return missed(error);
  }
  show();
}

const missed = missing(known, () => show());

const when = (iso) => (iso ? h("time", { datetime: iso, title: fullTime(iso) }, moment(iso)) : "–");

const fact = ([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

const card = (name, ...inside) => h("section", { class: "card", "aria-labelledby": name }, h("header", { class: "card-head" }, h("h2", { id: name }, t(name))), inside);

function line({ pipeline, streams, quarantined, left_out: leftOut }) {
  const odd = (key, counts) => Object.entries(counts).filter(([, n]) => n).map(([kind, n]) => [t(key, { kind }), integer(n)]);
  const facts = [
    [t("pl_state"), t(`link_${pipeline.state}`)],
    [t("pl_connected"), t(pipeline.connected ? "pl_yes" : "pl_no")],
    [t("pl_rate"), known.rate === null ? t("chart_wait") : compact(known.rate)],
    [t("pl_behind"), integer(Math.max(0, pipeline.position - pipeline.committed))],
    [t("pl_messages"), integer(pipeline.messages)],
    [t("pl_readings"), integer(pipeline.readings)],
    [t("pl_repeats"), integer(pipeline.repeats)],
    [t("pl_late"), integer(pipeline.late)],
    [t("pl_newcomers"), integer(pipeline.newcomers)],
    [t("pl_resting"), integer(pipeline.resting)],
    [t("pl_event_time"), when(pipeline.event_time)],
    [t("pl_started"), when(pipeline.started_at)],
    ...odd("pl_quarantined", quarantined),
    ...odd("pl_left_out", leftOut),
    ...Object.entries(streams).map(([name, seconds]) => [t("pl_stream", { name }), ago(seconds * 1000)]),
  ];
  return card("pl_line", h("div", { class: "inside" }, h("dl", { class: "facts" }, facts.map(fact))));
}

function checks({ checks: each, versions }) {
  const one = ([name, state]) => [name, h("span", { class: "urgent", "data-state": state === "ok" ? "ok" : "critical" }, dot(state === "ok" ? "ok" : "critical"), state === "ok" ? t("pl_check_ok") : state)];
  return [
    card("pl_checks", h("div", { class: "inside" }, h("dl", { class: "facts" }, Object.entries(each).map(one).map(fact)))),
    card("pl_versions", h("div", { class: "inside" }, h("dl", { class: "facts" }, [["Foremend", versions.foremend], ["Python", versions.python], [t("pl_database"), versions.database]].map(fact)))),
  ];
}

const LANES = [
  ["pl_to", (one) => target(one.target)],
  ["pl_waiting", (one) => integer(one.waiting), "number"],
  ["pl_oldest", (one) => when(one.oldest)],
  ["pl_given_up", (one) => integer(one.given_up), "number"],
];

/** One press sends what can be sent of a group; what became of it stands above the list. */
async function sendAgain(group) {
  if (known.sending) return;
  Object.assign(known, { sending: group.id, said: () => t("pl_sending") });
  show();
  try {
    const answer = await fetch(`api/v1/dead-letters/groups/${encodeURIComponent(group.id)}/replay`, { method: "POST", signal: AbortSignal.timeout(REPLAY_PATIENCE_MS), headers: { accept: "application/json" } });
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 401) return toLogin();
    known.said = answer.ok ? () => t(said.left ? "pl_some_left" : "pl_none_left", { n: integer(said.sent), left: integer(said.left) }) : () => t("pl_refused", { detail: said.detail ?? answer.status });
  } catch (error) {
    console.warn(error);
    known.said = () => t("link_lost");
  } finally {
    Object.assign(known, { sending: null, lettersAt: -Infinity });
  }
  await read();
}

/** A button for whoever may; at a machine without a login the command that does the same. */
function again(group) {
  if (group.to_send && !reach("dead-letters.change")) return h("code", {}, `foremend dead-letters replay ${group.id}`);
  if (!group.to_send) return group.replayed_at ? t("pl_replayed", { when: moment(group.replayed_at) }) : "";
  return h("button", { type: "button", class: "quiet", "data-key": `again ${group.id}`, disabled: Boolean(known.sending), "aria-label": t("pl_again_label", { n: integer(group.to_send), topic: group.topic }), onclick: () => sendAgain(group) }, t("pl_again", { n: integer(group.to_send) }));
}

const GROUPS = [
  ["reason", (one) => one.reason],
  ["pl_device", (one) => h("code", {}, one.topic)],
  ["pl_messages", (one) => integer(one.messages), "number"],
  ["pl_newest", (one) => when(one.newest)],
  ["pl_action", again],
];

function letters(groups) {
  return card("pl_letters", h("p", { class: "hint inside" }, t("pl_letters_hint")), groups.length ? table(GROUPS, groups) : empty(t("pl_letters_empty")));
}

function show() {
  document.title = `${t("page_pipeline")} · Foremend`;
  byId("found").setAttribute("aria-busy", String(!known.detail && !known.error));
  byId("said").textContent = known.said?.() ?? "";
  byId("said").hidden = !known.said;
  if (known.error) return fill(byId("found"), trouble(known.error, null));
  if (!known.detail) return;
  const { detail, groups } = known;
  fill(
    byId("found"),
    h("div", { class: "columns ticket" }, line(detail), h("div", { class: "beside" }, checks(detail), card("pl_lanes", detail.lanes.length ? table(LANES, detail.lanes) : empty(t("pl_lanes_empty"))))),
    letters(groups),
  );
}

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && !known.sending && !(known.error && inVain(known.error))) await read();
  keepLooking();
}

startShell(show, missed);
read().then(keepLooking);
