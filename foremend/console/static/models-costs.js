// What it costs to be wrong with a version, by the probability that opens a ticket; told, and applied by nobody.
import { panel } from "./chart.js";
import { h } from "./dom.js";
import { decimal, fullTime, integer, measured } from "./format.js";
import { addWords, t } from "./i18n.js";
import { table } from "./listing.js";
import { faultTitle } from "./words.js";

addWords({
  mc_all: ["All together", "合计"],
  mc_amounts: ["Counted as", "计算方式"],
  mc_amounts_told: ["{visit} a needless visit, {unforeseen} a failure nobody foresaw, unless settings say otherwise of a fault or an area", "每次无故上门 {visit}，每次未预见的故障 {unforeseen}，按故障或区域另有设置的除外"],
  mc_area: ["In {area}", "{area} 区域"],
  mc_changed: ["The thresholds were changed since: what is said of “now” is of those below. Evaluate anew.", "此后阈值已更改：以下“目前”对应旧阈值，请重新评估。"],
  mc_curve: ["Cost of an appliance-year, by threshold", "每台年成本（按阈值）"],
  mc_data: ["Stands on", "数据依据"],
  mc_data_told: ["{appliances} appliances, {years} appliance-years of {history}, outcomes of {outcomes}", "{appliances} 台设备，{years} 台年，历史 {history}，结果 {outcomes}"],
  mc_empty: ["No version was evaluated yet: what it costs to be wrong is counted on history with known outcomes, by", "尚未评估任何版本：误判成本需用已知结果的历史计算，命令："],
  mc_failures: ["Failures", "故障数"],
  mc_few: ["Fewer than five failures could be foreseen: they choose none.", "可预见的故障不足五次，无法给出建议。"],
  mc_hint: ["Failures that nobody foresaw and visits that found nothing, in {unit} an appliance-year. Nothing is changed by this: a threshold is a rule's “above” in config.yaml, and people write it.", "未预见的故障和无故上门的成本，单位：{unit}/台年。此处不会更改任何设置：阈值是 config.yaml 中规则的 above，由人填写。"],
  mc_in_force: ["Thresholds in force", "生效阈值"],
  mc_judged: ["Evaluated", "评估时间"],
  mc_no_rule: ["no rule on a probability", "没有基于概率的规则"],
  mc_now: ["Cost now", "目前成本"],
  mc_of: ["Of", "范围"],
  mc_own: ["own history and confirmed outcomes", "自有历史与已确认结果"],
  mc_practice: ["simulated practice: no life", "模拟数据，并非实际使用"],
  mc_sentence: ["now {now}; least {then} above {above}", "目前 {now}；阈值 {above} 时最低，为 {then}"],
  mc_sentence_few: ["now {now}; too few failures to suggest a threshold", "目前 {now}；故障过少，无法建议阈值"],
  mc_suggested: ["Suggested threshold", "建议阈值"],
  mc_table: ["The curve as a table", "曲线数据表"],
  mc_then: ["Cost then", "建议后成本"],
  mc_threshold: ["Threshold", "阈值"],
  mc_threshold_cost: ["Cost", "成本"],
  mc_title: ["What it costs to be wrong", "误判成本"],
  mc_visits: ["needless visits", "次无故上门"],
});

const MILLI = 1000; // a drawing's edges and lines stand at a thousand times what they are
const chosen = { version: "", of: "", open: false };

const probability = (value) => (value == null ? "–" : measured(value));

const unit = (found) => found.currency ?? t("mc_visits");

const money = (found, value) => (value == null ? "–" : measured(value, unit(found)));

/** Everything together, each fault of which there is something to say, and each area. */
const rows = (found) => [
  { key: "", name: t("mc_all"), ...found.all },
  ...found.faults.filter((one) => one.failures || one.now).map((one) => ({ key: `fault ${one.fault}`, name: faultTitle(one.fault), ...one })),
  ...found.areas.map((one) => ({ key: `area ${one.area}`, name: t("mc_area", { area: one.area }), ...one })),
];

const ruleWords = (one) => `${one.rule}: ${one.fault === "any" ? "" : `${faultTitle(one.fault)} `}> ${probability(one.above)}`;

const fact = (name, ...value) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value));

