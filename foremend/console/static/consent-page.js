// Consent and audit: an owner's ledger, receipt, export and erasure, and whether the audit log is whole. Each look at an owner is in that log.
import "./consent-words.js";
import { byId, dot, empty, fill, h } from "./dom.js";
import { fullTime, integer, measured } from "./format.js";
import { inWords, t } from "./i18n.js";
import { table, turnTo, view } from "./listing.js";
import { why } from "./reasons.js";
import { answered, ask, inVain, missing, reach, refusal, send, startShell } from "./shell.js";
import { modelTitle, setVocabulary } from "./words.js";

const ON_PAGE = 50;
const EVERY_MS = 5_000; // while an erasure is under way
const VERIFY_PATIENCE_MS = 600_000; // it reads the whole log
const EXPORT_PATIENCE_MS = 120_000;
const PART = { owners: null, owner: null, words: null, error: null };
const known = { ...PART, rights: false, error: null, erasures: null, report: null, erasing: null, audit: null, verifying: false, notice: null, asked: 0 };
const typed = { again: "", reference: "" };

const may = (right) => reach(right) === "all";

const when = (iso) => (iso ? h("time", { datetime: iso }, fullTime(iso)) : "–");

const to = (query) => `consent.html?${new URLSearchParams(query)}`;

const without = (right, command, kind = "inside hint") => h("p", { class: kind }, t("co_without", { right }), command ? [" ", h("code", {}, command)] : null);

const titled = (key, ...more) => h("header", { class: "card-head" }, h("h2", { id: key }, t(key)), more);

function tell(words) {
  known.notice = words;
  show();
}

/** The owner of the address, or those whose ids begin so; nothing is read before somebody asks. */
async function read() {
  const mine = ++known.asked;
  const [owner, beginning] = [view().get("owner"), view().get("beginning")];
  Object.assign(known, PART, { notice: null });
  Object.assign(typed, { again: "", reference: "" });
  show();
  if (!may("owners") || (!owner && beginning === null)) return;
  byId("found").setAttribute("aria-busy", "true");
  try {
    const path = `api/v1/owners/${encodeURIComponent(owner)}`;
    const asked = owner ? [ask(path), may("consents") ? ask(`${path}/consents`) : null] : [ask(`api/v1/owners?${new URLSearchParams({ beginning, limit: ON_PAGE, after: view().get("after") ?? "" })}`)];
    const [first, words] = await Promise.all(asked);
    if (mine !== known.asked) return;
    Object.assign(known, owner ? { owner: first, words } : { owners: first.items });
  } catch (error) {
    if (mine !== known.asked) return;
    missed(error);
  }
  show();
}

async function readErasures() {
  if (!may("erasures")) return;
  const id = view().get("erasure");
  try {
    [known.erasures, known.report] = await Promise.all([ask("api/v1/erasures"), id ? ask(`api/v1/erasures/${encodeURIComponent(id)}`) : null]);
    known.erasing = null;
  } catch (error) {
    if (error.status === 401) return missed(error);
    known.erasing = error;
  }
  show();
}

const missed = missing(known, () => show());

async function verify() {
  if (known.verifying) return;
  Object.assign(known, { verifying: true, audit: null });
  show();
  try {
    known.audit = await ask("api/v1/audit", VERIFY_PATIENCE_MS);
  } catch (error) {
    known.notice = () => refusal(error);
    if (error.status === 401) missed(error);
  }
  known.verifying = false;
  show();
}

/** Hands a file to the browser once all of it is here, so that a refusal is told in the page. */
async function download(path, name) {
  tell(() => t("co_downloading"));
  try {
    const answer = await answered(path, EXPORT_PATIENCE_MS);
    const address = URL.createObjectURL(await answer.blob());
    h("a", { href: address, download: name }).click();
    URL.revokeObjectURL(address);
    tell(() => t("co_downloaded", { name }));
  } catch (error) {
    console.warn(error);
    tell(() => refusal(error));
  }
}

