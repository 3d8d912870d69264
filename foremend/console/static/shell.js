// What every page has: asking the API, language, theme, and who is logged in.
import { byId } from "./dom.js";
import { zone } from "./format.js";
import { language, setLanguage, t } from "./i18n.js";

const PATIENCE_MS = 10_000;
const THEMES = ["auto", "light", "dark"];
const own = { theme: localStorage.getItem("theme") ?? "auto", user: null, changed: () => {} };

/** The answer; an Error has `status`, and the right that is missing. */
export async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), headers: { accept: "application/json" } });
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status, right: (await answer.json().catch(() => ({}))).right });
  return answer.json();
}

/** Nobody knows who looks: the login finds out, and goes on to the fleet. */
export function toLogin() {
  location.replace("login.html");
}

function speak() {
  document.documentElement.lang = language.now;
  for (const element of document.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n, { zone: zone() });
  for (const element of document.querySelectorAll("[data-i18n-label]")) element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language.now));
  byId("theme").textContent = t(`theme_${own.theme}`);
  byId("logout").hidden = !own.user;
  byId("logout").textContent = t("log_out", { name: own.user });
  own.changed();
}

function paint() {
  document.documentElement.dataset.theme = own.theme;
  localStorage.setItem("theme", own.theme);
}

async function logOut() {
  await fetch("api/v1/session", { method: "DELETE" });
  toLogin();
}

/** A user can go; who sits at this machine, or comes through a gateway, has nothing to leave. */
async function whoAmI() {
  own.user = (await ask("api/v1/session")).name;
  speak();
}

/** `changed` is called whenever words or colours are others, `missed` with the error of whoever may not look. */
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
  whoAmI().catch(missed);
}
