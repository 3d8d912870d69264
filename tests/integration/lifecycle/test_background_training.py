"""Training beside a pipeline: nothing waits for it, it is taken up when whole, and cut short it leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from foremend.engine.engine import Engine
from foremend.engine.follow import NO_RULES
from foremend.learning.background import BackgroundTraining
from foremend.learning.promotions import LOOK_EVERY_MS, PromotionFollower
from foremend.learning.stored import open_registry
from foremend.learning.training import to_train
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.profiles import load_profiles
from models.settings import ModelsSettings, TrainingSettings

pytestmark = pytest.mark.timeout(900)  # its processes let everybody else go first

MODEL = "wh-60"
PROFILES = {MODEL: load_profiles()[MODEL]}
LITTLE = TrainingSettings(appliances=20, days=40, every_days=1)
NO_ROOM = """
import logging, resource, sys, time
from pathlib import Path
from foremend.learning.background import BackgroundTraining
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.profiles import load_profiles
from models.settings import ModelsSettings

class Told(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())

def until(true):
    while not true():
        time.sleep(0.01)

if __name__ == "__main__":
    said = []
    logging.getLogger("foremend").addHandler(Told())
    profiles = [load_profiles()["wh-60"]]
    training = BackgroundTraining(profiles, ModelsSettings(registry=Path(sys.argv[1])), SystemClock(), again_s=0.02)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))  # not one file more: a pipe is refused
    training.start()
    until(lambda: any("no process can be started" in one for one in said))
    waited = training.each()[0].state
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    until(lambda: training.each()[0].done > 0)
    training.close()
    print(waited, *said, sep=chr(10))
"""
NOT_EXECUTABLE = """
import multiprocessing, sys
from pathlib import Path
from foremend.learning.background import BackgroundTraining
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.profiles import load_profiles
from models.settings import ModelsSettings

if __name__ == "__main__":
    python = Path(sys.argv[1]) / "python"
    python.write_text("no program")
    multiprocessing.set_executable(str(python))
    profiles = load_profiles()
    missing = [profiles["wh-60"], profiles["rf-260"]]
    training = BackgroundTraining(missing, ModelsSettings(registry=Path(sys.argv[1])), SystemClock())
    training.start()
    training._thread.join()
    print(*(one.state for one in training.each()))
"""
Started = Callable[[BackgroundTraining], BackgroundTraining]
PARENT = """
import sys, time
from pathlib import Path
from foremend.learning.background import BackgroundTraining
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.profiles import load_profiles
from models.settings import ModelsSettings

if __name__ == "__main__":
    training = BackgroundTraining([load_profiles()["wh-60"]], ModelsSettings(registry=Path(sys.argv[1])), SystemClock())
    training.start()
    while training.each()[0].done == 0:
        time.sleep(0.05)
    print(training._running.pid, flush=True)
    time.sleep(600)
"""


def until(said: Callable[[], bool]) -> None:
    """The test's own time limit ends it."""
    while not said():
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether the process is there and not only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def missing(settings: ModelsSettings) -> BackgroundTraining:
    """The training that a start with `settings` begins."""
    clock = SystemClock()
    profiles = to_train(PROFILES, open_registry(settings), settings, clock.now_ms())
    return BackgroundTraining(profiles, settings, clock)


@pytest.fixture
def started() -> Iterator[Started]:
    """Starts a training, and ends it whatever becomes of the test."""
    with ExitStack() as stack:

        def start(training: BackgroundTraining) -> BackgroundTraining:
            stack.callback(training.close)
            training.start()
            return training

        yield start


def test_a_finished_model_is_taken_up_without_a_restart(tmp_path: Path, started: Started) -> None:
    """An engine that has none goes on meanwhile, and asks it from the next look on; the next start trains nothing."""
    settings = ModelsSettings(registry=tmp_path / "models", training=LITTLE)
    engine = Engine(PROFILES, NO_RULES, lateness_ms=600_000)
    follower = PromotionFollower(open_registry(settings), engine, PROFILES)
    training = missing(settings)
    assert [one.state for one in training.each()] == ["waiting"]

    started(training)
    until(lambda: training.each()[0].state not in ("waiting", "practising", "learning"))
    before = engine.report(MODEL)
    follower(LOOK_EVERY_MS)

    assert [(one.state, one.done) for one in training.each()] == [("trained", 1.0)]
    assert before is None
    report = engine.report(MODEL)
    assert report is not None
    assert report["champion"] == "v0001"
    assert missing(settings).each() == []


def test_an_interrupted_training_leaves_nothing_behind(tmp_path: Path, started: Started) -> None:
    """Neither a process nor a version; the next start begins it again."""
    settings = ModelsSettings(registry=tmp_path / "models", training=TrainingSettings(days=60))
    training = started(missing(settings))
    until(lambda: training.each()[0].done > 0)

    training.close()

    assert training._running is not None
    assert not training._running.is_alive()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert [one.appliance_model for one in missing(settings).each()] == [MODEL]


def test_a_training_ends_with_a_pipeline_that_is_killed(tmp_path: Path) -> None:
    """Nobody told it; it sees that its parent is gone."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)

        parent.kill()

    until(lambda: not alive(child))


def test_a_training_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    """Here somebody put a file where the models should be: one line with the code, and nothing ends."""
    (tmp_path / "models").write_text("")
    settings = ModelsSettings(registry=tmp_path / "models", training=LITTLE)

    training = started(BackgroundTraining([PROFILES[MODEL]], settings, SystemClock()))
    until(lambda: training.each()[0].state in ("trained", "failed"))
    training.close()

    assert training.each()[0].state == "failed"
    assert "wh-60 could not be trained (code 1)" in caplog.text


def said_by(script: str, folder: Path) -> list[str]:
    """The lines that a program prints, with `folder` as its argument."""
    program = folder / "program.py"
    program.write_text(script)
    run = subprocess.run([sys.executable, str(program), str(folder)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_training_begins_when_the_system_has_room_for_it(tmp_path: Path) -> None:
    """With no file left its process cannot start: told once, tried again, and begun when there is room."""
    waited, *said = said_by(NO_ROOM, tmp_path)

    assert waited == "waiting"
    assert sum("no process can be started to train wh-60: [Errno 24]" in one for one in said) == 1
    assert "starting a process to train works again" in said


def test_a_python_that_cannot_be_executed_ends_no_more_than_its_training(tmp_path: Path) -> None:
    """Of each appliance model it is told that it failed; none stays as if it were still to come."""
    assert said_by(NOT_EXECUTABLE, tmp_path) == ["failed failed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_for_the_pipeline_to_answer(number: int, tmp_path: Path, started: Started) -> None:
    """A terminal or a service manager sends it to all: the training goes on until the pipeline ends it."""
    settings = ModelsSettings(registry=tmp_path / "models", training=TrainingSettings(days=60))
    training = started(missing(settings))
    until(lambda: training.each()[0].done > 0)
    assert training._running is not None
    assert training._running.pid is not None
    done = training.each()[0].done

    os.kill(training._running.pid, number)

    until(lambda: training.each()[0].done > done)
    training.close()
