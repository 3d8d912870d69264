"""The benchmark of a minute's findings counts what really arrived."""

from __future__ import annotations

import json

import pytest

from benchmarks.findings_rate import main


@pytest.mark.parametrize("shown", [[], ["--json"]])
def test_each_finding_is_a_ticket_a_webhook_and_a_message(
    capsys: pytest.CaptureFixture[str], shown: list[str]
) -> None:
    """For people and as JSON; none lost, none twice."""
    main(["--findings", "40", *shown])

    said = capsys.readouterr().out
    if not shown:
        assert "40 findings were 40 tickets" in said
        return
    found = json.loads(said)
    assert found["arrived"] == {one: {"messages": 40, "lost": 0, "doubled": 0} for one in ("webhook", "sms")}
    assert (found["tickets"], found["pushed"], found["still_waiting"]) == (40, 0, 0)
