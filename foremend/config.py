"""config.yaml and the profiles -> validated settings. Reads files, opens no socket, starts nothing.

Every stage keeps its settings beside what they configure; here they are only put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from socket import gethostname
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from alerts.access.openid_settings import OpenIdSettings
from alerts.settings import AlertsSettings
from foremend.history.influx_settings import InfluxSettings
from foremend.history.parquet_settings import ParquetSettings
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import (
    DurationMs,
    Mistake,
    SettingsPath,
    Strict,
    examined,
    read_yaml,
    validated,
    without,
)
from ingest.mqtt.settings import MqttSettings
from ingest.settings import IngestSettings
from models.settings import ModelsSettings
from rules.examples import Example
from rules.settings import RulesSettings

_PACKAGE = Path(__file__).parent
_SHIPPED = (_PACKAGE / "config.yaml", _PACKAGE.parent / "config.yaml")  # in a wheel; in a clone


HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", max_length=253)]
"""Without scheme and port."""


def _network(text: str) -> str:
    """What compares no address would be believed by nobody, in silence."""
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}: write a gateway's address, or a network as 10.0.0.0/8") from None
    return text


class ServiceSettings(Strict):
    """Where the page and the API listen, under which names, and who is let in without saying who it is."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)  # 0: any free port
    names: tuple[HostName, ...] = ()
    """What people and programs call it by, beside `host` and this machine's own; any other name is refused."""
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/#?]+$", max_length=300)] | None = None
    """As people reach it, for links: `https://foremend.example.com`; else by the first of `names`, or `host`."""
    login: Literal["auto", "always"] = "auto"
    """`auto`: who sits at this machine needs none, as long as `host` is this machine alone."""
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Addresses of gateways whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    openid: OpenIdSettings | None = None
    """An organisation's own login, beside names and passwords."""
    requests_per_second: float = Field(default=50.0, gt=0)  # of one address, and of one token
    story: SettingsPath | None = None  # a file that the demo writes, told above the page


def address_of(settings: ServiceSettings) -> str:
    """Where people reach the page, without a slash at its end."""
    if settings.public_url:
        return settings.public_url
    is_any = settings.host in ("0.0.0.0", "::")
    name = settings.names[0] if settings.names else gethostname() if is_any else settings.host
    return f"http://{f'[{name}]' if ':' in name else name}:{settings.port}"


def link_to(settings: ServiceSettings, secret: str) -> str:
    """A one-time link. What is behind `#` no browser sends, so that no log of a gateway has it."""
    return f"{address_of(settings)}/login.html#link={secret}"


class StorageSettings(Strict):
    """Where everything that must survive a restart is kept: journal, database, history, trained models."""

    folder: SettingsPath = Path("var")
    checkpoint_every: DurationMs = Field(default=15_000, ge=100)  # a restart replays at most about this much
    rest_after: DurationMs = Field(
        default=30 * 86_400_000, ge=86_400_000
    )  # silent for so long: out of memory
    most_strangers: int = Field(
        default=10_000, ge=100
    )  # in memory, of each model, heard of for less than an hour
    history: Literal["parquet", "influx"] = "parquet"  # parquet: under `folder`
    parquet: ParquetSettings = Field(default_factory=ParquetSettings)
    influx: InfluxSettings | None = None

    @model_validator(mode="after")
    def _has_what_history_needs(self) -> Self:
        if (self.history == "influx") != (self.influx is not None):
            raise ValueError("history: influx and the settings under influx: go together")
        if self.history == "influx" and "parquet" in self.model_fields_set:
            raise ValueError("parquet: is for history: parquet; for InfluxDB set influx.retention")
        return self


class ProfilesSettings(Strict):
    """Folders with profiles beside the bundled ones; a later one replaces a name of an earlier one."""

    folders: tuple[SettingsPath, ...] = ()


