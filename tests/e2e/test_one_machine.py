"""`foremend run` on real servers, struck while a fleet talks on: a shorter `benchmarks.reliability`."""

from pathlib import Path

import pytest

from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from benchmarks.reliability.one_machine import LocalServers, one_machine
from benchmarks.reliability.one_machine_faults import LOCAL_FAULTS
from benchmarks.reliability.story import Story
from benchmarks.reliability.verdict import judge


@pytest.mark.timeout(900)
def test_faults_under_load_lose_and_double_nothing(
    mosquitto: Mosquitto, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Killed, poisoned, its files damaged, a second one beside it: all is there once, as if nothing had been."""
    faults = [LOCAL_FAULTS[name] for name in ("killed", "poison", "files-damaged", "two-instances")]

    with one_machine(LocalServers(mosquitto, postgres_server), tmp_path, Story()) as rig:
        for fault in faults:
            fault.strike(rig, fault.fewer)
        rig.until_episodes()
        verdict = judge(rig, tmp_path, [one for fault in faults for one in fault.garbage(fault.fewer)])

    assert verdict.sound, verdict
    assert min(verdict.counts.values()) > 2
