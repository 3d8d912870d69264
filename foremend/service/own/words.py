"""What the page of an owner says, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from foremend.vocabulary.types import Purpose

Language = Literal["en", "zh"]

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "My appliances",
        "language": "Language",
        "none": "No appliance is registered for you. If that is wrong, tell your service desk.",
        "more": "{count} more of your appliances are not shown here: ask your service desk.",
        "unnamed": "Appliance",
        "critical": "Act now",
        "warning": "Something may fail",
        "info": "Something was noticed",
        "ok": "Nothing wrong is seen",
        "silent": "It says nothing any more. Last heard of {time}.",
        "learning": "Foremend is getting to know it; {days} days to go.",
        "learning_some": "Foremend is getting to know it.",
        "not_judged": "It does not send what would tell whether it is well.",
        "never_heard": "Nothing was ever heard of it.",
        "unwatched": "It is not watched, as you did not agree to that: nothing of it is kept.",
        "heard": "Last heard of {time}.",
        "why": "Why Foremend thinks so",
        "between": "The estimate: {low} to {high} days.",
        "do": "What you can do",
        "safety": "Mind: {text}",
        "service": "Service",
        "ticket_open": "Service is informed.",
        "ticket_acknowledged": "Service has seen it and gets in touch with you.",
        "ticket_scheduled": "Somebody comes {time}.",
        "ticket_scheduled_some": "A visit is agreed.",
        "ticket_on_the_way": "Somebody is on the way.",
        "ticket_none": "Service knows nothing of it.",
        "solved": "It was solved",
        "come": "Please come",
        "agreed": "What I agreed to",
        "on": "On",
        "off": "Off",
        "until": "Holds until {time}.",
        "ends_never": "Holds until you switch it off.",
        "no_address": "Your address for this is not known: tell your service desk.",
        "receipt": "Receipt (JSON)",
        "messages": "Messages I got",
        "no_messages": "No message was sent to you, or none that is still kept.",
        "sms": "text message",
        "push": "notification",
        "email": "e-mail",
        "trusted": "If my household falls silent",
        "trusted_text": "Foremend learns from door and appliance use when somebody is usually up. If that stops, it"
        " tells the people you name here, and nobody else: not your service desk, not the maker.",
        "add_contact": "Name somebody",
        "contact_by": "Tell by",
        "contact_to": "Telephone number or e-mail address",
        "contact_name": "What this person calls you, as “Grandma” (may stay empty)",
        "add": "Keep",
        "remove": "Remove",
        "away": "Nobody is at home for",
        "away_until": "You said that nobody is at home until {time}.",
        "days": "{count} d",
        "say": "Say so",
        "well": "All is well",
        "no_contact": "Nothing was kept: that is no address that can be reached, or three people are named already.",
        "no_wellbeing": "Nothing was changed: switch “Wellbeing” on first, for an appliance that you use each day.",
        "data": "My data",
        "export_text": "Everything that is kept about you and your appliances, in one file (zip).",
        "export": "Download everything",
        "erase_text": "Everything about you and your appliances is removed within 24 hours. Open service tickets"
        " are withdrawn, nobody warns you any more, and nothing brings it back.",
        "sure": "Yes, remove everything about me and my appliances.",
        "erase": "Erase everything",
        "not_sure": "Nothing was erased: tick the box first.",
        "erased": "It has begun. It is done by {time} at the latest.",
        "erased_number": "Number {id}: your service desk hands you the report by it. This page is over now.",
        "said": "It is noted, and holds from now on.",
        "done_solved": "Thank you. It is noted as solved; Foremend goes on watching.",
        "done_nothing": "Thank you. Foremend goes on watching; the warning goes as soon as readings are as usual.",
        "done_come": "Thank you. Service has it now, with all that was found.",
        "done_call": "No service ticket can be opened, as you did not agree to that. Switch “Service tickets” on, or"
        " call service.",
        "over": "This was over a moment ago: nothing was changed.",
        "dead": "This link does not hold any more. Ask your service desk for a new one.",
        "log_in": "Log in to see your appliances.",
        "to_login": "Log in",
        "busy": "This did not work just now. Please try again in a minute.",
        "not_owner": "This page is for owners of appliances, and you came in as somebody else.",
        "home": "Foremend",
    },
    "zh": {
        "title": "我的电器",
        "language": "语言",
        "none": "您名下没有登记电器。如有误，请联系客服。",
        "more": "另有 {count} 台电器未在此显示，请联系客服。",
        "unnamed": "电器",
        "critical": "请立即处理",
        "warning": "可能发生故障",
        "info": "有所发现",
        "ok": "未发现异常",
        "silent": "已不再发送数据，最后一次：{time}。",
        "learning": "正在了解这台电器，还需 {days} 天。",
        "learning_some": "正在了解这台电器。",
        "not_judged": "它发送的数据不足以判断是否正常。",
        "never_heard": "尚未收到过它的数据。",
        "unwatched": "您未同意监测，因此不监测，也不保存它的任何数据。",
        "heard": "最后一次收到数据：{time}。",
        "why": "判断依据",
        "between": "估计还有 {low} 至 {high} 天。",
        "do": "您可以这样做",
        "safety": "注意：{text}",
        "service": "售后服务",
        "ticket_open": "已登记服务单。",
        "ticket_acknowledged": "售后已受理，将与您联系。",
        "ticket_scheduled": "上门时间：{time}。",
        "ticket_scheduled_some": "已约定上门。",
        "ticket_on_the_way": "人员已在途中。",
        "ticket_none": "售后尚不知情。",
        "solved": "已经解决",
        "come": "请派人来",
        "agreed": "我同意的事项",
        "on": "开",
        "off": "关",
        "until": "有效至 {time}。",
        "ends_never": "在您关闭之前有效。",
        "no_address": "没有您在此渠道的联系方式，请告知客服。",
        "receipt": "同意凭证（JSON）",
        "messages": "我收到的消息",
        "no_messages": "没有给您发过消息，或已不再保存。",
        "sms": "短信",
        "push": "推送",
        "email": "邮件",
        "trusted": "如果家中没有动静",
        "trusted_text": "Foremend 根据开门和电器使用情况了解家中通常的作息。"
        "若一反常态，只通知您在此指定的人，不通知客服或厂商。",
        "add_contact": "指定联系人",
        "contact_by": "通知方式",
        "contact_to": "电话号码或邮箱",
        "contact_name": "对方对您的称呼，如“奶奶”（可不填）",
        "add": "保存",
        "remove": "删除",
        "away": "家中无人，为期",
        "away_until": "您已告知家中无人，至 {time}。",
        "days": "{count}天",
        "say": "告知",
        "well": "一切平安",
        "no_contact": "未保存：该地址无法使用，或已指定三人。",
        "no_wellbeing": "未作更改：请先为每天使用的电器打开“关怀”。",
        "data": "我的数据",
        "export_text": "有关您和您的电器的全部数据，打包为一个文件（zip）。",
        "export": "下载全部数据",
        "erase_text": "有关您和您的电器的全部数据将在 24 小时内删除。"
        "未完成的服务单随即撤销，此后不再有人提醒您，且无法恢复。",
        "sure": "是的，请删除有关我和我的电器的一切。",
        "erase": "删除全部数据",
        "not_sure": "尚未删除：请先勾选。",
        "erased": "已开始删除，最迟于 {time} 完成。",
        "erased_number": "编号 {id}：客服可凭此编号向您提供删除报告。本页面到此失效。",
        "said": "已记录，即刻生效。",
        "done_solved": "谢谢，已记录为解决。我们会继续监测。",
        "done_nothing": "谢谢。我们会继续监测，数据恢复正常后提示即消失。",
        "done_come": "谢谢，已转交售后，并附上全部发现。",
        "done_call": "您未同意登记服务单，因此无法建立。请打开“服务单”，或致电售后。",
        "over": "此事刚刚已结束，未作任何更改。",
        "dead": "此链接已失效，请向客服索取新的链接。",
        "log_in": "登录后查看您的电器。",
        "to_login": "登录",
        "busy": "暂时无法处理，请一分钟后再试。",
        "not_owner": "此页面供电器用户使用，您以其他身份登录。",
        "home": "Foremend",
    },
}
"""By language and key; what stands in braces is filled in."""

PURPOSES: Mapping[Language, Mapping[Purpose, str]] = {
    "en": {
        Purpose.MONITORING: "Watching",
        Purpose.TICKET: "Service tickets",
        Purpose.SMS: "Text messages",
        Purpose.PUSH: "Notifications",
        Purpose.EMAIL: "E-mails",
        Purpose.TRAINING: "Learning from my appliance",
        Purpose.WELLBEING: "Wellbeing",
        Purpose.AT_NIGHT: "Messages at night",
    },
    "zh": {
        Purpose.MONITORING: "监测",
        Purpose.TICKET: "服务单",
        Purpose.SMS: "短信",
        Purpose.PUSH: "推送",
        Purpose.EMAIL: "邮件",
        Purpose.TRAINING: "用于学习",
        Purpose.WELLBEING: "关怀",
        Purpose.AT_NIGHT: "夜间消息",
    },
}

KINDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "air-conditioner": "Air conditioner",
        "refrigerator": "Refrigerator",
        "washing-machine": "Washing machine",
        "water-heater": "Water heater",
    },
    "zh": {
        "air-conditioner": "空调",
        "refrigerator": "冰箱",
        "washing-machine": "洗衣机",
        "water-heater": "热水器",
    },
}
"""Of an appliance without a name of its own."""

_TIMES: Mapping[Language, str] = {
    "en": "{day} {month} {year}, {hour:02d}:{minute:02d}",
    "zh": "{year}年{number}月{day}日 {hour:02d}:{minute:02d}",
}
_MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def time_text(ms: int, zone: str, language: Language) -> str:
    """A moment (ms UTC) in an IANA zone, as people write it.

    >>> time_text(0, "Asia/Shanghai", "zh")
    '1970年1月1日 08:00'
    """
    at = datetime.fromtimestamp(ms / 1_000, ZoneInfo(zone))
    return _TIMES[language].format(
        day=at.day,
        month=_MONTHS[at.month - 1],
        number=at.month,
        year=at.year,
        hour=at.hour,
        minute=at.minute,
    )
