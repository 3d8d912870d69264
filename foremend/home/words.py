"""Words of this lane, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Titles = Mapping[str, Mapping[str, str]]
"""name -> language -> words."""

NAMES: Titles = {
    "problem": {"en": "Problem", "zh": "故障"},
    "health": {"en": "Health", "zh": "健康状态"},
    "what": {"en": "What is seen", "zh": "发现"},
    "days_left": {"en": "Days left", "zh": "剩余天数"},
    "running": {"en": "Running", "zh": "运行中"},
    "starts_today": {"en": "Starts today (UTC)", "zh": "今日启动次数（UTC）"},
    "last_heard": {"en": "Last heard", "zh": "最后收到"},
}
"""Of the entities."""

_NOTHING: Titles = {
    "well": {"en": "as usual", "zh": "一切如常"},
    "learning": {"en": "what is usual is still being learnt", "zh": "正在学习常态"},
    "silent": {"en": "nothing is heard of it", "zh": "没有收到数据"},
}
"""What is seen where no episode is open; never an empty text, which Home Assistant ignores."""


@dataclass(frozen=True, slots=True)
class Words:
    """In one language (`en` or `zh`): titles of faults and appliance models by name, the name itself where none is."""

    language: str
    faults: Titles
    appliance_models: Titles

    def fault(self, name: str) -> str:
        return self.faults.get(name, {}).get(self.language) or name.replace("-", " ")

    def appliance_model(self, name: str) -> str:
        return self.appliance_models.get(name, {}).get(self.language) or name

    def entity(self, name: str) -> str:
        return NAMES[name][self.language]

    def nothing(self, health: str) -> str:
        return _NOTHING[health][self.language]