class Settings(Strict):
    """Everything an operator can set. Every key has a default; unknown keys are refused."""

    service: ServiceSettings = Field(default_factory=ServiceSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    profiles: ProfilesSettings = Field(default_factory=ProfilesSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    ingest: IngestSettings = Field(default_factory=IngestSettings)
    models: ModelsSettings = Field(default_factory=ModelsSettings)
    rules: RulesSettings = Field(default_factory=RulesSettings)
    alerts: AlertsSettings = Field(default_factory=AlertsSettings)
    examples: tuple[Example, ...] = ()  # cases that tests run: given windows, expect findings


@dataclass(frozen=True, slots=True)
class Written:
    """What a settings file says, as far as it can be used: what is wrong is told in `mistakes` and left out."""

    file: Path
    data: dict[str, Any]
    settings: Settings
    mistakes: tuple[Mistake, ...]
    left_out: frozenset[str]
    """Paths of the keys and lists that miss something."""
    places: Mapping[str, Sequence[int]]
    """Of such a list, where its items stand in the file."""

    def place(self, key: str, index: int) -> int:
        """Where in the file the item `index` of the list `key` stands."""
        return self.places[key][index] if key in self.places else index


def load_settings(path: Path | None = None) -> Settings:
    """The settings in `path`; without one, those of ./config.yaml or else of the file Foremend ships.

    With `extends: shipped` in it, each section that it lacks is the one of the file Foremend ships. Relative paths in
    a named file start at its folder, otherwise at the current one. Raises ConfigError with one line per mistake: the
    file, the key's path, what is wrong and, for an unknown key, the one probably meant.
    """
    file, folder, data = _read(path)
    return validated(Settings, data, str(file), folder)


def read_settings(path: Path | None) -> Written:
    """As `load_settings`, but what is wrong hides nothing else. Raises ConfigError where the file cannot be read."""
    file, folder, data = _read(path)
    settings, mistakes = examined(Settings, data, folder)
    now, spots, places = mistakes, set[str](), dict[str, list[int]]()
    sound: Any = data
    while settings is None:
        sound = _pruned(sound, now, spots, places)
        settings, now = examined(Settings, sound, folder)
    return Written(file, data, settings, tuple(mistakes), frozenset(spots), places)


def shipped() -> dict[str, Any]:
    """What the file says that Foremend ships."""
    return read_yaml(_shipped())


def _read(path: Path | None) -> tuple[Path, Path, dict[str, Any]]:
    """The file, the folder its paths start at, and what it says."""
    file = path or _found()
    folder = path.resolve().parent if path else Path.cwd()
    data = read_yaml(file)
    extends = data.pop("extends", None)
    if extends not in (None, "shipped"):
        raise ConfigError(f"{file}: extends: {extends!r}: the only file to extend is 'shipped'")
    return file, folder, shipped() | data if extends else data


def _pruned(
    data: dict[str, Any], mistakes: Sequence[Mistake], spots: set[str], places: dict[str, list[int]]
) -> Any:
    """`data` without the list items, keys or sections that `mistakes` are about; notes which, and what stays where."""
    items: dict[tuple[int | str, ...], set[int]] = {}
    for keys in [one.keys for one in mistakes if not one.is_unknown_key] or [()]:
        at = next((i for i, key in enumerate(keys) if isinstance(key, int)), None)
        if at is not None:
            items.setdefault(keys[:at], set()).add(int(keys[at]))
        else:
            spots.add(".".join(map(str, keys[:2])))
            data = without(data, keys[:2][:-1], keys[:2][-1:] or tuple(data))
    for keys, gone in items.items():
        name = ".".join(map(str, keys))
        spots.add(name)
        known = places.setdefault(name, list(range(_length(data, keys))))
        places[name] = [place for i, place in enumerate(known) if i not in gone]
        data = without(data, keys, gone)
    return data


def _length(data: Any, keys: Sequence[int | str]) -> int:
    for key in keys:
        data = data.get(key, ()) if isinstance(data, dict) else ()
    return len(data)


def _found() -> Path:
    own = Path.cwd() / "config.yaml"
    return own if own.is_file() else _shipped()


def _shipped() -> Path:
    return next((file for file in _SHIPPED if file.is_file()), _SHIPPED[-1])
