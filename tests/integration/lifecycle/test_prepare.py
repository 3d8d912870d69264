"""`foremend models prepare`: what workers need before the first of them starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from foremend.cli import main


@pytest.fixture
def prepare(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command for one appliance model; what it printed."""
    settings = yaml.safe_load(config.read_text("utf-8"))
    settings["models"]["appliance_models"] = ["rf-260"]
    config.write_text(yaml.safe_dump(settings), "utf-8")

    def run() -> dict[str, str]:
        monkeypatch.setattr(sys, "argv", ["foremend", "models", "prepare", "--config", str(config), "--json"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        said: dict[str, str] = json.loads(capsys.readouterr().out)
        return said

    return run


def test_what_was_never_trained_is_trained_once(prepare: Any, config: Path) -> None:
    """The second time there is nothing to do, so it may stand before every start."""
    assert prepare() == {"rf-260": "v0001"}

    assert prepare() == {"rf-260": "v0001"}
    assert not list((config.parent / "models").rglob("v0002*"))
