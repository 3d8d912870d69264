// One signal over time: a band from the lowest to the highest reading of each column of the screen, the mean as a line.
// With `across`, which says a value in words, it is over that and not over time, and no other drawing follows its cursor.
import { h } from "./dom.js";
import { axisTime, measured } from "./format.js";
import { t } from "./i18n.js";

const HEIGHT = 112;
const PERCENT = 100;
const TOGETHER = uPlot.sync("appliance");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Episodes as a shade, tickets and what was found as lines; the list beside says the same in words. */
function marks(shown, levels) {
  const at = (u, ms) => u.valToPos(ms / 1000, "x", true);
  const within = (u, draw) => {
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    u.ctx.clip();
    draw(u.ctx, u.bbox);
    u.ctx.restore();
  };
  const shade = (u) =>
    within(u, (ctx, box) => {
      ctx.globalAlpha = 0.1;
      for (const one of shown.episodes) {
        ctx.fillStyle = colour(one.tone);
        ctx.fillRect(at(u, one.from), box.top, at(u, one.until) - at(u, one.from), box.height);
      }
    });
  const lines = (u) =>
    within(u, (ctx, box) => {
      ctx.lineWidth = devicePixelRatio;
      for (const one of shown.lines) {
        ctx.strokeStyle = colour(one.tone);
        ctx.setLineDash(one.dashed ? [4 * devicePixelRatio, 4 * devicePixelRatio] : []);
        ctx.beginPath();
        ctx.moveTo(at(u, one.at), box.top);
        ctx.lineTo(at(u, one.at), box.top + box.height);
        ctx.stroke();
      }
      for (const level of levels) {
        const y = u.valToPos(level, "y", true);
        ctx.strokeStyle = colour("soft");
        ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
        ctx.beginPath();
        ctx.moveTo(box.left, y);
        ctx.lineTo(box.left + box.width, y);
        ctx.stroke();
      }
    });
  return { hooks: { drawClear: shade, draw: lines } };
}

function options(panel, shown, width, choose) {
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const line = panel.tone ? colour(panel.tone) : colour("accent");
  const thin = { stroke: line, width: 0.5, points: { show: false } };
  const points = { show: Boolean(panel.points), size: 7, fill: line };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { ...(panel.across ? {} : { sync: { key: TOGETHER.key } }), drag: { x: !panel.across, y: false, setScale: false }, points: { size: 6 } },
    scales: { x: { time: !panel.across, range: [shown.from / 1000, shown.until / 1000] }, y: panel.range ? { range: panel.range } : {} },
    axes: [
      { ...axis, size: 26, space: 90, values: (_, splits) => splits.map(panel.across ?? ((s) => axisTime(s * 1000, shown.until - shown.from))) },
      { ...axis, size: 58, space: 26, values: (_, splits) => splits.map((v) => (panel.percent ? `${Math.round(v * PERCENT)}%` : measured(v))) },
    ],
    series: panel.points ? [{}, { stroke: line, width: 1.5, points }] : [{}, thin, thin, { stroke: line, width: 1.5, points }],
    bands: panel.points ? [] : [{ series: [2, 1], fill: `${line}38` }],
    plugins: [marks(shown, panel.levels ?? [])],
    hooks: {
      setCursor: [(u) => panel.tell(u.cursor.idx)],
      setSelect: [(u) => u.select.width > 4 && choose(1000 * u.posToVal(u.select.left, "x"), 1000 * u.posToVal(u.select.left + u.select.width, "x"))],
    },
  };
}

/** A figure: the title, what the hand points at, the drawing, and evidence as a sentence. Answers {element, draw, end}. */
export function panel({ title, sentence, evidence, ...drawn }, shown, choose) {
  const told = h("output", { class: "told" }, sentence);
  const place = h("div", { class: "plot", role: "img", "aria-label": `${title}: ${sentence}` });
  const element = h("figure", { class: "panel", "data-evidence": evidence.length ? "yes" : null }, h("figcaption", {}, h("b", {}, title), evidence.length ? h("span", { class: "tag", "data-tone": "wait" }, t("evidence")) : null, told), place, evidence.map((one) => h("p", { class: "hint" }, one)));
  let plot = null;
  const tell = (index) => {
    told.textContent = index == null ? sentence : drawn.say(index);
  };
  return {
    element,
    draw() {
      plot = new uPlot(options({ ...drawn, tell }, shown, place.clientWidth, choose), drawn.columns, place);
    },
    resize: () => plot?.setSize({ width: place.clientWidth, height: HEIGHT }),
    end: () => plot?.destroy(),
  };
}
