// Why something was held back, in words: what the owner said, a policy, an address that is missing, the hour or how much was said.
import { moment } from "./format.js";
import { addWords, t } from "./i18n.js";

addWords({
  reason_ended: ["consent ended {when}", "同意已于 {when} 到期"],
  reason_never_given: ["consent never given", "从未同意"],
  reason_no_address: ["the owner agreed and gave no address for {channel}", "用户已同意但未登记{channel}联系方式"],
  reason_policy: ["the policy {policy} uses no {channel}", "政策 {policy} 不使用 {channel}"],
  reason_quiet_hours: ["quiet hours where the owner lives", "用户所在地的免打扰时段"],
  reason_rates: ["the owner had {n} messages that day, as many as the policy allows", "用户当日已收到 {n} 条消息，达到政策上限"],
  reason_withdrawn: ["consent withdrawn {when}", "已于 {when} 撤回同意"],
});

const SENTENCES = [
  [/^never given$/, () => t("reason_never_given")],
  [/^withdrawn at (\S+)$/, (found) => t("reason_withdrawn", { when: moment(found[1]) })],
  [/^ended at (\S+)$/, (found) => t("reason_ended", { when: moment(found[1]) })],
  [/^the policy (.+) uses no (\w+)$/, (found) => t("reason_policy", { policy: found[1], channel: t(found[2]) })],
  [/^no address for (\w+) was given$/, (found) => t("reason_no_address", { channel: t(found[1]) })],
  [/^quiet hours$/, () => t("reason_quiet_hours")],
  [/^the owner had (\d+) messages today/, (found) => t("reason_rates", { n: found[1] })],
];

/** A stored reason as a sentence; one of its own as it stands. */
export function why(reason) {
  for (const [pattern, words] of SENTENCES) {
    const found = pattern.exec(reason);
    if (found) return words(found);
  }
  return reason;
}
