"""Features in words: `power_on_mean` -> 'power while running' / '运行功率', from what each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foremend.vocabulary.features import Feature
from foremend.vocabulary.features import Statistic as S
from foremend.vocabulary.profiles import Profile, Title

Words = Mapping[str, str]
"""Language -> words."""

_LOAD = Title(en="load", zh="负载")
_LESS = {"en": "{} above {}", "zh": "{}与{}之差"}
_OF_RUNS = {
    S.COVERAGE: ("share of the day heard from", "数据占比"),
    S.STARTS: ("compressor starts", "压缩机启动次数"),
    S.DUTY: ("share of time running", "运行时间占比"),
    S.STARTS_PER_HOUR: ("starts per hour", "每小时启动次数"),
    S.LONGEST_RUN: ("longest run without stopping", "最长连续运行"),
    S.RUN_MEAN: ("mean run", "平均运行时长"),
    S.RUN_STD: ("spread of runs", "运行时长波动"),
    S.PAUSE_MEAN: ("mean pause", "平均停机时长"),
    S.PAUSE_STD: ("spread of pauses", "停机时长波动"),
    S.ON_LEVEL: ("power level of a run", "运行功率水平"),
    S.INRUSH: ("start-up peak", "启动峰值"),
}
_OF_SIGNALS = {
    S.MEAN: ("mean {}", "平均{}"),
    S.STD: ("spread of {}", "{}波动"),
    S.MIN: ("lowest {}", "最低{}"),
    S.MAX: ("highest {}", "最高{}"),
    S.ON_MEAN: ("{} while running", "运行时{}"),
    S.OFF_MEAN: ("{} while resting", "停机时{}"),
    S.COVERAGE: ("share of the day with {}", "{}数据占比"),
    S.RISE: ("{}", "{}"),
}
_OF_STAYS = {
    S.SHARE: ("share of time {}", "{}时间占比"),
    S.VISITS: ("times a day {}", "每日{}次数"),
    S.VISIT_MEAN: ("mean time {}", "{}平均时长"),
    S.VISIT_LEAST: ("shortest time {}", "{}最短时长"),
}
_OF_STATES = {
    S.MEAN: ("{} {}", "{1}{0}"),
    S.PEAK: ("highest {} {}", "{1}最高{0}"),
    S.LOW: ("lowest {} {}", "{1}最低{0}"),
    S.RANGE: ("range of {} {}", "{1}{0}波动范围"),
    S.RATE: ("change of {} a minute {}", "{1}{0}每分钟变化"),
}
_OF_HARM: Mapping[str, Words] = {
    "resting_for": {"en": "no run for", "zh": "未运行时长"},
    "running_for": {"en": "running without a pause for", "zh": "持续运行时长"},
    "starts_in_two_hours": {"en": "starts within two hours", "zh": "两小时内启动次数"},
    "value_unmoved_for": {"en": "same value for", "zh": "读数不变时长"},
    "silent_for": {"en": "nothing heard for", "zh": "无数据时长"},
}


def feature_titles(profiles: Iterable[Profile]) -> Mapping[str, Words]:
    """Signal, feature or sign of harm -> language -> words, for all that `profiles` measure.

    A signal without a title has the words that another profile has for its name, or else that name.
    """
    known = list(profiles)
    signals, states = _titled(_signals(one) for one in known), _titled(_states(one) for one in known)
    every: dict[str, Words] = dict(_OF_HARM)
    for profile in known:
        of_signals = signals | _titled([_signals(profile)])
        of_signals |= {profile.load: _words(_LOAD)} if profile.load else {}
        of_states = states | _titled([_states(profile)])
        every |= {name: of_signals.get(name, _named(name)) for name in profile.signals}
        every |= {one.name: _title(one, of_signals, of_states) for one in profile.daily_features}
    return every


def without_words(profile: Profile, profiles: Iterable[Profile]) -> list[str]:
    """The signals and states of `profile` that people read by their bare names."""
    known = list(profiles)
    signals, states = _titled(_signals(one) for one in known), _titled(_states(one) for one in known)
    untitled = [name for name in _signals(profile) if name not in signals]
    return untitled + [name for name in _states(profile) if name not in states]


def _titled(each: Iterable[Mapping[str, Title | None]]) -> dict[str, Words]:
    """Name -> words, of the first that has some."""
    found: dict[str, Words] = {}
    for titles in each:
        for name, title in titles.items():
            if title is not None:
                found.setdefault(name, _words(title))
    return found


def _signals(profile: Profile) -> Mapping[str, Title | None]:
    return {name: signal.title for name, signal in profile.signals.items()}


def _states(profile: Profile) -> Mapping[str, Title | None]:
    return {name: state.title for name, state in profile.states.named.items()} if profile.states else {}


def _title(feature: Feature, signals: Mapping[str, Words], states: Mapping[str, Words]) -> Words:
    what = _measured(feature, signals)
    if feature.state is None:
        patterns = _OF_RUNS[feature.statistic] if what is None else _OF_SIGNALS[feature.statistic]
        return _filled(patterns, *([what] if what else []))
    where = states.get(feature.state, _named(feature.state))
    return (
        _filled(_OF_STAYS[feature.statistic], where)
        if what is None
        else _filled(_OF_STATES[feature.statistic], what, where)
    )


def _measured(feature: Feature, signals: Mapping[str, Words]) -> Words | None:
    """The words of its signal, or of the difference of two; None where it is of runs or stays."""
    if feature.signal is None or feature.statistic is S.STARTS:
        return None
    one = signals.get(feature.signal, _named(feature.signal))
    if feature.minus is None:
        return one
    other = signals.get(feature.minus, _named(feature.minus))
    return {language: less.format(one[language], other[language]) for language, less in _LESS.items()}


def _filled(patterns: tuple[str, str], *words: Words) -> Words:
    each = zip(("en", "zh"), patterns, strict=True)
    return {language: pattern.format(*(one[language] for one in words)) for language, pattern in each}


def _words(title: Title) -> Words:
    return {"en": title.en, "zh": title.zh}


def _named(name: str) -> Words:
    return {"en": name.replace("_", " "), "zh": name.replace("_", " ")}