async function erase(event) {
  event.preventDefault();
  if (typed.again !== known.owner.owner_id) return tell(() => t("co_not_the_same"));
  try {
    const job = await send("api/v1/erasures", { owner_id: known.owner.owner_id, reference: typed.reference.trim() });
    turnTo({ owner: "", beginning: "", after: "", erasure: job.id });
    await read();
    known.report = job;
    tell(() => t("co_erase_begun", { id: job.id }));
    await readErasures();
  } catch (error) {
    console.warn(error);
    tell(() => refusal(error));
  }
}

function showFind() {
  const input = h("input", { type: "search", name: "beginning", "data-key": "beginning", value: view().get("owner") ?? view().get("beginning") ?? "", maxlength: "64", pattern: "[A-Za-z0-9_\\-]*", autocomplete: "off", spellcheck: "false", title: t("co_pattern") });
  if (known.rights && !may("owners")) return fill(byId("find"), without("owners", "foremend owners list", "hint"));
  fill(byId("find"), h("label", { class: "wide" }, t("co_begins"), input), h("button", { type: "submit", class: "primary", "data-key": "find" }, t("co_look")), h("p", { class: "hint" }, t("co_audited")));
}

const OWNERS = [
  ["co_owner", (one) => h("a", { href: to({ owner: one.owner_id }), class: "id", "data-key": `to ${one.owner_id}` }, one.owner_id)],
  ["co_registered", (one) => when(one.registered_at)],
  ["devices", (one) => integer(one.appliances), "number"],
];

function owners(items) {
  const next = items.length === ON_PAGE ? h("p", { class: "turning" }, h("a", { href: to({ beginning: view().get("beginning"), after: items.at(-1).owner_id }) }, t("ls_next"))) : null;
  return h("section", { class: "card" }, items.length ? table(OWNERS, items) : empty(t("co_none")), next);
}

const holds = (words) => h("span", { class: "tag", "data-tone": words === "given" ? "good" : "muted" }, words === "given" ? t("agreed_yes") : why(words));

/** The receipt is of the present owner, once that one said something. */
function appliance(one) {
  const receipt = `api/v1/appliances/${encodeURIComponent(one.appliance_id)}/consents/receipt`;
  const said = known.words?.some((word) => word.appliance_id === one.appliance_id);
  return h(
    "section",
    { class: "inside" },
    h("h3", {}, h("span", { class: "id" }, one.appliance_id), ` · ${modelTitle(one.appliance_model)} · ${one.jurisdiction ?? t("co_no_jurisdiction")} · ${one.timezone}`),
    h("dl", { class: "facts" }, Object.entries(one.consents).map(([purpose, words]) => h("div", {}, h("dt", {}, t(`purpose_${purpose}`)), h("dd", {}, holds(words))))),
    may("consents") && said ? h("p", {}, h("button", { type: "button", class: "quiet", "data-key": `receipt ${one.appliance_id}`, onclick: () => download(receipt, `receipt-${one.appliance_id}.json`) }, t("co_receipt"))) : null,
  );
}

const WORDS = [
  ["co_seq", (one) => integer(one.seq)],
  ["when", (one) => when(one.at)],
  ["appliance", (one) => h("span", { class: "id" }, one.appliance_id)],
  ["co_purpose", (one) => t(`purpose_${one.purpose}`)],
  ["co_word", (one) => [h("span", { class: "tag", "data-tone": one.given ? "good" : "bad" }, t(one.given ? "co_given" : "co_withdrawn")), one.ends_at ? h("small", { class: "under" }, t("co_until", { when: fullTime(one.ends_at) })) : null]],
  ["co_notice", (one) => `${one.notice_version} (${one.language})`],
  ["co_how", (one) => one.how],
  ["co_kept", (one) => when(one.recorded_at)],
];

