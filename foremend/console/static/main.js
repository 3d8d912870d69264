// Polls the API once a second while somebody looks, and asks for lists only when a count has moved.
import { byId, fill, h } from "./dom.js";
import { showComing } from "./coming.js";
import { showDetail } from "./detail.js";
import { showFleet, showFilters } from "./fleet.js";
import { showFlow } from "./flow.js";
import { fullTime } from "./format.js";
import { headline, linked } from "./headline.js";
import { language, t } from "./i18n.js";
import { LISTS, showList, showTabs } from "./lists.js";
import { readNeeds, showNeeds } from "./needs.js";
import { ask, reach, startShell, toLogin, who } from "./shell.js";
import { readSince, showSince } from "./since.js";
import { showStory } from "./story.js";
import { isMany, setVocabulary } from "./words.js";

const EVERY_MS = 1000;
const MOST_EPISODES = 200; // the most urgent; of more the summary says how many they are

const view = { state: "all", tab: "findings", limit: 25, allComing: false };
/** The first one is asked for beside words and rights; what it counts is then known to the lists, too. */
let summary = ask("api/summary");
summary.catch(() => {}); // whoever looks hears of it

const known = { headline: "", summary: null, episodes: [], fleet: null, page: null, seen: "" };

/** Event time rules the page: in the demo and in a replay it is not the time on the wall. */
const now = () => Date.parse(known.summary?.pipeline.event_time ?? new Date().toISOString());

/** How many episodes there are of each kind, where not all were asked for. */
const all = () => (known.episodes.length < MOST_EPISODES ? null : known.summary.counts);

async function look() {
  try {
    [known.summary] = await Promise.all([summary ?? ask("api/summary"), readNeeds(reach("tickets"), reach("cohorts"))]);
    const moved = JSON.stringify([known.summary.counts, known.summary.appliances, known.summary.by_state, known.summary.never_heard]);
    if (moved !== known.seen) {
      await refresh();
      known.seen = moved;
    }
    show();
    if (reach("fleet")) readSince(who(), reach("tickets")).then(() => showSince(language.now));
  } catch (error) {
    console.warn(error);
    missed(error);
  }
  summary = null;
}

/** Nobody knows who looks: the login does. Whoever may not look hears which right is missing: to wait would be in vain. */
function missed(error) {
  if (error.status === 401) toLogin();
  const closed = error.status === 401 || error.status === 403;
  link(closed ? "closed" : "lost");
  if (error.status === 403) known.headline = "";
  if (error.status === 403) byId("headline").textContent = t("headline_closed", { right: error.right });
}

async function refresh() {
  const state = view.state === "all" ? "" : `&state=${view.state}`;
  [known.episodes, known.fleet, known.page] = await Promise.all([
    ask(`api/episodes?limit=${MOST_EPISODES}`),
    ask(`api/fleet?limit=1000${state}`),
    ask(`api/${LISTS[view.tab].path}?limit=${view.limit}`),
  ]);
  showEverything();
}

/** What changes with every look. */
function show() {
  const { pipeline } = known.summary;
  link(pipeline.state !== "running" ? pipeline.state : pipeline.connected ? "running" : "no_broker");
  const time = pipeline.event_time ? fullTime(pipeline.event_time) : "";
  byId("clock").textContent = time && known.summary.story ? t("simulated", { time }) : time;
  showStory(known.summary, language.now);
  if (known.summary.appliances) showNeeds(known.episodes, now(), language.now, all());
  showFlow(known.summary, known.episodes, now(), all());
  showHeadline();
  showSince(language.now);
}

/** What changes with the lists, the language or a choice. */
function showEverything() {
  if (!known.fleet) return;
  const { counts, by_state } = known.summary;
  const many = all()?.episodes_open ?? known.episodes.length;
  showComing(known.episodes, now(), open, { many, shown: view.allComing, show: () => choose({ allComing: true }) });
  showFilters(by_state, view.state, (state) => choose({ state }));
  showFleet(known.fleet, open);
  showTabs(view.tab, totals(counts), (tab) => choose({ tab, limit: 25 }));
  showList(view.tab, known.page, open, () => choose({ limit: view.limit + 50 }));
}

const totals = (counts) => ({
  findings: counts.findings,
  tickets: counts.tickets_opened,
  messages: counts.messages,
  held_back: Object.values(counts.held_back).reduce((sum, n) => sum + n, 0),
  dead_letters: counts.dead_letters,
});

function showHeadline() {
  const text = headline(known.summary, known.episodes, now());
  if (known.headline === text) return; // it is read aloud when it changes
  known.headline = text;
  fill(byId("headline"), linked(text));
}

function link(state) {
  const pill = byId("link");
  if (pill.dataset.state === state && pill.dataset.spoken === language.now) return;
  Object.assign(pill.dataset, { state, spoken: language.now });
  pill.textContent = t(`link_${state}`);
  document.body.classList.toggle("stale", state === "lost" || state === "closed");
}

async function choose(change) {
  Object.assign(view, change);
  known.seen = "";
  await look();
}

async function open(applianceId) {
  if (isMany(applianceId)) return;
  try {
    showDetail(await ask(`api/appliances/${encodeURIComponent(applianceId)}`), now());
  } catch (error) {
    console.warn(error);
    link("lost");
  }
}

/** The words are others. */
function speak() {
  if (!known.summary) return link("wait");
  show();
  showEverything();
}

/** Arrow keys move between tabs, as in every tab list. */
function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const names = Object.keys(LISTS);
  const next = names[(names.indexOf(view.tab) + step + names.length) % names.length];
  byId(`tab-${next}`).focus();
  choose({ tab: next, limit: 25 });
}

async function keepLooking() {
  if (!document.hidden) await look();
  setTimeout(keepLooking, EVERY_MS);
}

byId("tabs").addEventListener("keydown", moveTab);
byId("detail").addEventListener("click", (event) => {
  if (event.target === byId("detail")) byId("detail").close(); // beside the panel
});
fill(byId("fleet"), h("p", { class: "empty" }, "…"));
Promise.all([startShell(speak, missed), ask("api/vocabulary").then(setVocabulary, () => {})]).then(keepLooking);
