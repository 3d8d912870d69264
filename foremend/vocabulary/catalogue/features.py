"""Features in words: `power_on_mean` -> 'power while running' / '运行功率', composed from the parts of the name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from foremend.vocabulary.profiles import Profile, State

_SIGNALS = {
    "power": ("power", "功率"),
    "current": ("current", "电流"),
    "voltage": ("supply voltage", "供电电压"),
    "cabinet_temp": ("cabinet temperature", "冷藏室温度"),
    "freezer_temp": ("freezer temperature", "冷冻室温度"),
    "evaporator_temp": ("evaporator temperature", "蒸发器温度"),
    "ambient_temp": ("ambient temperature", "环境温度"),
    "room_temp": ("room temperature", "室内温度"),
    "outdoor_temp": ("outdoor temperature", "室外温度"),
    "set_point": ("set point", "设定温度"),
    "indoor_coil_temp": ("indoor coil temperature", "室内盘管温度"),
    "outdoor_coil_temp": ("outdoor coil temperature", "室外盘管温度"),
    "discharge_temp": ("discharge temperature", "排气温度"),
    "compressor_speed": ("compressor speed", "压缩机频率"),
    "indoor_fan_speed": ("indoor fan speed", "室内风机转速"),
    "indoor_fan_target": ("indoor fan target speed", "室内风机目标转速"),
    "outdoor_fan_speed": ("outdoor fan speed", "室外风机转速"),
    "module_temp": ("inverter board temperature", "变频模块温度"),
    "mode": ("mode", "运行模式"),
    "water_level": ("water level", "水位"),
    "drum_speed": ("drum speed", "滚筒转速"),
    "oil_temp": ("oil temperature", "油温"),
    "pressure": ("pressure", "压力"),
    "vibration": ("vibration", "振动"),
    "water_temp": ("water temperature", "水温"),
    "programme_phase": ("programme phase", "程序阶段"),
    "inlet_temp": ("inlet temperature", "进水温度"),
    "flow": ("water flow", "水流量"),
    "tank_temp": ("tank temperature", "水箱温度"),
    "energy": ("energy", "用电量"),
    "water_alarm": ("water alarm", "水位报警"),
    "door_openings": ("door openings", "开门次数"),
}
_STATISTICS = {
    "mean": ("mean {}", "平均{}"),
    "std": ("spread of {}", "{}波动"),
    "min": ("lowest {}", "最低{}"),
    "max": ("highest {}", "最高{}"),
    "on_mean": ("{} while running", "运行时{}"),
    "off_mean": ("{} while resting", "停机时{}"),
    "coverage": ("share of the day with {}", "{}数据占比"),
}
_CYCLES = {
    "coverage": ("share of the day heard from", "数据占比"),
    "compressor_starts": ("compressor starts", "压缩机启动次数"),
    "duty": ("share of time running", "运行时间占比"),
    "starts_per_hour": ("starts per hour", "每小时启动次数"),
    "longest_run_s": ("longest run without stopping, s", "最长连续运行(秒)"),
    "run_mean_s": ("mean run, s", "平均运行时长(秒)"),
    "run_std_s": ("spread of runs, s", "运行时长波动(秒)"),
    "pause_mean_s": ("mean pause, s", "平均停机时长(秒)"),
    "pause_std_s": ("spread of pauses, s", "停机时长波动(秒)"),
    "on_power": ("power level of a run", "运行功率水平"),
    "inrush_peak": ("start-up peak", "启动峰值"),
}


_STAYS = {
    "share": ("share of time {}", "{}时间占比"),
    "visits": ("times a day {}", "每日{}次数"),
    "visit_mean_s": ("mean time {}, s", "{}平均时长(秒)"),
    "visit_least_s": ("shortest time {}, s", "{}最短时长(秒)"),
}
_MEASURES = {
    "": ("{} {}", "{1}{0}"),
    "_peak": ("highest {} {}", "{1}最高{0}"),
    "_low": ("lowest {} {}", "{1}最低{0}"),
    "_range": ("range of {} {}", "{1}{0}波动范围"),
    "_rate": ("change of {} a minute {}", "{1}{0}每分钟变化"),
}
_LESS = ("{} above {}", "{}与{}之差")


def feature_titles(profiles: Iterable[Profile]) -> Mapping[str, Mapping[str, str]]:
    """Feature -> language -> words, for every feature that the stream gives of a known signal of `profiles`."""
    titles = {name: _pair(words) for name, words in {**_CYCLES, **_SIGNALS}.items()}
    for signal, (en, zh) in _SIGNALS.items():
        for statistic, (in_english, in_chinese) in _STATISTICS.items():
            titles[f"{signal}_{statistic}"] = _pair((in_english.format(en), in_chinese.format(zh)))
    for profile in profiles:
        for name, state in profile.states.named.items() if profile.states else ():
            titles |= dict(_of_state(name, state))
    return titles


def _of_state(name: str, state: State) -> Iterator[tuple[str, dict[str, str]]]:
    where = state.title.en, state.title.zh
    for what, words in _STAYS.items():
        yield (
            f"{name}_{what}",
            _pair(tuple(text.format(in_it) for text, in_it in zip(words, where, strict=True))),
        )
    for suffix, expression in state.measures:
        feature = f"{name}_{expression.replace(' - ', '_less_')}{suffix}"
        texts = zip(_MEASURES[suffix], _words(expression), where, strict=True)
        yield feature, _pair(tuple(text.format(what, in_it) for text, what, in_it in texts))


def _words(expression: str) -> tuple[str, ...]:
    """The words of a signal, or of the difference of two."""
    signals = [_SIGNALS.get(name, (name, name)) for name in expression.split(" - ")]
    if len(signals) == 1:
        return signals[0]
    return tuple(less.format(a, b) for less, a, b in zip(_LESS, *signals, strict=True))


def _pair(words: tuple[str, ...]) -> dict[str, str]:
    return {"en": words[0], "zh": words[1]}
