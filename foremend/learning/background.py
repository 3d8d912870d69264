"""Training beside a pipeline that runs: in a process of its own, one appliance model after the other.

Nothing waits for it. Meanwhile an appliance model is watched by rules, signatures and its own past; a finished model
is taken up from the registry (`foremend.learning.promotions`). A training that is interrupted leaves nothing behind,
as a version is stored whole or not at all; the next start begins it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from foremend.learning.progress import Training
from foremend.learning.standing_back import stand_back
from foremend.learning.stored import open_registry
from foremend.learning.training import train_champion
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.rounds import Lapse
from models.settings import ModelsSettings

log = logging.getLogger(__name__)

AGAIN_S = 10.0  # after the system had no room for a process
_TOLD_EVERY = 0.25  # of a training: a line in the log


class BackgroundTraining:
    """Trains appliance models one after the other, beside whatever else the process does.

    `missing`: those to train, in this order. `close` interrupts it. Where the system has no room for another process
    it is tried again every `again_s`.
    """

    def __init__(
        self, missing: Sequence[Profile], settings: ModelsSettings, clock: Clock, again_s: float = AGAIN_S
    ) -> None:
        self._missing, self._settings, self._clock = missing, settings, clock
        self._again_s, self._lapse = again_s, Lapse("starting a process to train")
        self._each = {profile.name: Training(profile.name, "waiting") for profile in missing}
        self._stop = threading.Event()
        self._running: BaseProcess | None = None
        self._thread = threading.Thread(target=self._train, name="training", daemon=True)

    def start(self) -> None:
        """Begin; nothing happens where nothing is missing."""
        if self._missing:
            names = ", ".join(self._each)
            log.info("training %s in the background, one after the other; meanwhile own past watches", names)
            self._thread.start()

    def each(self) -> list[Training]:
        """How far every one of them is, in the order they are trained; from any thread."""
        return list(self._each.values())

    def close(self) -> None:
        """End what is being trained; nothing of it is left."""
        self._stop.set()
        if self._thread.is_alive():
            running = self._running
            if running is not None:
                running.kill()
            self._thread.join()

    def _train(self) -> None:
        for number, profile in enumerate(self._missing, start=1):
            if self._stop.is_set():
                return
            left = len(self._missing) - number
            ended = self._one(profile)
            if self._stop.is_set():
                return
            self._note(
                profile.name, replace(self._each[profile.name], state="failed" if ended else "trained")
            )
            if ended:
                log.error("%s could not be trained (code %d) and goes without a model", profile.name, ended)
            else:
                log.info("%s is trained, %d left", profile.name, left)

    def _one(self, profile: Profile) -> int | None:
        """The exit code of its process; None where `close` came before there was one."""
        while not self._stop.is_set():
            try:
                child, hear = self._begin(profile)
            except OSError as error:
                self._lapse.failed(f"no process can be started to train {profile.name}: {error}")
                self._stop.wait(self._again_s)
                continue
            self._lapse.worked()
            with hear:
                self._hear(profile.name, hear)
            child.join()
            return child.exitcode
        return None

    def _begin(self, profile: Profile) -> tuple[BaseProcess, Connection]:
        """Its process, and where that is heard. Raises OSError where the system has no room for one."""
        context = get_context("spawn")
        hear, tell = context.Pipe(duplex=False)
        child = context.Process(
            target=train_in_process, args=(profile, self._settings, self._clock.now_ms(), tell)
        )
        try:
            child.start()
        except BaseException:
            hear.close()
            raise
        finally:
            tell.close()
        self._running = child
        if self._stop.is_set():  # since `close` looked
            child.kill()
        return child, hear

    def _hear(self, name: str, hear: Connection) -> None:
        told = 0.0
        while True:
            try:
                done = hear.recv()
            except EOFError:
                return
            self._note(name, Training(name, "learning" if done >= 1 else "practising", done))
            if done >= told + _TOLD_EVERY:
                told = done
                log.info("%s has practised %.0f %%", name, 100 * done)

    def _note(self, name: str, training: Training) -> None:
        self._each[name] = training


def train_in_process(profile: Profile, settings: ModelsSettings, at: int, tell: Connection) -> None:
    """Of the child: train and promote; `tell` what share of the practice is over. Ends when its parent does."""
    stand_back()
    from foremend.learning.practice_rows import simulated_rows  # brings every simulator

    rows = simulated_rows(profile, settings.training, told=tell.send)
    train_champion(profile, open_registry(settings), settings, at, rows)
