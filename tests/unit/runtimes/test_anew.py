"""A process that starts anew can be ended at any moment: real processes, real signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROCESS = """
import asyncio, sys
from foremend.runtimes.anew import StopAsked
from foremend.vocabulary.errors import UnavailableError

def say(word):
    print(word, flush=True)

async def run(asked, fails):
    stop = asyncio.Event()
    with asked.tell(stop):
        say("running")
        await stop.wait()
        if fails:
            raise UnavailableError("Kafka is away")

asked = StopAsked()
try:
    if "away" in sys.argv:
        say("away")
        raise UnavailableError("Kafka is away")
    if "opening" in sys.argv:
        say("opening")
        import threading
        threading.Event().wait()
    asyncio.run(run(asked, "fails" in sys.argv))
except UnavailableError as error:
    try:
        asked.or_anew(error)
    except UnavailableError:
        say("asked")
        raise SystemExit(4)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("state", "first", "code", "last"),
    [
        ("runs", "running", 0, ""),
        ("opening", "opening", 0, ""),
        ("away", "away", 0, ""),
        ("fails", "running", 4, "asked"),
    ],
)
def test_whoever_is_asked_to_end_ends(
    tmp_path: Path, number: int, state: str, first: str, code: int, last: str
) -> None:
    """While it opens, runs or waits to start anew: in order; where its end fails, with the sentence, and not anew."""
    script = tmp_path / "process.py"
    script.write_text(PROCESS)

    with subprocess.Popen(
        [sys.executable, str(script), state], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as process:
        assert process.stdout is not None
        reached = process.stdout.readline().strip()
        process.send_signal(number)
        rest = process.stdout.read().strip()

    assert (reached, rest, process.returncode) == (first, last, code)


def test_whoever_is_asked_between_two_lives_ends_at_the_beginning_of_the_next(tmp_path: Path) -> None:
    """What comes while the process is replaced waits for the new one."""
    script = tmp_path / "process.py"
    twice = 'if "again" in sys.argv:\n    asked = StopAsked()\n    say("lives on")\nelse:\n'
    script.write_text(
        "import os, signal, sys\n"
        "from foremend.runtimes import anew\n"
        "from foremend.runtimes.anew import StopAsked\n"
        "say = lambda word: print(word, flush=True)\n" + twice + "    asked = StopAsked()\n"
        "    anew.RESTART_S = 0.0\n"
        "    sys.orig_argv[:] = [sys.executable, *sys.argv, 'again']\n"
        "    replace = os.execv\n"
        "    def asked_meanwhile(*arguments):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        replace(*arguments)\n"
        "    os.execv = asked_meanwhile\n"
        "    anew.start_anew('Kafka is away')\n"
    )

    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
