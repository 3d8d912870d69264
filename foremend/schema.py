"""What every settings class builds on: unknown keys refused, values frozen, durations and units readable.

Each stage keeps its own settings beside what they configure; `foremend.config` only puts them together.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from foremend.errors import ConfigError

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")


class Strict(BaseModel):
    """Settings that refuse unknown keys and cannot change after loading.

    Defaults are validated like what is written, so that a default path too starts at the settings file's folder.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, revalidate_instances="always"
    )

    @model_validator(mode="before")
    @classmethod
    def _knows_every_key(cls, data: Any) -> Any:
        """Refuses unknown keys before any other check, naming the key that was probably meant."""
        if isinstance(data, dict):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            unknown = [str(key) for key in data if key not in known]
            if unknown:
                sentence = "; ".join(_unknown_key(key, known) for key in unknown)
                raise PydanticCustomError("unknown_key", "{sentence}", {"sentence": sentence})
        return data


def _unknown_key(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    meant = f"did you mean '{near[0]}'?" if near else f"known keys are {', '.join(known)}"
    return f"unknown key '{key}': {meant}"


def parse_yaml(text: str) -> Any:
    """What `text` says. Raises yaml.YAMLError. libyaml, where PyYAML was built with it, reads ten times as fast."""
    return yaml.load(text, Loader=_LOADER)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError when it cannot be read, is not YAML or not a mapping."""
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold keys with values, not a {type(data).__name__}")
    return data


Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], data: object, source: str, folder: Path | None = None) -> Model:
    """`data`, as read from `source`, as a `model`; paths in it are taken from `folder` (else the current one).

    Raises ConfigError with one line per mistake: the source, the path of the key, what is wrong.
    """
    try:
        return model.model_validate(data, context={"folder": folder or Path.cwd()})
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(detail, source) for detail in error.errors())) from error


def _sentence(detail: ErrorDetails, source: str) -> str:
    where = _key_path(detail["loc"])
    what = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return f"{source}: {where}: {what}" if where else f"{source}: {what}"


def _key_path(loc: Iterable[int | str]) -> str:
    """('book', 0, '<signal>', 'above') -> 'book[0].above': names in angle brackets are a union's, not the file's."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("<"):
            path += f".{part}" if path else part
    return path


def parse_duration(value: object) -> object:
    """'10 min' -> 600000 (ms). Anything that is not such text is left for pydantic to judge.

    Raises ValueError when text is not a number followed by ms, s, min, h or d.
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration: write for example '90 s', '10 min', '2 h' or '3 d'")
    return round(float(match[1]) * _UNIT_MS[match[2]])


DurationMs = Annotated[int, BeforeValidator(parse_duration)]
"""A duration in ms, written in YAML as '10 min'."""


def _from_settings_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return folder / path if folder else path


SettingsPath = Annotated[Path, AfterValidator(_from_settings_folder)]
"""A path written in a settings file: relative ones start at that file's folder."""


def _kebab(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"'{name}' is not a name: use lower case letters and digits with single dashes, like refrigerant-leak"
        )
    return name


KebabName = Annotated[str, AfterValidator(_kebab)]
"""The name of a fault, a rule or an appliance model."""


def secret(setting: str, env: str | None, file: Path | None) -> str:
    """What `<setting>_file` (its first line, if `file` is given) or the variable of `<setting>_env` holds.

    `setting` is the path of the key, as in storage.influx.token. Raises ConfigError when nothing is there.
    """
    if file is None:
        found, where = os.environ.get(str(env), ""), f"{setting}_env: {env}"
    else:
        where = f"{setting}_file: {file}"
        try:
            found = file.read_text(encoding="utf-8").partition("\n")[0].strip()
        except OSError as error:
            raise ConfigError(f"{where} cannot be read: {error.strerror}") from error
    if not found:
        raise ConfigError(f"{where} holds no {setting.rpartition('.')[2]}")
    return found
