"""Draw what the simulators do: `python -m simulators.figures --out docs/figures/simulators`.

One figure per fault, ill appliances against their healthy twins over the fault's course, and one of simulated
refrigerators against the real ones of Tracebase.
"""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import ConfigError, ForemendError, MissingExtraError
from foremend.vocabulary.types import MS_PER_DAY
from simulators.base import Floats, Physics
from simulators.categories import PHYSICS
from simulators.figures.behaviour import measure
from simulators.figures.compare import Cycles, cycle_distributions, read_tracebase
from simulators.figures.twins import Setting, faulty, healthy, of_day
from simulators.fleet.faults import FaultCourse

TRACEBASE = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "tracebase"
PAIRS = {"rf-140": "B83B9E", "rf-260": "D331DA"}
"""Simulated refrigerator -> the Tracebase one of about its power."""
ONSET_DAY, AFTER_DAYS, LONGEST_DAYS = 6, 2, 60
MOST_PANELS = 3
COLOURS = 24  # of a PNG; enough for lines and grey letters
_MODELS = {"refrigerator": "rf-260", "washing-machine": "wm-10", "water-heater": "wh-60"}
_MINUTES = {"run_length", "pause_length", "fill_time", "heat_time", "drain_time", "spin_up_time"}
_UNITS = {
    "starts_per_day": "per day",
    "duty": "share",
    "energy_per_day": "Wh",
    "compressor_starts": "per day",
}


@dataclass(frozen=True, slots=True)
class Story:
    """One fault from before its onset to after its failure, in numbers of each day."""

    appliance_model: str
    course: FaultCourse
    names: tuple[str, ...]
    units: tuple[str, ...]
    usual: Floats  # (names, days)
    ill: Floats  # (names, days)
    start_ms: int


def tell(fault: str) -> Story:
    """Simulate eight twins through the usual course of `fault`, at most LONGEST_DAYS long."""
    physics, model = _who(fault)
    course = _course(physics, fault, Setting().start_ms)
    last_day = (course.full - Setting().start_ms) // MS_PER_DAY
    setting = Setting(count=8, days=int(last_day) + AFTER_DAYS, start=date(2026, 7, 6), region="guangzhou")
    names = tuple(load_catalogue()[fault].signals)[:MOST_PANELS]
    units = {signal.name: signal.unit for signal in physics.signals} | _UNITS | dict.fromkeys(_MINUTES, "min")
    ill = faulty(
        model, fault, lambda day: course.severity(setting.start_ms + round(day * MS_PER_DAY)), setting
    )
    return Story(
        appliance_model=model,
        course=course,
        names=names,
        units=tuple(units[name] for name in names),
        usual=_daily(physics, names, healthy(model, setting), setting.days),
        ill=_daily(physics, names, ill, setting.days),
        start_ms=setting.start_ms,
    )


def _who(fault: str) -> tuple[Physics, str]:
    physics = next(physics for physics in PHYSICS if fault in physics.faults)
    return physics, _MODELS.get(physics.category, physics.models[0])


def _course(physics: Physics, fault: str, start_ms: int) -> FaultCourse:
    """The middle of the fault's usual courses."""
    effect = physics.faults[fault]
    onset = start_ms + ONSET_DAY * MS_PER_DAY
    days = min(LONGEST_DAYS, sum(effect.days) / 2.0)
    return FaultCourse(
        row=0,
        fault=fault,
        growth=effect.growth,
        onset=onset,
        full=onset + round(days * MS_PER_DAY),
        shape=1.0,
        reach=1.0,
        sign_at=effect.sign_at,
        slots_seed=1,
    )


def _daily(physics: Physics, names: Sequence[str], signals: dict[str, Floats], days: int) -> Floats:
    """(names, days); a day without a value (a motor that never ran) is NaN."""
    parts = [of_day(signals, day, physics.sample_s) for day in range(days)]
    return np.array(
        [[measure(physics.category, name, part, physics.sample_s) for part in parts] for name in names]
    )


def draw_story(plot: Any, story: Story) -> Any:
    """A matplotlib figure: a panel per documented symptom, ill in red over healthy in grey."""
    figure, axes = plot.subplots(
        len(story.names), 1, figsize=(6.0, 1.1 + 1.25 * len(story.names)), sharex=True, squeeze=False
    )
    for k, axis in enumerate(axes[:, 0]):
        axis.plot(story.usual[k], color="0.55", linewidth=1.5, label="healthy twin")
        axis.plot(story.ill[k], color="tab:red", linewidth=1.5, label=story.course.fault)
        axis.set_ylabel(f"{story.names[k]}\n{story.units[k]}", fontsize=8)
        for when, style in _moments(story):
            axis.axvline(when, color="0.3", linestyle=style, linewidth=0.8)
    axes[0, 0].legend(fontsize=7, loc="best")
    axes[0, 0].set_title(
        f"{story.course.fault} ({story.appliance_model}): onset :, first sign --, failure -", fontsize=9
    )
    axes[-1, 0].set_xlabel("day", fontsize=8)
    figure.tight_layout()
    return figure


