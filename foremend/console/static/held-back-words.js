// Words of the page of what was held back.
import { addWords } from "./i18n.js";

addWords({
  hb_about: ["What did not happen because an owner has not agreed or gave no address, or a policy forbids it, and what waits for the owner's morning or next day.", "因用户未同意、未登记联系方式或政策不允许而未执行的操作，以及等待用户免打扰时段结束或次日再发送的消息。"],
  hb_cause: ["Why", "原因"],
  hb_cause_ended: ["Consent ended", "同意已到期"],
  hb_cause_never_given: ["Never agreed", "从未同意"],
  hb_cause_no_address: ["No address", "未登记联系方式"],
  hb_cause_policy: ["Policy", "政策不允许"],
  hb_cause_quiet_hours: ["Quiet hours", "免打扰时段"],
  hb_cause_rates: ["Enough messages that day", "当日消息已达上限"],
  hb_cause_withdrawn: ["Consent withdrawn", "已撤回同意"],
  hb_counts_alone: ["Your rights show how much was held back, not whose: the list needs the right “{right}”.", "您的权限仅可查看数量，不显示具体设备；查看列表需要权限“{right}”。"],
  hb_empty: ["Nothing was held back.", "没有被拦截的动作。"],
  hb_empty_chosen: ["Nothing fits. Clear the filters, or look at what waits.", "没有符合条件的记录。请清除筛选，或查看等待发送的消息。"],
  hb_filters: ["Narrow what was held back", "筛选被拦截的动作"],
  hb_footer: ["Times are shown in {zone}, by the clock on the wall.", "时间以 {zone} 显示，为实际时钟时间。"],
  hb_leaves: ["May leave", "可发送时间"],
  hb_never_left: ["Never left, last 30 days", "近 30 天未执行"],
  hb_nothing: ["Nothing.", "暂无。"],
  hb_number: ["How many", "数量"],
  hb_purpose: ["What for", "用途"],
  hb_show: ["Show", "显示"],
  hb_show_never: ["what never left", "未执行的"],
  hb_show_waits: ["what waits", "等待发送的"],
  hb_waits: ["Waits now", "当前等待发送"],
});
