// Settings seen: what this process was started with, rules with their examples, users and tokens. Nothing is changed here, and no secret is shown.
import "./settings-words.js";
import { byId, dot, empty, fill, h } from "./dom.js";
import { fullTime, integer } from "./format.js";
import { t } from "./i18n.js";
import { select, table, trouble, turnTo, view } from "./listing.js";
import { ask, missing, reach, refusal, startShell } from "./shell.js";
import { faultTitle, modelTitle, setVocabulary } from "./words.js";

const PAGE = "settings.html";
const TYPED_MS = 200;
const known = { rights: false, found: null, error: null, users: null, tokens: null, typing: 0 };

const when = (iso) => (iso ? h("time", { datetime: iso }, fullTime(iso)) : "–");

const card = (key, hint, ...inside) => h("section", { class: "card", "aria-labelledby": key }, h("header", { class: "card-head" }, h("h2", { id: key }, t(key)), hint ? h("p", { class: "hint" }, hint) : null), inside);

function choose(change, keep) {
  turnTo(change, keep);
  if (document.activeElement?.name !== "search") showFilters();
  show();
}

async function read() {
  try {
    known.found = await ask("api/v1/settings");
  } catch (error) {
    missed(error);
  }
  if (reach("access") === "all") {
    const [users, tokens] = await Promise.allSettled([ask("api/v1/users"), ask("api/v1/tokens")]);
    Object.assign(known, { users, tokens });
  }
  show();
}

const missed = missing(known, () => show());

const SETTINGS = [
  ["se_key", (one) => h("code", {}, one.key)],
  ["se_value", (one) => (one.value ? h("code", {}, one.value) : h("span", { class: "hint" }, t("se_not_set")))],
  ["se_from", (one) => h("span", { class: "tag", "data-tone": one.written ? "good" : "muted" }, t(one.written ? "se_written" : "se_default"))],
];

const RULES = [
  ["rule", (one) => [h("b", {}, one.name), one.fault ? h("small", { class: "under" }, faultTitle(one.fault)) : null]],
  ["se_opens", (one) => [h("code", {}, one.when), one.sustained_for === "0 s" ? null : h("small", { class: "under" }, t("se_for", { span: one.sustained_for }))]],
  ["se_clears", (one) => h("code", {}, one.clears)],
  ["severity", (one) => [h("span", { class: "urgent", "data-state": one.severity }, dot(one.severity), t(`state_${one.severity}`)), one.escalate ? h("small", { class: "under" }, t("se_escalates", { when: one.escalate })) : null]],
  ["se_applies", (one) => one.applies_to || t("ls_all")],
];

const EXAMPLES = [
  ["fl_model", (one) => modelTitle(one.appliance_model)],
  ["se_say", (one) => one.say],
  ["se_of", (one) => one.of],
  ["se_expect", (one) => (one.expect.length ? one.expect.map((it) => h("span", { class: "under" }, t("se_expected", { after: it.after, fault: faultTitle(it.fault), kind: t(`kind_${it.finding}`), severity: t(`state_${it.severity}`) }))) : t("se_nothing"))],
];

const USERS = [
  ["user_name", (one) => [h("b", {}, one.name), one.disabled_at ? [" ", h("span", { class: "tag", "data-tone": "bad" }, t("se_disabled"))] : null]],
  ["se_role", (one) => [one.role, one.of ? h("small", { class: "under" }, one.of) : null]],
  ["se_made", (one) => when(one.created_at)],
  ["se_last_login", (one) => when(one.last_login)],
];

/** What opens something now, ends by itself, or is over. */
const life = (one) => (one.revoked_at ? h("span", { class: "tag", "data-tone": "bad" }, t("se_revoked", { when: fullTime(one.revoked_at) })) : Date.parse(one.ends_at) <= Date.now() ? h("span", { class: "tag", "data-tone": "muted" }, t("se_ended", { when: fullTime(one.ends_at) })) : when(one.ends_at));

const TOKENS = [
  ["user_name", (one) => [h("b", {}, one.name), h("small", { class: "under id" }, one.id)]],
  ["se_role", (one) => [one.role, one.of ? h("small", { class: "under" }, one.of) : null]],
  ["se_scope", (one) => Object.keys(one.rights).join(t("list_comma"))],
  ["se_last_used", (one) => when(one.last_used)],
  ["se_ends", life],
];

function fitting(settings) {
  const [search, from] = [view().get("search") ?? "", view().get("from")];
  return settings.filter((one) => one.key.includes(search) && (!from || one.written === (from === "written")));
}

function settings({ settings: all, rules, examples }) {
  const shown = fitting(all);
  return [
    card("se_config", t("se_config_hint", { n: integer(shown.length), total: integer(all.length) }), shown.length ? table(SETTINGS, shown) : empty(t("se_none"))),
    card("se_rules", t("se_rules_hint"), rules.length ? table(RULES, rules) : empty(t("se_rules_none"))),
    card("se_examples", t("se_examples_hint"), examples.length ? table(EXAMPLES, examples) : empty(t("se_examples_none"))),
  ];
}

function access() {
  if (!known.rights) return null;
  if (reach("access") !== "all") return card("se_access", null, h("p", { class: "inside hint" }, t("se_without", { right: "access" }), " ", h("code", {}, "foremend users list"), " ", h("code", {}, "foremend tokens list")));
  if (!known.users) return null;
  return [part("se_users", null, known.users, USERS, "se_users_none"), part("se_tokens", t("se_tokens_hint"), known.tokens, TOKENS, "se_tokens_none")];
}

/** A list as it was answered, or why there is none. */
function part(key, hint, { value, reason }, cells, none) {
  if (reason) return card(key, hint, h("p", { class: "empty", role: "alert" }, refusal(reason)));
  return card(key, hint, value.length ? table(cells, value) : empty(t(none)));
}

function showFilters() {
  const changed = (event) => {
    clearTimeout(known.typing);
    known.typing = setTimeout(() => choose({ search: event.target.value.trim() }, true), TYPED_MS);
  };
  fill(
    byId("filters"),
    h("label", { class: "wide" }, t("se_search"), h("input", { type: "search", name: "search", "data-key": "search", value: view().get("search") ?? "", maxlength: "100", autocomplete: "off", spellcheck: "false", oninput: changed })),
    select("from", "se_from", [["written", t("se_written")], ["default", t("se_default")]], true, choose),
    h("a", { href: PAGE, "data-key": "clear" }, t("ls_clear")),
  );
}

function show() {
  document.title = `${t("page_settings")} · Foremend`;
  byId("filters").hidden = Boolean(known.error);
  byId("found").setAttribute("aria-busy", String(!known.found && !known.error));
  fill(byId("found"), known.error ? trouble(known.error, null) : known.found ? settings(known.found) : empty(t("chart_wait")));
  fill(byId("access"), access());
}

byId("filters").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("popstate", () => {
  document.activeElement?.blur();
  showFilters();
  show();
});
ask("api/vocabulary").then(setVocabulary).then(show, () => {});
startShell(() => {
  if (document.activeElement?.name !== "search") showFilters();
  show();
}, missed).then(() => {
  known.rights = true;
  read();
});
