// What every page has: asking the API, language, theme, and who is logged in.
import { byId, fill, h } from "./dom.js";
import { zone } from "./format.js";
import { language, setLanguage, t } from "./i18n.js";
import { kept } from "./kept.js";

const PATIENCE_MS = 10_000;
const THEMES = ["auto", "light", "dark"];
/** Each page by its words: where it is, and the rights without any of which it shows nothing but that. */
const PAGES = { today: ["."], fleet: ["fleet.html"], tickets: ["tickets.html"], page_cohorts: ["cohorts.html", "cohorts"], page_insights: ["insights.html", "cohorts"], page_held_back: ["held-back.html", "held-back"], page_pipeline: ["pipeline.html", "metrics"], page_models: ["models.html", "models"], page_consent: ["consent.html", "owners", "consents", "erasures", "audit"], page_settings: ["settings.html", "settings", "access"] };
const own = { theme: kept.get("theme") ?? "auto", user: null, rights: {}, changed: () => {} };

let ahead = 0; // ms that the server's clock is before this machine's

/** Remembers the server's clock from an answer. */
export function setClock(answer) {
  const said = Date.parse(answer.headers.get("date"));
  if (said) ahead = said - Date.now();
}

export const serverNow = () => Date.now() + ahead;

/** How far a right of whoever looks goes: all, own, or undefined without it. */
export const reach = (right) => own.rights[right];

/** The user's name; null of whoever sits at this machine. */
export const who = () => own.user;

/** Whether to ask again would be in vain; a service that is away, or asked too often, comes back. */
export const inVain = ({ status }) => status >= 400 && status < 500 && status !== 429;

/** What a page does with an error: whoever is nobody any more logs in, else `known.error` is shown. */
export const missing = (known, show) => (error) => {
  console.warn(error);
  if (error.status === 401) return toLogin();
  known.error = error;
  show();
};

/** The answer, whatever kind it is of; an Error has `status`, what was wrong, and the right that is missing, or how far it goes. */
export async function answered(path, patience = PATIENCE_MS, options = {}) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(patience), ...options, headers: { accept: "application/json", ...options.headers } });
  setClock(answer);
  if (!answer.ok) {
    const { right, reach, detail } = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status, right, reach, detail });
  }
  return answer;
}

export const ask = async (path, patience) => (await answered(path, patience)).json();

/** Has something done: what was said of it. */
export const send = async (path, body, patience) =>
  (await answered(path, patience, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } })).json();

/** What went wrong with something that was asked for, in a sentence. */
export const refusal = ({ status, right, detail }) => (status === 403 && right ? t("ls_no_right_for", { right }) : status ? t("ls_refused", { detail: typeof detail === "string" ? detail : status }) : t("link_lost"));

/** Nobody knows who looks: the login finds out, and goes back to what was asked for. */
export function toLogin() {
  const asked = location.pathname.split("/").pop() + location.search;
  location.replace(asked ? `login.html?${new URLSearchParams({ next: asked })}` : "login.html");
}

const here = () => location.pathname.split("/").pop() || ".";

function showPages() {
  const link = ([name, [path]]) => h("a", { href: path, "data-key": name, "aria-current": path === here() ? "page" : null }, t(name));
  const shown = ([, [path, ...rights]]) => !rights.length || rights.some((right) => reach(right) === "all") || path === here();
  if (byId("pages")) fill(byId("pages"), Object.entries(PAGES).filter(shown).map(link));
}

function speak() {
  document.documentElement.lang = language.now;
  for (const element of document.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n, { zone: zone() });
  for (const element of document.querySelectorAll("[data-i18n-label]")) element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language.now));
  showPages();
  const theme = t(`theme_${own.theme}`);
  byId("theme").setAttribute("aria-label", theme);
  byId("theme").title = theme;
  if (own.user && !byId("account")) byId("logout").before(h("a", { class: "quiet", id: "account", href: "account.html" }));
  if (own.user) {
    byId("account").textContent = own.user;
    byId("account").setAttribute("aria-label", `${own.user}: ${t("page_account")}`);
  }
  byId("logout").hidden = !own.user;
  byId("logout").textContent = t("log_out");
  own.changed();
}

function paint() {
  document.documentElement.dataset.theme = own.theme;
  kept.set("theme", own.theme);
}

async function logOut() {
  const answer = await fetch("api/v1/session", { method: "DELETE" });
  const left = answer.status === 200 ? await answer.json() : null; // who came by an OpenID provider leaves that, too
  location.replace(left?.url ?? "login.html");
}

/** A user can go; who sits at this machine, or comes through a gateway, has nothing to leave. */
async function whoAmI() {
  const { name, rights, owes_factor } = await ask("api/v1/session");
  if (owes_factor && here() !== "account.html") return location.replace("account.html");
  Object.assign(own, { user: name, rights });
  speak();
}

/** `changed` is called whenever words or colours are others, `missed` with the error of whoever may not look; answers once it is known who does. */
export function startShell(changed, missed) {
  own.changed = changed;
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      setLanguage(button.dataset.language);
      speak();
    });
  }
  byId("theme").addEventListener("click", () => {
    own.theme = THEMES[(THEMES.indexOf(own.theme) + 1) % THEMES.length];
    paint();
    speak();
  });
  byId("logout").addEventListener("click", logOut);
  paint();
  speak();
  return whoAmI().catch(missed);
}