def _moments(story: Story) -> Iterator[tuple[float, str]]:
    course = story.course
    for when, style in ((course.onset, ":"), (course.first_sign, "--"), (course.failure, "-")):
        if when is not None:
            yield (when - story.start_ms) / MS_PER_DAY, style


def simulated_cycles(appliance_model: str) -> list[Cycles]:
    """Healthy refrigerators in heated homes in winter and in warm ones in summer, one entry each."""
    winter = Setting(count=12, days=6, start=date(2026, 1, 12), region="berlin")
    summer = Setting(count=12, days=6, start=date(2026, 7, 6), region="shanghai")
    powers = [healthy(appliance_model, setting)["power"][:, 1_440:] for setting in (winter, summer)]
    seconds = 60.0 * np.arange(powers[0].shape[1], dtype=np.float64)
    return [cycle_distributions(seconds, row) for power in powers for row in power]


def real_cycles(folder: Path, device: str) -> list[Cycles]:
    """One entry per traced day of `device`. Raises ConfigError where the data is absent."""
    paths = sorted(folder.glob(f"dev_{device}_*.csv.gz"))
    if not paths:
        raise ConfigError(
            f"no Tracebase traces of {device} in {folder}: the comparison with real refrigerators is left out"
        )
    return [cycle_distributions(*read_tracebase(path)) for path in paths]


def draw_comparison(plot: Any, groups: Mapping[str, Sequence[Cycles]]) -> Any:
    """Cumulative distributions of run and pause lengths, starts a day and duty; an entry of `groups` is a line.

    Groups come in pairs, simulated and real, that share a colour; real ones are dashed.
    """
    figure, axes = plot.subplots(2, 2, figsize=(7.0, 4.6))
    for k, (label, group) in enumerate(groups.items()):
        style = {"color": f"C{k // 2}", "linestyle": "--" if k % 2 else "-", "label": label}
        for axis, (name, values) in zip(axes.flat, _samples(group).items(), strict=True):
            share = np.arange(1, len(values) + 1) / len(values)
            axis.step(np.sort(values), share, where="post", **style)
            axis.set_xlabel(name, fontsize=8)
    axes[0, 0].legend(fontsize=7, loc="lower right")
    axes[0, 0].set_xlim(0.0, 30.0)
    axes[0, 1].set_xlim(0.0, 120.0)
    axes[0, 0].set_ylabel("share below", fontsize=8)
    axes[1, 0].set_ylabel("share below", fontsize=8)
    figure.tight_layout()
    return figure


def _samples(group: Sequence[Cycles]) -> dict[str, Floats]:
    return {
        "run length, min": np.concatenate([cycles.runs for cycles in group]),
        "pause length, min": np.concatenate([cycles.pauses for cycles in group]),
        "starts a day": np.array([cycles.starts_per_day for cycles in group]),
        "duty": np.array([cycles.duty for cycles in group]),
    }


def save(figure: Any, path: Path) -> None:
    """Write a small PNG: 70 dots an inch and a palette of COLOURS."""
    raw = io.BytesIO()
    figure.savefig(raw, dpi=70, format="png")
    image = importlib.import_module("PIL.Image").open(raw).convert("RGB")
    image.quantize(COLOURS).save(path, optimize=True)


def load_pyplot() -> Any:
    """matplotlib.pyplot without a screen. Raises MissingExtraError where matplotlib is not installed."""
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ModuleNotFoundError as error:
        raise MissingExtraError("drawing figures", "figures") from error
    matplotlib.use("Agg")
    return importlib.import_module("matplotlib.pyplot")


def draw_all(out: Path, tracebase: Path, faults: Sequence[str]) -> Iterator[str]:
    """Draw into `out`, made if need be; yields a sentence for each figure, and for the one it must leave out."""
    plot = load_pyplot()
    out.mkdir(parents=True, exist_ok=True)
    for fault in faults:
        figure = draw_story(plot, tell(fault))
        save(figure, out / f"{fault}.png")
        plot.close(figure)
        yield f"{fault}.png"
    try:
        groups = _comparison(tracebase)
    except ConfigError as error:
        yield str(error)
        return
    figure = draw_comparison(plot, groups)
    save(figure, out / "tracebase.png")
    plot.close(figure)
    yield "tracebase.png"


def _comparison(tracebase: Path) -> dict[str, list[Cycles]]:
    groups: dict[str, list[Cycles]] = {}
    for model, device in PAIRS.items():
        real = real_cycles(tracebase, device)
        groups |= {f"simulated {model}": simulated_cycles(model), f"Tracebase {device}": real}
    return groups


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulators.figures", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the PNG files")
    parser.add_argument("--tracebase", type=Path, default=TRACEBASE, help="folder with the Tracebase traces")
    parser.add_argument(
        "--fault", action="append", choices=_all_faults(), help="only this one; may be repeated"
    )
    return parser.parse_args(words)


def _all_faults() -> list[str]:
    return list(dict.fromkeys(fault for physics in PHYSICS for fault in physics.faults))


def main(words: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    arguments = _arguments(words)
    try:
        for line in draw_all(arguments.out, arguments.tracebase, arguments.fault or _all_faults()):
            sys.stdout.write(f"{line}\n")
    except ForemendError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"cannot write to {arguments.out}: {error.strerror or error}\n")
        return ConfigError.exit_code
    return 0