function ledger() {
  if (!may("consents")) return h("section", { class: "card" }, titled("co_ledger"), without("consents"));
  return h("section", { class: "card", "aria-labelledby": "co_ledger" }, titled("co_ledger", h("p", { class: "hint" }, t("co_ledger_hint"))), known.words.length ? table(WORDS, known.words) : empty(t("co_ledger_empty")));
}

function rights(owner) {
  const name = owner.owner_id;
  const field = (key, label, more) => h("label", {}, label, h("input", { name: key, "data-key": key, value: typed[key], autocomplete: "off", spellcheck: "false", oninput: (event) => (typed[key] = event.target.value), ...more }));
  const form = h(
    "form",
    { class: "inside", onsubmit: erase },
    h("p", { class: "safety" }, t("co_erase_what")),
    field("reference", t("co_reference"), { maxlength: "200" }),
    field("again", t("co_again", { id: name }), { required: true, maxlength: "200" }),
    h("p", {}, h("button", { type: "submit", class: "primary danger", "data-key": "erase" }, t("co_erase"))),
  );
  return h(
    "section",
    { class: "card", "aria-labelledby": "co_rights" },
    titled("co_rights"),
    may("owners.export") ? h("p", { class: "inside" }, h("button", { type: "button", class: "quiet", "data-key": "export", onclick: () => download(`api/v1/owners/${encodeURIComponent(name)}/export`, `owner-${name}.zip`) }, t("co_export"))) : without("owners.export"),
    may("erasures.change") ? form : without("erasures.change"),
  );
}

function owner(one) {
  const about = h("p", { class: "inside" }, t("co_since", { when: fullTime(one.registered_at) }), " ", one.channels.length ? t("co_channels", { channels: one.channels.map((name) => t(name)).join(t("list_comma")) }) : t("co_no_channels"));
  const mine = h("section", { class: "card", "aria-labelledby": "owner" }, h("header", { class: "card-head" }, h("h2", { id: "owner" }, t("co_owner"), " ", h("span", { class: "id" }, one.owner_id))), about, one.appliances.length ? one.appliances.map(appliance) : empty(t("co_no_appliances")));
  return [h("div", { class: "columns" }, mine, rights(one)), ledger()];
}

function found() {
  if (known.error) return h("section", { class: "card" }, h("p", { class: "empty", role: "alert" }, inVain(known.error) ? refusal(known.error) : t("link_lost"), " ", h("a", { href: "consent.html" }, t("ls_clear"))));
  if (known.owner) return owner(known.owner);
  return known.owners ? owners(known.owners) : null;
}

const ERASURES = [
  ["co_reference_short", (one) => h("a", { href: to({ erasure: one.id }), "data-key": `to ${one.id}` }, one.reference || one.id)],
  ["co_asked", (one) => when(one.asked)],
  ["state", (one) => state(one)],
];

const state = (one) => [h("span", { class: "tag", "data-tone": one.done ? "good" : "wait" }, one.done ? t(one.in_time ? "co_done" : "co_done_late") : t("co_under_way", { stage: t(`co_stage_${one.stage}`) })), one.trouble ? h("small", { class: "under" }, t("co_trouble", { trouble: one.trouble })) : null];

