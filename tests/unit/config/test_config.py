"""config.yaml: what is wrong is said in one sentence that names file, key and mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from foremend.config import load_settings
from foremend.vocabulary.errors import ConfigError

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    return str(caught.value)


def test_an_empty_file_means_the_defaults(write: Write) -> None:
    """Every key has a default, and the service is not reachable from other machines."""
    settings = load_settings(write(""))

    assert settings.service.host == "127.0.0.1"
    assert settings.service.port == 8080


def test_the_shipped_file_is_used_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Foremend starts in any folder, with the rules it ships."""
    monkeypatch.chdir(tmp_path)

    assert load_settings().rules.book


def test_relative_paths_start_at_the_file(write: Write, tmp_path: Path) -> None:
    """A configuration means the same from wherever it is started."""
    named = load_settings(write("profiles: {folders: [mine]}\nstorage: {folder: data}"))
    default = load_settings(write(""))

    assert named.profiles.folders == (tmp_path / "mine",)
    assert named.storage.folder == tmp_path / "data"
    assert default.storage.folder == tmp_path / "var"
    assert default.models.registry == tmp_path / "var" / "models"
    assert default.alerts.database == f"sqlite:///{tmp_path / 'var' / 'foremend.db'}"
    assert default.alerts.sms is not None
    assert default.alerts.sms.file == tmp_path / "var" / "outbox" / "sms.jsonl"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("servce: {port: 1}", "unknown key 'servce': did you mean 'service'?"),
        ("service: {prot: 1}", "service: unknown key 'prot': did you mean 'port'?"),
        ("service: {zzz: 1}", "service: unknown key 'zzz': known keys are host, port"),
        ("service: {port: 70000}", "service.port: Input should be less than or equal to 65535"),
        ("rules: {updates: {at_most_every: daily}}", "'daily' is not a duration: write for example"),
        ("ingest: {decoders: [{devices: {}}]}", "decoders[0]: say of which kind it is, by the key 'decoder'"),
        (
            "ingest: {decoders: [{decoder: tasmotta}]}",
            "'decoder': there is no 'tasmotta': did you mean 'tasmota'?",
        ),
        (
            "ingest: {decoders: [{decoder: json}]}",
            "'decoder': there is no 'json': known are tasmota, shelly-gen1, ",
        ),
        ("rules: {book: [{name: Too Warm}]}", "rules.book[0].name: 'Too Warm' is not a name"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_mend(write: Write, text: str, sentence: str) -> None:
    """Unknown keys are refused with the key that was probably meant; wrong values with what is allowed."""
    assert sentence in complaint(write(text))


def test_every_mistake_is_told_at_once(write: Write) -> None:
    """Three mistakes take one run to find, each on a line that starts with the file; a wrong key hides no value."""
    path = write("service: {port: x, hots: y}\nstorage: {foldr: z}")

    lines = complaint(path).splitlines()

    assert len(lines) == 3
    assert all(line.startswith(str(path)) for line in lines)


def test_a_key_that_stands_twice_is_refused(write: Write) -> None:
    """A second `ingest:` below the first would drop the plugs of the first, and nobody would watch them."""
    said = complaint(write("ingest: {decoders: []}\nservice: {port: 1}\ningest: {lateness: 1 min}"))
    nested = complaint(write("rules:\n  updates: {at_most_every: 1 d, at_most_every: 2 d}"))

    assert "'ingest' stands there twice, on lines 1 and 3: put both under one" in said
    assert "'at_most_every' stands there twice, on lines 2 and 2" in nested


def test_a_file_that_is_not_yaml_is_refused_by_name(write: Write, tmp_path: Path) -> None:
    """Broken YAML, a list, and no file at all each say which file."""
    assert "is not YAML" in complaint(write("a: ["))
    assert "must hold keys with values, not a list" in complaint(write("- 1"))
    assert "cannot be read: No such file or directory" in complaint(tmp_path / "none.yaml")


@pytest.mark.parametrize("proxy", ["gateway.local", "10.0.0.1/8", "*"])
def test_a_gateway_is_trusted_by_its_address_or_not_at_all(write: Write, proxy: str) -> None:
    """A name, or a network with bits of a host, would be compared with addresses and never fit, without a word."""
    assert load_settings(write("service: {trusted_proxies: [10.0.0.1, 10.0.0.0/8, 'fd00::/8']}"))

    sentence = complaint(write(f"service: {{trusted_proxies: ['{proxy}']}}"))

    assert "service.trusted_proxies" in sentence
    assert "10.0.0.0/8" in sentence
