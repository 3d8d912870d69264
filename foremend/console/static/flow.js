// The strip that shows the line at work: devices, readings, predictions, rules, alerts.
import { byId, fill, h } from "./dom.js";
import { SOON, compact, days, integer, outlook } from "./format.js";
import { t } from "./i18n.js";

let last = null;

/** Readings a second since the last look; 0 at the first. */
function rate(readings) {
  const now = performance.now();
  const result = last && now > last.at ? Math.max(0, (readings - last.readings) / ((now - last.at) / 1000)) : 0;
  last = { readings, at: now };
  return result;
}

/** One is no "1 messages". */
const counted = (key, n) => t(n === 1 ? `${key}_one` : key, { n: compact(n) });

function stage(name, figure, notes) {
  return h(
    "div",
    { class: "stage" },
    h("h2", {}, t(name)),
    h("p", { class: "figure" }, figure),
    h("ul", {}, notes.filter(Boolean).map((note) => h("li", {}, note))),
  );
}

const heldBack = (counts) => Object.values(counts.held_back).reduce((sum, n) => sum + n, 0);

function foreseen(episodes, now, many) {
  const left = episodes.map((one) => outlook(one, now)).filter(Boolean);
  const soonest = Math.min(...left.map((one) => one.days));
  const next = !left.length ? t("none_foreseen") : soonest < SOON ? t("next_soon") : t("next", { when: days(soonest) });
  return stage("foreseen", integer(many ?? left.length), [next]);
}

export function showFlow({ pipeline, counts, appliances, by_state }, episodes, now, all) {
  const speed = rate(pipeline.readings);
  const behind = pipeline.position - pipeline.committed;
  const noted = counts.episodes_open - by_state.critical - by_state.warning;
  byId("flow").dataset.moving = speed > 0;
  fill(
    byId("flow"),
    stage("devices", integer(appliances), [counted("messages_taken", pipeline.messages)]),
    stage("ingest", compact(pipeline.readings), [
      t("per_second", { n: compact(speed) }),
      t("repeats", { n: compact(pipeline.repeats) }),
      pipeline.late ? t("late", { n: compact(pipeline.late) }) : null,
    ]),
    foreseen(episodes, now, all?.episodes_foreseen),
    stage("rules", integer(counts.episodes_open), [
      `${t("findings")}: ${compact(counts.findings)}`,
      behind > 0 ? t("behind", { n: compact(behind) }) : noted > 0 ? t("noted", { n: integer(noted) }) : null,
    ]),
    stage("tickets", integer(counts.tickets_opened), [
      t("open_tickets", { n: integer(counts.tickets_open) }),
      counted("webhooks", counts.webhooks_delivered),
    ]),
    stage("to_owners", integer(counts.notifications_sent), [
      t("sms_and_push"),
      `${t("held_back")}: ${compact(heldBack(counts))}`,
    ]),
  );
}
