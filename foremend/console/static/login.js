// Logging in by name and password or by an OpenID provider, and setting a password by a one-time link (#link=...).
import { byId } from "./dom.js";
import { language, setLanguage, t } from "./i18n.js";
import { kept, keptHere } from "./kept.js";
import { safeNext } from "./next.js";

const STRAYED = ["away", "denied", "disabled", "no_role", "stale", "wait", "wrong"];
const said = new URLSearchParams(location.hash.slice(1));
const link = said.get("link");
const back = said.get("openid"); // from the provider: `done`, or what went wrong
const next = safeNext(back ? keptHere.get("next") : new URLSearchParams(location.search).get("next"));
const state = { mode: link ? "link" : "login", problem: null, title: null };
history.replaceState(null, "", location.pathname); // a link that holds once stays in no history

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const said = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(said.detail ?? `${answer.status}`), { status: answer.status, needsCode: Boolean(said.second_factor), wait: answer.headers.get("retry-after") });
}

function speak() {
  const setting = state.mode !== "login";
  document.documentElement.lang = language.now;
  for (const element of document.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  for (const element of document.querySelectorAll("[data-i18n-label]")) element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language.now));
  byId("title").textContent = t(setting ? "set_password" : "log_in");
  byId("send").textContent = t(setting ? "set_password" : "log_in");
  byId("provider").hidden = setting || !state.title;
  byId("provider").textContent = t("log_in_with", { title: state.title });
  byId("problem").textContent = state.problem ? words(state.problem) : "";
  byId("name").readOnly = setting;
  byId("password").autocomplete = setting ? "new-password" : "current-password";
  byId("again-row").hidden = byId("rules").hidden = !setting;
  byId("again").required = setting;
}

function words({ key, status, wait, message }) {
  if (key) return t(key, { title: state.title ?? "OpenID Connect" });
  if (status === 429) return t("login_wait", { n: wait });
  if (status === 401 && state.mode === "login") return t(byId("code-row").hidden ? "login_wrong" : "login_wrong_code");
  if (status === 401) return t("link_over");
  if (status === 400) return t("password_refused");
  return t("login_trouble", { message });
}

async function send(event) {
  event.preventDefault();
  const password = byId("password").value;
  if (state.mode !== "login" && password !== byId("again").value) return fail({ key: "password_differs" });
  byId("send").disabled = true;
  try {
    if (state.mode === "login") await post("api/v1/session", { name: byId("name").value, password, code: byId("code").value || null });
    else await post("api/v1/session/password", { link, password });
    location.replace(await onward());
  } catch (error) {
    if (error.needsCode) return askCode();
    fail(error);
  } finally {
    byId("send").disabled = false;
  }
}

/** Name and password are right: the code of the second factor comes next. */
function askCode() {
  byId("code-row").hidden = false;
  byId("code").required = true;
  state.problem = null;
  speak();
  byId("code").focus();
}

/** To the provider, which sends the browser back to this page. */
async function goToProvider() {
  byId("provider").disabled = true;
  try {
    keptHere.set("next", next);
    location.assign((await post("api/v1/session/openid", {})).url);
  } catch (error) {
    fail(error.status === 503 ? { key: "openid_away" } : error);
    byId("provider").disabled = false;
  }
}

/** Where to go on to: an owner, whom the first page shows nothing, to the own page. */
async function onward() {
  const who = await fetch("api/v1/session").then((answer) => (answer.ok ? answer.json() : null), () => null);
  if (who?.owes_factor) return "account.html";
  return who?.role === "owner" && next === "." ? "o/me" : next;
}

function fail(problem) {
  state.problem = problem;
  speak();
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    setLanguage(button.dataset.language);
    speak();
  });
}
document.documentElement.dataset.theme = kept.get("theme") ?? "auto";
byId("login").addEventListener("submit", send);
byId("send").disabled = false; // until here the browser would send the form by itself, which nobody answers
byId("provider").addEventListener("click", goToProvider);
if (back && back !== "done") state.problem = { key: `openid_${STRAYED.includes(back) ? back : "wrong"}` };
speak();
if (back === "done") location.replace(await onward());
fetch("api/v1/session/openid").then((answer) => answer.json()).then(
  ({ title }) => {
    state.title = title;
    speak();
  },
  (error) => console.warn(error),
);
if (link) {
  post("api/v1/session/link", { link }).then(
    (found) => {
      byId("name").value = found.name;
      byId("password").focus();
    },
    (error) => {
      state.mode = "login";
      fail(error.status === 401 ? { key: "link_over" } : error);
    },
  );
} else byId("name").focus();
