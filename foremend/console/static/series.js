// From the API's series to panels: columns with gaps, titles, evidence, and what was found as marks.
import { fullTime, measured, moment, percent } from "./format.js";
import { inWords, t } from "./i18n.js";
import { evidenceWords } from "./lists.js";
import { faultTitle, tone } from "./words.js";

const QUIET = 3; // of the usual distance: longer, and nothing was heard in between

/** Times in s with a place for each gap: nothing is drawn from one end of a silence to the other. */
function withGaps(series) {
  const steps = series.times.slice(1).map((time, i) => time - series.times[i]);
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? series.stretch_ms;
  const times = [];
  const from = []; // the index in the series; -1 within a gap
  series.times.forEach((time, i) => {
    if (i && steps[i - 1] > QUIET * Math.max(usual, series.stretch_ms)) {
      times.push((series.times[i - 1] + time) / 2000);
      from.push(-1);
    }
    times.push(time / 1000);
    from.push(i);
  });
  return { times, from };
}

const column = (from, values) => from.map((i) => (i < 0 ? null : (values[i] ?? undefined)));

function lowest(values) {
  return values.reduce((low, one) => (one != null && (low == null || one < low) ? one : low), null);
}

const highest = (values) => lowest(values.map((one) => (one == null ? null : -one)));

export const signalTitle = (one) => inWords(one.title) ?? one.name.replaceAll("_", " ");

function signalPanel(one, { times, from }, series, episodes) {
  const about = episodes.flatMap((episode) => episode.evidence.filter((e) => series.signal_of[e.feature] === one.name));
  const spread = { low: measured(lowest(one.low), one.unit), high: measured(-highest(one.high), one.unit) };
  return {
    title: signalTitle(one),
    sentence: t("chart_spread", spread),
    evidence: about.map(evidenceWords),
    levels: about.filter((e) => e.unit === one.unit && e.feature.endsWith("_mean")).flatMap((e) => (e.usual == null ? [] : [e.usual])),
    columns: [times, column(from, one.low), column(from, one.high), column(from, one.mean)],
    say(index) {
      const i = from[index];
      if (i < 0 || one.mean[i] == null) return t("chart_nothing", { when: fullTime(new Date(1000 * times[index]).toISOString()) });
      return t("chart_at", { when: fullTime(new Date(series.times[i]).toISOString()), mean: measured(one.mean[i], one.unit), low: measured(one.low[i], one.unit), high: measured(one.high[i], one.unit) });
    },
  };
}

/** The probability of each fault, where one was told. */
function probabilities(series) {
  const told = series.judgements.filter((one) => one.probability != null);
  return [...Map.groupBy(told, (one) => one.fault)].map(([fault, found]) => ({
    title: t("probability_of", { fault: faultTitle(fault) }),
    sentence: t("chart_told", { n: found.length, last: percent(found.at(-1).probability), when: moment(found.at(-1).time) }),
    evidence: [],
    points: true,
    percent: true,
    range: [0, 1],
    tone: tone(found.at(-1)),
    columns: [found.map((one) => Date.parse(one.time) / 1000), found.map((one) => one.probability)],
    say: (index) => `${fullTime(found[index].time)}: ${percent(found[index].probability)}`,
  }));
}

/** Probabilities first, then signals with evidence, then the others. */
export function panels(series, detail) {
  const drawn = withGaps(series);
  const signals = series.signals.map((one) => signalPanel(one, drawn, series, detail.episodes));
  return [...probabilities(series), ...signals.filter((one) => one.evidence.length), ...signals.filter((one) => !one.evidence.length)];
}

/** Episodes from their first finding to their end, tickets at their beginning. */
export function shown(series, detail) {
  const [from, until] = [Date.parse(series.since), Date.parse(series.until)];
  const episodes = [...Map.groupBy(series.judgements, (one) => one.episode_id).values()].map((found) => {
    const end = found.find((one) => one.kind === "closed");
    return { from: Date.parse(found[0].time), until: end ? Date.parse(end.time) : until, tone: tone(found[0]) };
  });
  const found = series.judgements.map((one) => ({ at: Date.parse(one.time), tone: tone(one), dashed: one.kind !== "opened" }));
  const tickets = detail.tickets.map((one) => ({ at: Date.parse(one.opened_at), tone: "ink", dashed: true }));
  return { from, until, episodes, lines: [...found, ...tickets] };
}
