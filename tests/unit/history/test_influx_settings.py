"""`storage.influx` in config.yaml: where the token is, and that history and its settings go together."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from foremend.config import StorageSettings, load_settings
from foremend.history.influx_settings import InfluxSettings
from foremend.installation.history import open_history
from foremend.jobs.history import create_history
from foremend.vocabulary.errors import ConfigError, MissingExtraError


def config(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_token_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    """A file that an editor ended with a newline works."""
    (tmp_path / "token").write_text("secret\n")

    assert InfluxSettings(token_file=tmp_path / "token").token() == "secret"


def test_a_missing_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything connects."""
    monkeypatch.delenv("NO_TOKEN", raising=False)

    with pytest.raises(ConfigError, match=r"storage\.influx\.token_env: NO_TOKEN"):
        open_history(
            StorageSettings(history="influx", influx=InfluxSettings(token_env="NO_TOKEN")), "journal"
        )


def test_one_token_only(tmp_path: Path) -> None:
    """With two, nobody could tell which one counts."""
    path = config(
        tmp_path, "storage: {history: influx, influx: {token_env: A, token_file: b, retention: 365 d}}"
    )

    with pytest.raises(ConfigError, match=r"storage\.influx: give token_env or token_file"):
        load_settings(path)


@pytest.mark.parametrize("text", ["{history: influx}", "{influx: {token_env: A}}"])
def test_influx_and_its_settings_go_together(tmp_path: Path, text: str) -> None:
    """Settings that change nothing are a mistake."""
    with pytest.raises(ConfigError, match="storage: history: influx and the settings under influx"):
        load_settings(config(tmp_path, f"storage: {text}"))


def test_there_is_no_bucket_to_create_for_parquet(tmp_path: Path) -> None:
    """`foremend history create` says so."""
    with pytest.raises(ConfigError, match="nothing to create"):
        create_history(config(tmp_path, "storage: {folder: here}"))


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed by pip install 'foremend[influx]'."""
    monkeypatch.setitem(sys.modules, "influxdb_client", None)
    monkeypatch.delitem(sys.modules, "foremend.history.influx", raising=False)

    with pytest.raises(MissingExtraError, match=r"foremend\[influx\]"):
        importlib.import_module("foremend.history.influx")
