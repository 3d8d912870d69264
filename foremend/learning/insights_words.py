"""Words of the report of insights and of its figures, by language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("what goes with failures", "哪些特征与故障相关"),
    "about": (
        "{failures} failures in {spells} months of {appliances} appliances were compared, at the same age, in the same"
        " month and region; {left_out} more appliances are left out, as their owners do not agree. What a month knows"
        " of an appliance was measured at least {lead_days} days before it.",
        "比较了 {appliances} 台设备的 {spells} 个设备月中的 {failures} 次故障，按相同机龄、月份和区域对照；另有"
        " {left_out} 台因用户未同意而不计入。每个月所用数据至少早于该月 {lead_days} 天。",
    ),
    "not_cause": (
        "What goes with failures need not be their cause: a trial tells that.",
        "与故障相关不等于原因，需通过试验确认。",
    ),
    "named": ("Named", "显著特征"),
    "feature": ("feature", "特征"),
    "those_with": ("those with", "条件"),
    "times": ("fail so many times as often", "故障率倍数"),
    "interval": ("95 in 100", "95% 区间"),
    "along": ("or as well", "同步特征"),
    "along_hint": (
        "Features that hardly move apart stand as one: nobody can say from this which of them it is.",
        "几乎同步变化的特征视为一个，无法由此区分是哪一个。",
    ),
    "none": (
        "Nothing is named: no feature goes with failures more than chance may among {tried} that were tried.",
        "没有显著特征：在尝试的 {tried} 个特征中，没有一个超出随机水平。",
    ),
    "what_if": ("What if", "假设分析"),
    "otherwise": (
        "{feature} by {change:+g}: {failures} times as many failures ({low} to {high})",
        "{feature} 变化 {change:+g}：故障数为 {failures} 倍（{low} 至 {high}）",
    ),
    "otherwise_nobody": (
        "{feature} by {change:+g}: not named, so nobody can say",
        "{feature} 变化 {change:+g}：不在显著特征中，无法判断",
    ),
    "otherwise_along": (
        "{feature} by {change:+g}: not named, so nobody can say; ask of {along}, from which it hardly moves apart",
        "{feature} 变化 {change:+g}：不在显著特征中；请查询与其同步的 {along}",
    ),
    "lives": ("Lives", "寿命"),
    "lives_hint": ("failures an appliance would have had by its age", "每台设备到该机龄的累计故障数"),
    "batch": ("batch", "批次"),
    "firmware": ("firmware", "固件"),
    "appliances": ("appliances", "设备"),
    "failures": ("failures", "故障"),
    "shape": ("Weibull shape", "威布尔形状参数"),
    "no_shape": ("too few failures, or ages too much alike", "故障太少，或机龄过于接近"),
    "shape_hint": (
        "A shape below 1 is early failures, about 1 chance, above 1 wear.",
        "形状参数小于 1 为早期故障，约为 1 为随机故障，大于 1 为磨损。",
    ),
    "alone": ("Each feature alone", "单个特征"),
    "unusable": ("Hardly known, or the same everywhere:", "数据太少或处处相同："),
    "as_often": ("as often", "同样频繁"),
    "forest": ("times as often, with intervals", "故障率倍数及区间"),
    "age": ("age, days", "机龄（天）"),
    "failures_each": ("failures an appliance", "每台故障数"),
    "more_share": ("{share:.0%} more", "高 {share:.0%}"),
    "more": ("{value:.2g} {unit} more", "高 {value:.2g} {unit}"),
}

WORDS: Mapping[str, Mapping[str, str]] = {
    language: {name: each[k] for name, each in _WORDS.items()} for k, language in enumerate(("en", "zh"))
}
"""Language -> name -> words."""


def in_words(more: Mapping[str, Any], language: str) -> str:
    """What one spread more of a feature is: a share where its unit is None, else a difference in it."""
    if more["unit"] is None:
        return WORDS[language]["more_share"].format(share=more["value"])
    return WORDS[language]["more"].format(value=more["value"], unit=more["unit"]).replace("  ", " ")
