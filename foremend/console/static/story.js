// The strip above all: models that are being trained, and in a demo what is happening and how it came out.
import { byId, fill, h } from "./dom.js";
import { days, decimal, integer } from "./format.js";
import { t } from "./i18n.js";
import { faultTitle, modelTitle } from "./words.js";

const CHAPTERS = ["fleet", "learning", "oddity", "prediction", "consent", "ticket", "message", "withdrawal"];

const values = (one) => ({
  appliance: one.appliance,
  fault: one.fault ? faultTitle(one.fault) : "",
  days: one.days == null ? "" : days(one.days),
  number: one.number == null ? "" : integer(one.number),
});

function chapter(name, reached, newest) {
  const text = reached ? t(`chapter_${name}_now`, values(reached)) : "";
  return h("li", { "data-reached": reached ? "yes" : "no", "aria-current": newest ? "step" : null }, h("b", {}, t(`chapter_${name}`)), h("span", {}, text));
}

function ending({ result, next }) {
  const shown = { ...result, lead: result.median_lead_days == null ? t("no_lead") : days(result.median_lead_days) };
  return h("div", { class: "ending" }, h("p", {}, t("story_end", shown)), h("p", {}, t("story_next")), next.map((command) => h("code", {}, command)));
}

function told(story) {
  const reached = new Map(story.chapters.map((one) => [one.name, one]));
  const newest = story.chapters.at(-1)?.name;
  const first = story.chapters.length ? null : h("p", { class: "hint", id: "story-first" }, t("story_first"));
  const clock = story.result ? t("story_over", { days: integer(story.days) }) : t("story_clock", { day: integer(story.day), days: integer(story.days), speed: decimal(story.days_a_second) });
  return [
    h("p", { class: "hint", id: "story-clock" }, clock),
    first,
    h("ol", {}, CHAPTERS.map((name) => chapter(name, reached.get(name), name === newest))),
    story.result ? ending(story) : null,
  ];
}

function trained(training) {
  const left = training.filter((one) => one.state !== "trained" && one.state !== "failed");
  const failed = training.filter((one) => one.state === "failed");
  const busy = left.find((one) => one.state !== "waiting");
  return [
    busy && h("p", { class: "hint", id: "training" }, t(`training_${busy.state}`, { model: modelTitle(busy.appliance_model), done: integer(100 * busy.done), left: integer(left.length - 1) })),
    failed.map((one) => h("p", { class: "hint" }, t("training_failed", { model: modelTitle(one.appliance_model) }))),
  ];
}

let shown = "";

export function showStory({ story, training }, language) {
  const now = JSON.stringify([story, training, language]);
  if (now === shown) return;
  shown = now;
  const parts = [trained(training), story ? told(story) : null].flat(Infinity).filter(Boolean);
  byId("story").hidden = !parts.length;
  fill(byId("story"), parts);
}
