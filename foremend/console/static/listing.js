// What pages with a list share: a table, its pages, the choices above it, and what is said where there is none.
import { h } from "./dom.js";
import { addWords, t } from "./i18n.js";
import { inVain } from "./shell.js";

addWords({
  ls_all: ["all", "全部"],
  ls_away: ["It cannot be shown now, trying again: {detail}", "暂时无法显示，正在重试：{detail}"],
  ls_clear: ["Clear filters", "清除筛选"],
  ls_first: ["First page", "第一页"],
  ls_next: ["Next page", "下一页"],
  ls_no_right: ["You have not the right “{right}”, which this page needs. Whoever makes users and tokens here can give it.", "您没有本页面所需的权限“{right}”，请联系管理用户和令牌的人员。"],
  ls_wrong: ["This address asks for what there is not: {detail}", "地址中的条件无效：{detail}"],
});

export const view = () => new URLSearchParams(location.search);

/** Change what is looked at; the page before is one step back, but for each letter of a search (`keep`). */
export function turnTo(change, keep = false) {
  const next = view();
  next.delete("cursor");
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  history[keep ? "replaceState" : "pushState"](null, "", next.size ? `?${next}` : location.pathname);
}

/** `cells`: [head, cell(item), kind] of each column. */
export function table(cells, items) {
  const row = (one) => h("tr", {}, cells.map(([name, cell, kind]) => h("td", { class: kind, "data-label": t(name) }, cell(one))));
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, cells.map(([name, , kind]) => h("th", { scope: "col", class: kind }, t(name))))), h("tbody", {}, items.map(row))));
}

/** The way to the first page and to the next. */
export function turning(next, choose) {
  const to = (key, cursor) => h("button", { type: "button", class: "quiet", "data-key": key, onclick: () => choose({ cursor }) }, t(key));
  return h("p", { class: "turning" }, view().get("cursor") ? to("ls_first", "") : null, next ? to("ls_next", next) : null);
}

/** What there is instead of a list, and what to do; `page`, where it is without filters; `refused`, `none`: words for a right that is missing, and for what there is not. */
export function trouble({ status, right, detail }, page, refused = "ls_no_right", none = "ls_wrong") {
  const key = status === 403 ? refused : status === 404 ? none : inVain({ status }) ? "ls_wrong" : status === 503 && detail ? "ls_away" : "link_lost";
  return h("section", { class: "card" }, h("p", { class: "empty", role: "alert" }, t(key, { right, detail }), " ", status === 403 || !page ? null : h("a", { href: page }, t("ls_clear"))));
}

/** One choice of the address: `choices` are [value, words], `none` whether there may be none. */
export function select(name, label, choices, none, choose, kind) {
  const now = view().get(name) ?? "";
  const option = ([value, word]) => h("option", { value, selected: value === now }, word);
  const all = choices.some(([value]) => value === now) || !now ? choices : [...choices, [now, now]]; // an address may say anything
  return h("label", { class: kind }, t(label), h("select", { name, "data-key": name, onchange: (event) => choose({ [name]: event.target.value }) }, none ? option(["", t("ls_all")]) : null, all.map(option)));
}
