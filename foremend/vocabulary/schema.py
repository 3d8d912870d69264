"""What every settings class builds on: unknown keys refused, values frozen, durations and units readable.

Each stage keeps its own settings beside what they configure; `foremend.config` only puts them together.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

from foremend.vocabulary.errors import ConfigError

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNKNOWN_KEY = "unknown_key"
_QUOTED = re.compile(r"'([^']+)'")
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
                raise PydanticCustomError(_UNKNOWN_KEY, "{sentence}", {"sentence": sentence, "keys": unknown})
        return data


def _unknown_key(key: str, known: Sequence[str]) -> str:
    return f"unknown key '{key}': {_meant(key, known, 'keys ')}"


def _meant(word: str, known: Sequence[str], what: str = "") -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"known {what}are {', '.join(known)}"


def parse_yaml(text: str) -> Any:
    """What `text` says. Raises yaml.YAMLError, for a key that stands twice at one place, too.

    libyaml, where PyYAML was built with it, reads ten times as fast.
    """
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        _refuse_repeated_keys(node, set())
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_repeated_keys(node: yaml.Node | None, seen: set[int]) -> None:
    """PyYAML would take the last one and drop the others, with all that is below them, without a word."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[tuple[str, str], int] = {}
    for item in node.value:
        key, value = item if isinstance(item, tuple) else (None, item)
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if (first := lines.get((key.tag, key.value))) is not None:
                raise yaml.YAMLError(
                    f"'{key.value}' stands there twice, on lines {first} and {line}: put both under one"
                )
            lines[key.tag, key.value] = line
        _refuse_repeated_keys(value, seen)


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


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with what was written: the keys that lead to it, and a sentence."""

    keys: tuple[int | str, ...]
    what: str
    is_unknown_key: bool = False

    @property
    def where(self) -> str:
        """`rules.book[0].when`; empty where it is the whole."""
        return _key_path(self.keys)

    def said_of(self, source: str) -> str:
        return ": ".join(part for part in (source, self.where, self.what) if part)


def examined(
    model: type[Model], data: object, folder: Path | None = None
) -> tuple[Model | None, list[Mistake]]:
    """`data` as a `model`, with everything wrong with it; None where more is wrong than keys that nobody knows.

    Such keys are told and then left out, so that they hide nothing. Paths start at `folder` (else the current one).
    """
    found: list[Mistake] = []
    while True:
        try:
            return model.model_validate(data, context={"folder": folder or Path.cwd()}), found
        except ValidationError as error:
            details = error.errors()
        unknown = [detail for detail in details if detail["type"] == _UNKNOWN_KEY]
        found += [Mistake(detail["loc"], _words(detail), bool(unknown)) for detail in unknown or details]
        if not unknown:
            return None, found
        before = data
        for detail in unknown:
            data = without(data, detail["loc"], detail["ctx"]["keys"])
        if data == before:
            return None, found


def validated(model: type[Model], data: object, source: str, folder: Path | None = None) -> Model:
    """As `examined`, for what was read from `source`. Raises ConfigError with one line per mistake."""
    made, mistakes = examined(model, data, folder)
    if made is None or mistakes:
        raise ConfigError("\n".join(mistake.said_of(source) for mistake in mistakes))
    return made


def without(data: Any, keys: Sequence[int | str], unwanted: Iterable[int | str]) -> Any:
    """A copy of `data` that lacks the `unwanted` keys or places below `keys`; names of a union's members are passed."""
    if isinstance(data, dict):
        if keys:
            more = {keys[0]: without(data[keys[0]], keys[1:], unwanted)} if keys[0] in data else {}
            return data | more if more else without(data, keys[1:], unwanted)
        return {key: value for key, value in data.items() if str(key) not in map(str, unwanted)}
    if isinstance(data, list):
        if keys:
            at = keys[0]
            return [
                without(item, keys[1:], unwanted) if place == at else item for place, item in enumerate(data)
            ]
        return [item for place, item in enumerate(data) if place not in unwanted]
    return data


def _words(detail: ErrorDetails) -> str:
    if detail["type"] == "union_tag_not_found":
        return f"say of which kind it is, by the key {detail['ctx']['discriminator']}"
    if detail["type"] == "union_tag_invalid":
        key, kind, kinds = (detail["ctx"][name] for name in ("discriminator", "tag", "expected_tags"))
        return f"{key}: there is no '{kind}': {_meant(kind, _QUOTED.findall(kinds))}"
    return detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")


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
