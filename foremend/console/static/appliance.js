// One appliance with an address of its own: what goes on and why, its readings over time, what may be done, what was.
import { panel } from "./chart.js";
import { episodeCard, history } from "./detail.js";
import { byId, dot, empty, fill, h } from "./dom.js";
import { DAY, ago, fullTime, integer, measured, zone } from "./format.js";
import { t } from "./i18n.js";
import { panels, shown, signalTitle } from "./series.js";
import { ask, startShell, toLogin } from "./shell.js";
import { standing } from "./standing.js";
import { modelTitle, stateWords, setVocabulary } from "./words.js";

const SPANS = [1, 7, 30, 90, 730];
const USUAL = 90;
const SHORTEST = 60_000;
const EVERY_MS = 30_000;
const SHIFTS = { earlier: [-0.5, -0.5], later: [0.5, 0.5], closer: [0.25, -0.25], wider: [-0.5, 0.5] };

const address = new URLSearchParams(location.search);
const id = address.get("id") ?? "";
const known = { detail: null, series: null, standing: null, trouble: null };
let drawn = [];
let busy = null;

const path = (more = "") => `api/v1/appliances/${encodeURIComponent(id)}/${more}`;
const days = () => (address.has("since") ? null : Number(address.get("days") ?? USUAL));

function span() {
  if (address.has("since")) return { since: address.get("since"), until: address.get("until") };
  const until = Date.parse(known.detail.appliance.last_seen) + 1;
  return { since: new Date(until - days() * DAY).toISOString(), until: new Date(until).toISOString() };
}

/** The address says what is looked at, so that it can be sent. */
function choose(change) {
  for (const [name, value] of Object.entries(change)) {
    if (value == null) address.delete(name);
    else address.set(name, value);
  }
  window.history.replaceState(null, "", `?${address}`);
  readSeries();
  showSpans();
}

function between(from, until) {
  const end = Math.min(Math.max(until, from + SHORTEST), Date.now() + DAY);
  const start = Math.max(Math.min(from, end - SHORTEST), end - 1096 * DAY);
  choose({ days: null, since: new Date(start).toISOString(), until: new Date(end).toISOString() });
}

function shift([left, right]) {
  const { since, until } = span();
  const [from, to] = [Date.parse(since), Date.parse(until)];
  between(from + left * (to - from), to + right * (to - from));
}

async function readSeries() {
  const mine = (busy = {});
  byId("charts").setAttribute("aria-busy", "true");
  byId("span").textContent = t("chart_wait");
  try {
    const columns = Math.max(10, Math.min(2000, Math.round(byId("charts").clientWidth || 600)));
    const found = await ask(path(`series?${new URLSearchParams({ ...span(), columns })}`));
    if (mine !== busy) return;
    known.series = found;
    known.trouble = null;
  } catch (error) {
    console.warn(error);
    if (mine !== busy) return;
    known.series = null;
    known.trouble = error;
  }
  showSeries();
}

function showSpans() {
  const now = days();
  fill(
    byId("spans"),
    SPANS.map((n) => h("button", { type: "button", class: "chip", "data-key": `days-${n}`, "aria-pressed": String(n === now), onclick: () => choose({ days: n, since: null, until: null }) }, t(`span_${n}`))),
    Object.entries(SHIFTS).map(([name, by]) => h("button", { type: "button", class: "chip", "data-key": name, onclick: () => shift(by) }, t(`span_${name}`))),
  );
}

function showSeries() {
  drawn.forEach((one) => one.end());
  drawn = [];
  const place = byId("charts");
  place.setAttribute("aria-busy", "false");
  const { series, detail } = known;
  if (!series) {
    byId("span").textContent = "";
    return fill(place, empty(t(known.trouble?.status === 404 ? "chart_none_kept" : "chart_lost")));
  }
  const marks = shown(series, detail);
  byId("span").textContent = t("chart_span", { from: fullTime(series.since), until: fullTime(series.until), n: integer(series.readings), zone: zone() });
  drawn = panels(series, detail).map((one) => panel(one, marks, between));
  fill(place, drawn.map((one) => one.element), series.signals.length ? null : empty(t(series.stored ? "chart_empty" : "chart_unwatched")));
  drawn.forEach((one) => one.draw());
  showValues();
}

/** What was measured last, with its age as the appliance's own clock has it. */
function showValues() {
  const { series, detail } = known;
  if (!series?.signals.length) return fill(byId("values"), empty(t("chart_empty")));
  const row = (one) => h("div", {}, h("dt", {}, signalTitle(one)), h("dd", {}, h("b", {}, measured(one.last, one.unit)), h("small", {}, ` ${ago(Date.parse(detail.appliance.last_seen) - Date.parse(one.last_at))}`)));
  fill(byId("values"), h("p", { class: "hint" }, t("values_hint", { when: fullTime(detail.appliance.last_seen) })), h("dl", { class: "values" }, series.signals.map(row)));
}

function showDetail() {
  const { appliance, episodes, findings, tickets } = known.detail;
  const now = Date.parse(appliance.last_seen);
  byId("about").textContent = `${modelTitle(appliance.appliance_model)} · ${t("heard", { when: fullTime(appliance.last_seen) })}`;
  byId("verdict").hidden = false;
  byId("verdict").dataset.state = appliance.state;
  fill(byId("verdict"), dot(appliance.state), stateWords(appliance));
  fill(byId("episodes"), episodes.length ? episodes.map((one) => episodeCard(one, tickets.find((ticket) => ticket.episode_id === one.episode_id), now)) : h("p", {}, t(appliance.state === "silent" ? "nothing_heard" : "nothing_open")));
  fill(byId("history"), findings.length ? history(findings) : h("p", {}, t("findings_empty")));
  byId("standing-card").hidden = !known.standing;
  if (known.standing) fill(byId("standing"), standing(known.standing));
}

function show() {
  byId("name").textContent = id;
  document.title = id ? `${id} · Foremend` : "Foremend";
  if (!id) return trouble({ status: 404 });
  if (!known.detail) return known.trouble ? trouble(known.trouble) : void (byId("about").textContent = t("chart_wait"));
  showSpans();
  showDetail();
  if (known.series || known.trouble) showSeries();
}

function trouble(error) {
  known.trouble = error;
  if (error.status === 401) return toLogin();
  const key = { 403: "headline_closed", 404: "appliance_unknown" }[error.status] ?? "link_lost";
  byId("about").textContent = t(key, { right: error.right, id });
}

async function look() {
  try {
    known.detail = await ask(`api/appliances/${encodeURIComponent(id)}`);
    byId("found").hidden = false;
    known.standing = await ask(path("standing")).catch((error) => (error.status === 403 || error.status === 404 ? null : Promise.reject(error)));
    showDetail();
  } catch (error) {
    console.warn(error);
    trouble(error);
  }
}

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && known.detail) await look();
  keepLooking();
}

async function begin() {
  if (!id) return;
  await ask("api/vocabulary").then(setVocabulary, () => {});
  await look();
  if (!known.detail) return;
  show();
  await readSeries();
  keepLooking();
}

startShell(show, trouble);
new ResizeObserver(() => drawn.forEach((one) => one.resize())).observe(byId("charts"));
begin();
