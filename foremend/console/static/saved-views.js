// Views of the fleet by name, kept in this browser: each is an address, so it can be sent as well.
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { kept } from "./kept.js";
import { view } from "./listing.js";

const KEPT = "fleet views";
const MOST = 30;
const known = { naming: false, lost: false };

/** [[name, query]], what was kept last is last; what somebody else wrote there is none. */
function saved() {
  try {
    const found = JSON.parse(kept.get(KEPT) ?? "[]");
    return found.filter((one) => Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === "string"));
  } catch {
    return [];
  }
}

function keep(views) {
  known.lost = !kept.set(KEPT, JSON.stringify(views.slice(-MOST)));
}

/** What is looked at now, without the page of the list. */
function query() {
  const now = view();
  now.delete("cursor");
  now.sort();
  return now.toString();
}

/** A choice of views, and a way to keep or forget the present one; `choose(change)` looks at another, `redraw()` draws anew. */
export function savedViews(names, choose, redraw) {
  const views = saved().sort((a, b) => a[0].localeCompare(b[0]));
  const mine = views.find(([, one]) => one === query());
  const open = (event) => {
    const wanted = new URLSearchParams(event.target.value);
    choose(Object.fromEntries(names.map((name) => [name, wanted.get(name) ?? ""])));
  };
  const option = ([name, one]) => h("option", { value: one, selected: one === query() }, name);
  const picked = views.length ? h("label", {}, t("fl_views"), h("select", { name: "view", "data-key": "view", onchange: open }, mine ? null : h("option", { value: query(), selected: true }, t("fl_view_none")), views.map(option))) : null;
  const forget = () => {
    keep(saved().filter(([one]) => one !== mine[0]));
    redraw();
  };
  const name = (event) => {
    event.preventDefault();
    const wanted = new FormData(event.target.form ?? event.target.closest("form")).get("view-name").trim();
    if (!wanted) return;
    keep([...saved().filter(([one]) => one !== wanted), [wanted, query()]]);
    known.naming = false;
    redraw();
  };
  const typed = (event) => event.key === "Enter" && !event.isComposing && name(event);
  const naming = [h("label", {}, t("fl_view_name"), h("input", { name: "view-name", "data-key": "view-name", maxlength: "60", autocomplete: "off", onkeydown: typed })), h("button", { type: "button", class: "quiet", "data-key": "keep-view", onclick: name }, t("fl_view_keep"))];
  const begin = () => {
    known.naming = true;
    redraw();
    document.querySelector("[name=view-name]")?.focus();
  };
  const act = mine ? h("button", { type: "button", class: "quiet", "data-key": "forget-view", onclick: forget }, t("fl_view_forget", { name: mine[0] })) : query() ? h("button", { type: "button", class: "quiet", "data-key": "name-view", onclick: begin }, t("fl_view_save")) : null;
  return [picked, known.naming && !mine && query() ? naming : act, known.lost ? h("p", { class: "hint", role: "status" }, t("fl_view_lost")) : null];
}
