// Words of the page of the fleet.
import { addWords } from "./i18n.js";

addWords({
  fl_about: ["{n} on this page; {total} appliances were heard of.", "本页 {n} 台，共收到 {total} 台设备的数据。"],
  fl_about_page: ["{n} on this page.", "本页 {n} 台。"],
  fl_csv: ["Download as CSV", "下载 CSV"],
  fl_empty: ["No appliance fits. Clear the filters, or look at another state.", "没有符合条件的设备。请清除筛选或查看其他状态。"],
  fl_filters: ["Search and narrow the fleet", "搜索和筛选设备"],
  fl_firmware: ["Firmware", "固件"],
  fl_footer: ["Times are each appliance's own, shown in {zone}; time left is by the fleet's clock.", "时间为设备自身时间，以 {zone} 显示；剩余时间按设备群时钟计算。"],
  fl_found: ["Found", "发现"],
  fl_heard: ["Last heard of", "最近数据"],
  fl_never: ["never", "从未"],
  fl_no_ids: ["Your right “{right}” reaches pseudonyms alone, and this list goes by ids. Today's page shows you the fleet.", "您的权限“{right}”仅限假名，而本列表按设备编号显示。请查看今日页面。"],
  fl_order: ["Order", "排序"],
  fl_order_age: ["heard of longest ago first", "最久无数据在前"],
  fl_order_left: ["least time left first", "剩余时间最短在前"],
  fl_order_new: ["heard of last first", "最近有数据在前"],
  fl_order_urgent: ["most urgent first", "最紧急在前"],
  fl_owner: ["Owner's reference", "用户编号"],
  fl_search: ["Id begins with", "设备编号开头"],
  fl_search_owner: ["Id or owner's reference begins with", "设备或用户编号开头"],
  fl_area: ["Service area", "服务区域"],
  state_never_heard: ["Never heard from", "从未上报"],
});
