"""Whose device it is, and its values as signals of the appliance's profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan
from operator import neg
from typing import NamedTuple

from foremend.vocabulary.errors import ConfigError, InputError
from ingest.canonical import CanonicalPayload
from ingest.decoders.plain import plain
from ingest.decoders.rising import Rising
from ingest.paths import Path, look_up, names_of, parse_path
from ingest.settings import DeviceSettings
from ingest.units import SAME, Conversion, conversion, is_temperature, quantity_of
from ingest.values import ApplianceKey, SignalSpec, SignalSpecs, slack

Parts = tuple[object, ...]
"""A signal's values on the wire, which are added up; mostly one."""

_SIGNS: Mapping[str, Callable[[float], float]] = {"as-is": float, "reversed": neg, "absolute": abs}
_LARGE = 10**300  # integers beyond are no floating point numbers


class _Rule(NamedTuple):
    """What a number on the wire is in, and what its sensor can tell."""

    wire: str
    wanted: str  # the profile's unit
    conversion: Conversion
    sign: str
    least: float
    most: float
    as_it_is: bool  # a number on the wire is the signal's
    rises: bool  # it is a running total of energy, in Wh once converted, and wanted is power


class DeviceMap:
    """The settings of one kind of device against the profiles of the appliances it is attached to.

    Raises ConfigError where they name an appliance model without profile, a signal that none of the models has, or
    a unit that cannot become the profile's.
    """

    def __init__(
        self, settings: DeviceSettings, signals: SignalSpecs, payloads: Mapping[str, CanonicalPayload]
    ) -> None:
        self._settings = settings
        self._payloads = payloads
        self._paths = {
            name: tuple(map(parse_path, source.paths)) for name, source in settings.signals.items()
        }
        self._members = [
            (name, names_of(paths[0]) if len(paths) == 1 else None, paths)
            for name, paths in self._paths.items()
        ]
        self._rules = {model: _rules(model, settings, signals) for model in _models(settings)}
        self.rising = Rising()
        self._blank = {model: dict.fromkeys(signals[model], nan) for model in self._rules}
        nowhere = set(settings.signals).difference(*self._rules.values())
        if nowhere:
            raise ConfigError(
                f"signals: {', '.join(sorted(nowhere))} is no signal of {', '.join(self._rules)}"
            )

    def names(self, device: str) -> bool:
        """Whether the settings list `device`."""
        return device in self._settings.appliances

    def appliance(self, device: str) -> ApplianceKey | None:
        """The appliance that `device` is attached to, None where these settings do not cover it.

        Its id is the device's name where it is not listed, whether or not that can be one.
        """
        ref = self._settings.appliances.get(device)
        if ref is not None:
            return ApplianceKey(ref.appliance_model, ref.appliance_id)
        if self._settings.appliance_model is None:
            return None
        return ApplianceKey(self._settings.appliance_model, device)

    def look(self, document: Mapping[str, object]) -> dict[str, Parts]:
        """What stands in `document` where the settings look for each signal."""
        found: dict[str, Parts] = {}
        for signal, names, paths in self._members:
            if names is None:
                found[signal] = tuple([_at(document, path) for path in paths])
                continue
            value: object = document
            for name in names:
                value = value.get(name) if type(value) is dict else None
            found[signal] = (_at(document, paths[0]) if type(value) is list else value,)
        return found

    def signals(
        self, appliance: ApplianceKey, raw: Mapping[str, Parts], time: int, temperature: str | None = None
    ) -> tuple[dict[str, float], dict[str, str]]:
        """`raw` values in the profile's units, NaN for signals they lack; and bad signal -> why.

        `time` is theirs, ms UTC, `temperature` the unit of temperatures where the payload says it. A signal is bad
        where a value is no number or outside what it can measure: that costs itself alone. About 0.4 us a signal.
        """
        rules = self._rules[appliance.appliance_model]
        values = self._blank[appliance.appliance_model].copy()
        odd: dict[str, str] = {}
        for name, parts in raw.items():
            rule = rules.get(name)
            if rule is None:
                continue
            part = parts[0]
            if rule.as_it_is and type(part) is float and rule.least <= part <= rule.most:
                values[name] = part
                continue
            value = _combined(parts, rule, temperature)
            if rule.rises and type(value) is float:
                value = self.rising.power(f"{appliance.appliance_id} {name}", time, value)
            if value is None:
                continue
            if type(value) is float and rule.least <= value <= rule.most:
                values[name] = value
            else:
                odd[name] = self._why(appliance, name, value)
        return values, odd

    def _why(self, appliance: ApplianceKey, name: str, value: object) -> str:
        """What is wrong with it, in the words of our own contract."""
        if isinstance(value, InputError):
            return str(value)
        return self._payloads[appliance.appliance_model].signals({name: value})[1].get(name, f"{name}: bad")


def _models(settings: DeviceSettings) -> list[str]:
    models = {ref.appliance_model for ref in settings.appliances.values()}
    return sorted(models | ({settings.appliance_model} if settings.appliance_model else set()))


def _rules(model: str, settings: DeviceSettings, signals: SignalSpecs) -> dict[str, _Rule]:
    """Of those signals of the settings that `model` has."""
    if model not in signals:
        raise ConfigError(f"appliance model '{model}' has no profile; there are {', '.join(sorted(signals))}")
    return {
        name: rule_of(source.unit, source.sign, len(source.paths), signals[model][name])
        for name, source in settings.signals.items()
        if name in signals[model]
    }


def rule_of(unit: str, sign: str, paths: int, spec: SignalSpec) -> _Rule:
    """Raises ConfigError where what is in `unit` cannot become what the signal is in."""
    rises = is_total_of(unit, spec.unit)
    convert = conversion(unit, "Wh" if rises else spec.unit)
    if rises:  # W are Wh an hour
        convert = Conversion(convert.scale * conversion("W", spec.unit).scale, 0.0)
    as_it_is = convert == SAME and sign == "as-is" and paths == 1 and not is_temperature(unit)
    return _Rule(unit, spec.unit, convert, sign, spec.min - slack(spec), spec.max, as_it_is, rises)


def is_total_of(unit: str, wanted: str) -> bool:
    """Whether what is in `unit` is energy, of which a signal in `wanted` is the power."""
    return quantity_of(unit) == "energy" and quantity_of(wanted) == "power"


def _at(document: object, path: Path) -> object:
    try:
        return look_up(document, path)
    except InputError as error:  # an array where one value is looked for
        return error


def _combined(parts: Parts, rule: _Rule, temperature: str | None) -> object:
    """The sum of `parts` in the profile's unit; None where one is absent, what is no number as it is."""
    total = 0.0
    for part in parts:
        value = part if type(part) is float and part == part else plain(part)
        if type(value) is int and -_LARGE <= value <= _LARGE:
            value = float(value)
        if type(value) is not float:
            return value  # for the check to refuse, by name
        total += value
    convert = rule.conversion
    if temperature is not None and is_temperature(rule.wire):
        convert = conversion(temperature, rule.wanted)
    return _SIGNS[rule.sign](convert.apply(total))
