"""`foremend watch` beside a real service: looks again and again, and ends with the first Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from alerts.shared_status import Seen
from foremend.stores.free_port import free_port
from tests.integration.service.test_status_command import served
from tests.unit.commands.command_line import call

SEEN = [Seen("plug-1", "rf-260", "refrigerator", 1, False, 4)]


@contextmanager
def watching(config: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command with its output in a pipe; it is ended if the test did not."""
    command = [sys.executable, "-m", "foremend", "watch", "--every", "0.5", "--config", str(config), *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as watch:
        try:
            yield watch
        finally:
            watch.kill()


def ended(watch: subprocess.Popen[str], by: signal.Signals) -> tuple[int, str]:
    watch.send_signal(by)
    _, errors = watch.communicate(timeout=30)
    return watch.returncode, errors


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_gives_programs_an_object_a_look_until_it_is_told_to_end(
    tmp_path: Path, by: signal.Signals
) -> None:
    """With code 0 and no word on stderr."""
    with served(tmp_path, SEEN, closed=False) as (config, _), watching(config, "--json") as watch:
        assert watch.stdout is not None
        looks = [json.loads(watch.stdout.readline()) for _ in range(3)]
        code, errors = ended(watch, by)

    assert [one["appliances"] for one in looks] == [1, 1, 1]
    assert (code, errors) == (0, "")


def test_a_service_that_goes_away_is_told_once_and_waited_for(tmp_path: Path) -> None:
    """A line only where something changed: it comes back to what was known."""
    with ExitStack() as running:
        config, _ = running.enter_context(served(tmp_path, SEEN, closed=False))
        with watching(config) as watch:
            assert watch.stdout is not None
            lines = [watch.stdout.readline()]
            running.close()
            lines.append(watch.stdout.readline())
            code, errors = ended(watch, signal.SIGINT)

    assert "4 days left" in lines[0]
    assert "No news: no service answers" in lines[1]
    assert (code, errors) == (0, "")


def test_without_a_service_it_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(f"service: {{ port: {free_port()} }}", encoding="utf-8")

    assert call(monkeypatch, "watch", "--config", str(tmp_path / "config.yaml")) == 4
    assert "start foremend run" in " ".join(capsys.readouterr().err.split())