function about(found) {
  const days = [found.since, found.until].map((iso) => fullTime(iso)).join(" – ");
  const told = t("mc_data_told", { appliances: integer(found.appliances), years: decimal(found.appliance_years), history: found.history, outcomes: found.outcomes });
  const amounts = t("mc_amounts_told", { visit: money(found, found.amounts.visit), unforeseen: money(found, found.amounts.unforeseen) });
  return h(
    "dl",
    { class: "facts" },
    fact("mc_judged", h("time", { datetime: found.judged_at }, fullTime(found.judged_at))),
    fact("mc_data", t(found.simulated ? "mc_practice" : "mc_own"), h("small", { class: "under" }, told), h("small", { class: "under" }, days)),
    fact("mc_in_force", found.in_force.length ? found.in_force.map((one) => h("span", { class: "under" }, ruleWords(one))) : t("mc_no_rule")),
    fact("mc_amounts", amounts),
  );
}

function drawing(found, row) {
  const levels = row.curve.map((one) => one.above);
  const costs = row.curve.map((one) => one.cost);
  const edge = 0.02;
  const inForce = found.in_force.filter((one) => ["any", row.fault ?? one.fault].includes(one.fault));
  const lines = [...inForce.map((one) => ({ at: one.above * MILLI, tone: "soft", dashed: true })), ...(row.above == null ? [] : [{ at: row.above * MILLI, tone: "accent" }])];
  const across = [...levels, ...inForce.map((one) => one.above)];
  const shown = { from: (Math.min(...across) - edge) * MILLI, until: (Math.max(...across) + edge) * MILLI, episodes: [], lines };
  const say = (index) => (index == null ? sentence : `> ${probability(levels[index])}: ${money(found, costs[index])}`);
  const sentence = t(row.above == null ? "mc_sentence_few" : "mc_sentence", { now: money(found, row.now), then: money(found, row.then), above: probability(row.above) });
  const range = [0, Math.max(...costs, row.now) * 1.1 || 1];
  return panel({ title: `${t("mc_curve")} · ${row.name}`, sentence, evidence: [], columns: [levels, costs], points: true, across: probability, range, levels: [row.now], say }, shown, () => {});
}

const select = (key, label, options, again) =>
  h("label", {}, label, h("select", { "data-key": `costs ${key}`, onchange: (event) => (Object.assign(chosen, { [key]: event.target.value }), again()) }, options.map(([value, words]) => h("option", { value, selected: value === chosen[key] }, words))));

/** The card, and its chart to draw once it is on the page; `again` shows the page anew when something else is chosen. */
export function costs(model, again) {
  const card = (...inside) => h("section", { class: "card", "aria-labelledby": "mc_title" }, h("header", { class: "card-head" }, h("h2", { id: "mc_title" }, t("mc_title"))), inside);
  if (!model.evaluations.length) return { element: card(h("p", { class: "empty" }, t("mc_empty"), " ", h("code", {}, `foremend evaluate --appliance-model ${model.appliance_model} --history … --outcomes …`))) };
  const names = model.evaluations.map((one) => one.version);
  if (!names.includes(chosen.version)) chosen.version = names.includes(model.champion) ? model.champion : names[0];
  const found = model.evaluations.find((one) => one.version === chosen.version);
  const every = rows(found);
  const row = every.find((one) => one.key === chosen.of) ?? every[0];
  chosen.of = row.key;
  const chart = drawing(found, row);
  const cells = [
    ["mc_of", (one) => one.name, "words"],
    ["mc_failures", (one) => integer(one.failures), "number"],
    ["mc_now", (one) => money(found, one.now), "number"],
    ["mc_suggested", (one) => probability(one.above), "number"],
    ["mc_then", (one) => money(found, one.then), "number"],
  ];
  const curve = [
    ["mc_threshold", (one) => probability(one.above), "number"],
    ["mc_threshold_cost", (one) => money(found, one.cost), "number"],
  ];
  return {
    chart,
    element: card(
      h("p", { class: "inside hint" }, t("mc_hint", { unit: unit(found) })),
      found.rules_changed ? h("div", { class: "inside" }, h("p", { class: "safety" }, t("mc_changed"))) : null,
      h("div", { class: "inside" }, h("div", { class: "step" }, names.length > 1 ? select("version", t("mo_version"), names.map((one) => [one, one]), again) : null, every.length > 1 ? select("of", t("mc_of"), every.map((one) => [one.key, one.name]), again) : null), names.length > 1 ? null : h("p", {}, `${t("mo_version")}: `, h("b", {}, found.version)), about(found)),
      table(cells, every),
      row.above == null ? h("p", { class: "inside hint" }, t("mc_few")) : null,
      chart.element,
      h("details", { class: "inside", open: chosen.open, ontoggle: (event) => (chosen.open = event.target.open) }, h("summary", { "data-key": "costs table" }, t("mc_table")), table(curve, row.curve)),
    ),
  };
}
