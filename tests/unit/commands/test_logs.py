"""What every command takes: how much it logs and in which form, its version, completion for the shell."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import datetime
from importlib.metadata import version

import pytest

from foremend.logs import JsonLines


def foremend(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, where logging is not set up yet."""
    command = [sys.executable, "-m", "foremend", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def formatted(message: str, *values: object, error: BaseException | None = None) -> str:
    """The line of one record."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("foremend.wiring", logging.WARNING, __file__, 1, message, values, info)
    return JsonLines().format(record)


def test_the_version_is_the_packages() -> None:
    """`foremend --version` says what is installed, and does nothing else."""
    said = foremend("--version")

    assert (said.returncode, said.stdout) == (0, f"foremend {version('foremend')}\n")


def test_a_shell_is_told_how_to_complete() -> None:
    """`foremend --show-completion` prints a script for the shell that asks, wherever that runs."""
    line = f"{sys.executable} -m foremend --show-completion; exit $?"  # so that the shell stays its parent
    said = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)

    assert said.returncode == 0
    assert "complete" in said.stdout


def test_a_json_line_has_time_level_logger_and_message() -> None:
    """Programs get the time in UTC with its zone, and the message as it would be read."""
    line = json.loads(formatted("%s is full: %d left", "the disk", 3))

    assert (line["level"], line["logger"], line["message"]) == (
        "warning",
        "foremend.wiring",
        "the disk is full: 3 left",
    )
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None
    assert "traceback" not in line


def test_an_error_stays_one_line_of_json() -> None:
    """A traceback has many lines; they go into the one object."""
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        line = formatted("could not", error=error)

    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: first\nsecond")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(("--log-format", "json"), {}), ((), {"FOREMEND_LOG_FORMAT": "json"})],
)
def test_the_last_sentence_is_json_where_the_log_is(
    arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    """Why a command ended is a line like all others, with its exit code unchanged."""
    ended = foremend(*arguments, "run", "--config", "nope.yaml", **environment)

    line = json.loads(ended.stderr)
    assert ended.returncode == 2
    assert line["level"] == "error"
    assert line["message"].startswith("nope.yaml cannot be read")


def test_what_is_below_the_level_is_not_said() -> None:
    """`warning` leaves out what is only told; a level that does not exist is refused with those that do."""
    script = "from foremend.logs import set_up; import logging; set_up('warning', 'text')\n"
    script += "logging.info('a trifle'); logging.warning('grave')"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    refused = foremend("--log-level", "loud", "faults")

    assert "grave" in said.stderr
    assert "a trifle" not in said.stderr
    assert refused.returncode == 2
    assert "'debug', 'info', 'warning', 'error'" in refused.stderr.replace("\n", " ")
