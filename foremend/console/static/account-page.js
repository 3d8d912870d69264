// A user's own login: the second factor, and where else one is logged in.
import { byId, fill, h } from "./dom.js";
import { fullTime } from "./format.js";
import { addWords, t } from "./i18n.js";
import { ask, missing, startShell } from "./shell.js";

const FACTOR = "api/v1/session/second-factor";

addWords({
  ac_begin: ["Set a second factor up", "设置第二验证因素"],
  ac_codes: ["Keep these ten codes where your telephone is not. Each holds once in place of six digits, and nobody can show them again.", "请将这十个恢复码保存在手机以外的地方。每个可代替验证码使用一次，且不会再次显示。"],
  ac_confirm: ["Confirm", "确认"],
  ac_done: ["I have kept them", "我已保存"],
  ac_end: ["End it", "停用"],
  ac_end_one: ["End", "结束"],
  ac_end_others: ["End all others", "结束其他全部会话"],
  ac_factor: ["Second factor", "第二验证因素"],
  ac_none: ["Your password alone opens what you may see. An app on your telephone that makes six digits keeps out whoever knows it.", "目前仅凭密码即可登录。手机上的验证码应用可防止知道密码的人登录。"],
  ac_not_here: ["You come by your organisation's login: a second factor is set up there.", "您通过组织账号登录，请在那里设置第二验证因素。"],
  ac_owes: ["This installation asks your role for a second factor: nothing else opens before.", "此系统要求您的角色启用第二验证因素，启用前无法使用其他功能。"],
  ac_scan: ["Read this picture with your app, or type the secret, then write the six digits that it shows.", "用验证码应用扫描此图，或输入密钥，然后填写其显示的六位数字。"],
  ac_secret: ["Secret", "密钥"],
  ac_sessions: ["Where you are logged in", "登录会话"],
  ac_since: ["Since {when}. {n} codes to recover with are left.", "自 {when} 起启用，剩余 {n} 个恢复码。"],
  ac_this: ["this one", "当前"],
  ac_used: ["begun {begun}, last used {used}", "开始于 {begun}，最近使用 {used}"],
  ac_wrong: ["The password or the code is wrong, or the code was used before.", "密码或验证码错误，或验证码已被使用。"],
});

const known = { standing: null, secret: null, codes: null, sessions: [], owes: false, error: null };

async function send(method, path, body) {
  const answer = await fetch(path, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(detail ?? `${answer.status}`), { status: answer.status, wait: answer.headers.get("retry-after") });
}

/** The keyboard goes along to the next step: to what is typed there, else to its heading, so that a second Enter passes no codes by. */
const goOn = () => (byId("factor").querySelector("input") ?? byId("factor").querySelector("h2")).focus();

/** What is typed once and asked again is not kept here. */
function form(button, fields, act) {
  const label = ([name, word, more]) => h("label", {}, t(word), h("input", { name, required: true, "data-key": name, ...more }));
  const submit = async (event) => {
    event.preventDefault();
    known.error = null;
    try {
      await act(Object.fromEntries(new FormData(event.target)));
    } catch (error) {
      known.error = error;
    }
    show();
    if (!known.error) goOn();
  };
  return h("form", { class: "login", onsubmit: submit }, fields.map(label), h("button", { type: "submit", class: "primary" }, t(button)));
}

const PASSWORD = ["password", "password", { type: "password", autocomplete: "current-password" }];
const CODE = ["code", "factor_code", { autocomplete: "one-time-code", autocapitalize: "none", spellcheck: "false" }];

function factor() {
  const { standing, secret, codes } = known;
  const head = h("h2", { tabindex: "-1" }, t("ac_factor"));
  if (!standing) return [];
  if (codes) return [head, h("p", {}, t("ac_codes")), h("ul", {}, codes.map((one) => h("li", {}, h("code", {}, one)))), h("button", { type: "button", class: "primary", onclick: done }, t("ac_done"))];
  if (secret) return [head, h("p", {}, t("ac_scan")), h("img", { src: secret.picture, alt: secret.uri, class: "qr" }), h("p", {}, t("ac_secret"), " ", h("code", {}, secret.secret)), form("ac_confirm", [CODE], confirm)];
  if (!standing.possible) return [head, h("p", {}, t("ac_not_here"))];
  if (standing.since) return [head, h("p", {}, t("ac_since", { when: fullTime(standing.since), n: standing.recovery_codes })), form("ac_end", [PASSWORD, CODE], end)];
  return [head, h("p", {}, t(known.owes ? "ac_owes" : "ac_none")), form("ac_begin", [PASSWORD], begin)];
}

async function begin(typed) {
  known.secret = await send("POST", FACTOR, typed);
}

async function confirm(typed) {
  known.codes = (await send("POST", `${FACTOR}/confirm`, typed)).recovery_codes;
  known.secret = null;
  await read();
}

async function done() {
  known.codes = null;
  if (known.owes) location.replace(".");
  show();
  goOn();
}

async function end(typed) {
  await send("POST", `${FACTOR}/end`, typed);
  await read();
}

function sessions() {
  const row = (one) =>
    h("li", {}, t("ac_used", { begun: fullTime(one.created_at), used: fullTime(one.last_seen) }), " ", one.is_this ? h("strong", {}, t("ac_this")) : h("button", { type: "button", class: "quiet", "data-key": one.id, onclick: () => act(() => send("DELETE", `api/v1/sessions/${one.id}`)) }, t("ac_end_one")));
  const others = known.sessions.length > 1 && h("button", { type: "button", class: "quiet", "data-key": "others", onclick: () => act(() => send("POST", "api/v1/sessions/end-others")) }, t("ac_end_others"));
  return [h("h2", {}, t("ac_sessions")), h("ul", {}, known.sessions.map(row)), others || null];
}

async function act(what) {
  try {
    await what();
    known.error = null;
    await read();
  } catch (error) {
    known.error = error;
  }
  show();
}

const said = ({ status, wait, message }) => (status === 401 ? t("ac_wrong") : status === 429 ? t("login_wait", { n: wait }) : t("login_trouble", { message }));

function show() {
  byId("problem").textContent = known.error ? said(known.error) : "";
  byId("factor").className = known.standing ? "card login" : "";
  fill(byId("factor"), factor());
  fill(byId("sessions"), sessions());
}

async function read() {
  const [who, standing, list] = await Promise.all([ask("api/v1/session"), ask(FACTOR), ask("api/v1/sessions")]);
  Object.assign(known, { owes: known.owes || who.owes_factor, standing, sessions: list });
}

const missed = missing(known, show);
startShell(show, missed);
read().then(show, missed);
