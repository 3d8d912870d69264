// Whether anything may be done: what the owner agreed to, and why there is no ticket.
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { why } from "./reasons.js";
import { faultTitle } from "./words.js";

const noTicket = (one) =>
  t(`no_ticket_${one.why}`, { fault: faultTitle(one.fault), reason: one.why === "consent" ? why(one.reason) : t(`status_${one.reason}`) });

/** Each purpose with yes or no in a word, and since when it is a no. */
export function standing(found) {
  const agreed =
    found.agreed === null
      ? h("p", {}, t("agreed_nobody"))
      : h(
          "dl",
          { class: "agreed" },
          found.agreed.map((one) =>
            h("div", {}, h("dt", {}, t(`purpose_${one.purpose}`)), h("dd", {}, h("span", { class: "tag", "data-tone": one.given ? "good" : "muted" }, t(one.given ? "agreed_yes" : "agreed_no")), one.given ? null : h("small", {}, ` ${why(one.reason)}`))),
          ),
        );
  return [found.no_ticket.map((one) => h("p", { class: "safety" }, noTicket(one))), agreed];
}
