"""The main job, as a new user runs it: the command ends by itself and says what happened as one JSON object."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROMISED = {
    "appliances",
    "readings",
    "faults_injected",
    "faults_caught",
    "false_tickets",
    "median_lead_days",
    "tickets_opened",
    "webhooks_delivered",
    "notifications_sent",
    "held_back_by_consent",
    "dead_letters",
}


@pytest.mark.timeout(900)
def test_the_headless_demo_trains_watches_warns_and_ends(tmp_path: Path) -> None:
    """From nothing: training, a fleet over MQTT, tickets at the platform, consent held back; progress on stderr."""
    command = [sys.executable, "-m", "foremend", "demo", "--headless", "--json", "--folder", str(tmp_path)]

    done = subprocess.run(
        [*command, "--days", "45", "--appliances", "24", "--seed", "2"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.keys() >= PROMISED
    assert result["appliances"] == 24
    assert result["readings"] > 24 * 40 * 600  # a reading every two minutes, some days partly offline
    assert 0 < result["faults_caught"] <= result["faults_injected"]
    assert result["tickets_opened"] >= 1
    assert result["webhooks_delivered"] >= result["tickets_opened"]
    assert result["dead_letters"] == 0
    assert "event-day 40" in done.stderr
