"""What a person can hand to the owner who asked: what was removed, who was told, what stays and why.

It names the owner by the reference alone that the person gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from alerts.personal.erasure import Job

PLACES: Mapping[str, tuple[str, str]] = {
    "contacts": ("addresses", "联系方式"),
    "wellbeing_contacts": ("trusted contacts", "紧急联系人"),
    "wellbeing": ("words on being away or well", "外出与平安说明"),
    "wellbeing_signs": ("signs of daily life", "日常活动迹象"),
    "appliances": ("registered appliances", "登记的电器"),
    "nameplates": ("rating plates of appliances", "电器铭牌"),
    "firmware": ("firmware of appliances", "电器固件版本"),
    "owners": ("registration", "登记"),
    "access_tokens": ("tokens of access", "访问令牌"),
    "users": ("users who may come in", "登录用户"),
    "consent_records": ("records of consent", "同意记录"),
    "outcomes": ("what technicians found", "检修结果"),
    "ticket_steps": ("what was done about tickets", "服务单处理记录"),
    "tickets": ("service tickets", "服务单"),
    "findings": ("findings", "故障发现"),
    "diagnoses": ("diagnoses that were asked for", "询问过的诊断"),
    "open_episodes": ("open faults", "进行中的故障"),
    "outbox": ("messages", "消息"),
    "held_back": ("acts that consent did not allow", "未获同意而未执行的操作"),
    "dead_letters": ("messages that could not be used", "无法使用的消息"),
    "seen": ("when appliances were heard of", "电器最近在线时间"),
    "resting": ("what was learnt of silent appliances", "静默电器的学习状态"),
    "readings": ("stored readings", "存储的读数"),
    "messages_in_files": ("messages in files", "文件中的消息"),
    "audit_entries_emptied": ("entries of the audit log emptied", "已清空的审计记录"),
}
_KEPT: Mapping[str, tuple[str, str]] = {
    "audit": (
        "That something was done and when stays in the audit log, with neither name nor id: its text and the key of"
        " its seal are destroyed.",
        "审计日志中仅保留曾有操作及其时间，不含姓名或编号：其内容和封印密钥均已销毁。",
    ),
    "backups": (
        "Backups made before this erasure are not changed by it: whoever keeps them lets them go in time, and after a"
        " restore the erasure is asked for again.",
        "此前的备份不受影响：由保管者按期销毁；若恢复备份，须再次执行删除。",
    ),
    "models": (
        "Models trained from history keep figures of single days under numbers, with neither name nor id; a version"
        " that an earlier Foremend trained names appliances by id: whoever runs Foremend trains anew and removes it.",
        "由历史数据训练的模型仅以序号保留部分单日统计值，不含姓名或编号；"
        "旧版 Foremend 训练的版本含电器编号，由运维人员重新训练后删除。",
    ),
    "set_aside": (
        "A damaged store that was set aside and cannot be changed any more. Whoever runs Foremend removes it.",
        "因损坏而另行存放、已无法更改的文件，由运维人员删除。",
    ),
    "logs": (
        "The log of an earlier Foremend names an appliance on the day it was first heard of, and no person; today's"
        " names none. Whoever keeps such a log lets it go.",
        "旧版 Foremend 的运行日志在电器首次上线当日记录其编号，不含个人信息，由保管者销毁；现行版本的日志不含编号。",
    ),
    "config": (
        "config.yaml may name the owner's devices, as a person wrote them there: that person removes them.",
        "config.yaml 中可能有人工填写的设备名称，由填写者删除。",
    ),
    "postgresql": (
        "The bytes of deleted rows stay in PostgreSQL's files, log, archives and replicas until these are overwritten"
        " or let go; no query finds them.",
        "已删除数据的字节在 PostgreSQL 的文件、日志、归档和副本中保留至被覆盖或清除，任何查询均无法读出。",
    ),
    "large": (
        "The database file is too large to be written anew while it is used. What was deleted is overwritten; what an"
        " earlier version deleted may still have bytes in it.",
        "数据库文件过大，无法在使用中重写。本次删除的内容已被覆盖；旧版本删除的内容可能仍有残留字节。",
    ),
    "kafka": (
        "Readings under way in Kafka's topics go with their retention; nobody uses them meanwhile.",
        "Kafka 主题中的读数按保留期清除，其间不被使用。",
    ),
    "home_assistant": (
        "What the household's own broker keeps is removed at the pipeline's next start.",
        "家庭自有代理上的保留消息将在下次启动时清除。",
    ),
}
_UNCOUNTED: Mapping[str, tuple[str, str]] = {
    "under_way": (
        "What was still under way to storage, in the pipeline's memory and journal, and what was learnt of your"
        " appliances: removed as well, without being counted.",
        "尚在处理途中（内存与日志中）的读数，以及由此学到的电器状态：同样已删除，未逐条计数。",
    )
}
"""What goes as a whole, so that no number says how much it was."""


def report(job: Job) -> dict[str, Any]:
    """Of one job, JSON-ready."""
    told = job.report
    removed = dict(told.get("removed", {})) | {
        name: told[name]
        for name in ("readings", "messages_in_files", "audit_entries_emptied")
        if name in told
    }
    kept = [*told.get("kept", ())]
    if told.get("database") in _KEPT:
        kept.append({"what": told["database"], "where": ""})
    return job.summary() | {
        "removed": removed,
        "places": {
            name: dict(zip(("en", "zh"), PLACES[name], strict=True)) for name in removed if name in PLACES
        },
        "uncounted": [_said(one, "", _UNCOUNTED) for one in _UNCOUNTED if "emptied_at" in told],
        "tickets_withdrawn": told.get("tickets_withdrawn", 0),
        "told": told.get("told", []),
        "not_told": told.get("not_told", {}),
        "kept": [_said(one["what"], one["where"], _KEPT) for one in kept],
    }


def _said(what: str, where: str, words: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    en, zh = words[what]
    return {"what": what, "where": where, "en": en, "zh": zh}


def page(report: Mapping[str, Any]) -> str:
    """The report as one HTML page, English and Chinese, that needs nothing else."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Mapping[str, Any]) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Erasure</title>'
    yield "<style>body{font:16px/1.5 sans-serif;max-width:48em;margin:2em auto;padding:0 1em}"
    yield "td,th{text-align:left;padding:.2em 1em .2em 0;vertical-align:top}</style></head><body>"
    for number, words in enumerate(_WORDS):
        yield f'<section lang="{("en", "zh")[number]}"><h1>{words["title"]}</h1><table>'
        state = words["done"] if report["done"] else words["under way"]
        for name in ("reference", "asked", "due", "done"):
            yield f"<tr><th>{words[name + ':']}</th><td>{escape(str(report[name] or '-'))}</td></tr>"
        yield f"</table><p>{state}</p><h2>{words['removed']}</h2><table>"
        for name, count in report["removed"].items():
            yield f"<tr><td>{PLACES.get(name, (name, name))[number]}</td><td>{count}</td></tr>"
        yield "</table>"
        for one in report["uncounted"]:
            yield f"<p>{one[('en', 'zh')[number]]}</p>"
        yield f"<h2>{words['told']}</h2><ul>"
        for target in report["told"]:
            yield f"<li>{escape(target)}</li>"
        for target, why in report["not_told"].items():
            yield f"<li>{escape(target)}: {words['not told']} ({escape(why)})</li>"
        if not report["told"] and not report["not_told"]:
            yield f"<li>{words['nobody']}</li>"
        yield f"</ul><h2>{words['kept']}</h2><ul>"
        for one in report["kept"]:
            where = f" <code>{escape(one['where'])}</code>" if one["where"] else ""
            yield f"<li>{one[('en', 'zh')[number]]}{where}</li>"
        yield "</ul></section>"
    yield "</body></html>"


_WORDS: tuple[Mapping[str, str], ...] = (
    {
        "title": "Your data was erased",
        "reference:": "Reference", "asked:": "Asked for", "due:": "Due", "done:": "Done",
        "done": "Everything that Foremend kept about you and your appliances is removed.",
        "under way": "The erasure is under way.",
        "removed": "What was removed", "told": "Who was told to erase it, too", "not told": "could not be told",
        "nobody": "nobody else had any of it", "kept": "What stays, and why",
    },
    {
        "title": "您的数据已删除",
        "reference:": "编号", "asked:": "申请时间", "due:": "期限", "done:": "完成时间",
        "done": "Foremend 保存的关于您和您的电器的全部数据均已删除。",
        "under way": "删除正在进行。",
        "removed": "已删除的内容", "told": "已通知同步删除的接收方", "not told": "未能通知",
        "nobody": "没有其他接收方", "kept": "保留的内容及原因",
    },
)  # fmt: skip