/** What went and what stays, to hand to the owner who asked: nothing in it says who that was. */
function report(one) {
  const place = ([name, n]) => h("div", {}, h("dt", {}, inWords(one.places[name]) ?? name), h("dd", {}, integer(n)));
  const stays = (kept) => h("li", {}, inWords(kept), kept.where ? [" ", h("code", {}, kept.where)] : null);
  const told = [...one.told, ...Object.entries(one.not_told).map(([name, why]) => t("co_not_told", { name, why }))];
  return h(
    "section",
    { class: "inside", id: "report", "aria-label": t("co_report") },
    h("h3", {}, t("co_report"), " ", h("span", { class: "id" }, one.id)),
    h("p", {}, state(one)),
    h("dl", { class: "facts" }, [["co_reference_short", one.reference || one.id], ["co_asked", when(one.asked)], ["co_due", when(one.due)], ["co_done", when(one.done)]].map(([key, value]) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value)))),
    Object.keys(one.removed).length ? [h("h3", {}, t("co_removed")), h("dl", { class: "facts" }, Object.entries(one.removed).map(place))] : null,
    one.uncounted.map((what) => h("p", {}, inWords(what))),
    one.done ? [h("h3", {}, t("co_told")), h("p", {}, told.join(t("list_comma")) || t("co_told_nobody"))] : null,
    one.kept.length ? [h("h3", {}, t("co_stays")), h("ul", { class: "sentences" }, one.kept.map(stays))] : null,
  );
}

function showErasures() {
  const place = byId("erasures");
  if (known.rights && !may("erasures")) return fill(place, titled("co_erasures"), without("erasures"));
  const list = known.erasures?.length ? table(ERASURES, known.erasures) : empty(t(known.erasures ? "co_erasures_empty" : "chart_wait"));
  fill(place, titled("co_erasures"), known.erasing ? h("p", { class: "empty", role: "alert" }, refusal(known.erasing), " ", h("a", { href: "consent.html" }, t("ls_clear"))) : [known.report ? report(known.report) : null, list]);
}

function verdict(one) {
  const tone = one.intact ? "ok" : "critical";
  const facts = [
    ["co_entries", integer(one.entries)],
    ["co_emptied", integer(one.emptied)],
    ["co_removed_entries", integer(one.removed)],
    ["co_took", measured(one.took, "s")],
    ["co_anchor", one.anchor ? t("co_anchor_at", { when: fullTime(one.anchor.at), n: integer(one.anchor.entries) }) : t("co_anchor_none")],
    ["co_head", h("code", {}, one.head)],
  ];
  return [
    h("p", { class: "verdict", "data-state": tone, role: "status", id: "verdict" }, dot(tone), one.intact ? t("co_whole") : t("co_broken", { problem: one.problem })),
    one.intact ? null : h("p", { class: "safety" }, t("co_broken_next")),
    h("dl", { class: "facts" }, facts.map(([key, value]) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value)))),
  ];
}

function showAudit() {
  if (known.rights && !may("audit")) return fill(byId("audit"), titled("co_audit"), without("audit", "foremend audit verify"));
  const button = h("button", { type: "button", class: "quiet", "data-key": "verify", disabled: known.verifying, onclick: verify }, t(known.verifying ? "co_verifying" : "co_verify"));
  fill(byId("audit"), titled("co_audit"), h("div", { class: "inside" }, h("p", { class: "hint" }, t("co_audit_hint")), known.audit ? verdict(known.audit) : null, h("p", {}, button)));
}

function show() {
  document.title = `${t("page_consent")} · Foremend`;
  byId("said").textContent = known.notice?.() ?? "";
  byId("said").hidden = !known.notice;
  byId("found").setAttribute("aria-busy", "false");
  fill(byId("found"), found());
  if (!byId("find").contains(document.activeElement)) showFind();
  showErasures();
  showAudit();
}

async function keepLooking() {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  if (!document.hidden && known.report && !known.report.done && !(known.erasing && inVain(known.erasing))) await readErasures();
  keepLooking();
}

byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  document.activeElement?.blur();
  turnTo({ owner: "", after: "", erasure: "" });
  const next = view();
  next.set("beginning", new FormData(event.target).get("beginning").trim());
  history.replaceState(null, "", `?${next}`);
  read();
});
window.addEventListener("popstate", () => Promise.all([read(), readErasures()]));
ask("api/vocabulary").then(setVocabulary).then(show, () => {});
startShell(() => show(), missed).then(async () => {
  known.rights = true;
  await Promise.all([read(), readErasures()]);
  keepLooking();
});
