"""The HTTP API on a real database: what it shows, what it hides, what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from foremend.service.app import create_app
from foremend.service.server import Server


@pytest.fixture(scope="module")
def client(world: Any) -> Iterator[httpx.Client]:
    with (
        Server(create_app(world.model), "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def get(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_summary_counts_the_whole_line(client: httpx.Client) -> None:
    """Readings in, episodes, tickets and messages out, and what consent held back."""
    summary = get(client, "/api/summary")

    assert summary["pipeline"]["readings"] == 7_776_000
    assert summary["appliances"] == 60
    assert summary["counts"]["episodes_open"] == 9
    assert summary["counts"]["tickets_opened"] == 6
    assert summary["counts"]["held_back"]["ticket"] == 2
    assert sum(summary["by_state"].values()) == 60


def test_the_fleet_comes_with_the_most_urgent_first(client: httpx.Client) -> None:
    """One critical, then warnings, information, silence, and the well ones."""
    fleet = get(client, "/api/fleet")

    states = [one["state"] for one in fleet["items"]]
    assert fleet["items"][0]["appliance_id"] == "rf-260-00"
    assert states == sorted(states, key=["critical", "warning", "info", "silent", "ok"].index)
    assert fleet["by_state"] == {
        "critical": 1, "warning": 6, "info": 1, "silent": 1, "learning": 0, "not_judged": 0, "ok": 51,
    }  # fmt: skip
    assert fleet["by_model"] == {"ac-26f": 15, "ac-35i": 15, "rf-260": 15, "rf-520": 15}


def test_the_fleet_can_be_asked_in_parts(client: httpx.Client) -> None:
    """By state, by appliance model, and page by page."""
    warned = get(client, "/api/fleet?state=warning&appliance_model=rf-520")
    second = get(client, "/api/fleet?limit=10&offset=10")

    assert [one["appliance_id"] for one in warned["items"]] == ["rf-520-01", "rf-520-09"]
    assert (len(second["items"]), second["total"]) == (10, 60)


def test_open_episodes_come_by_what_fails_first(client: httpx.Client) -> None:
    """Closed ones are not there; those without an estimate come last."""
    episodes = get(client, "/api/episodes")

    days = [one["days_to_failure"] for one in episodes]
    assert days == [5, 12, 18, 23, 31, 44, None, None, None]


def test_of_open_episodes_the_most_severe_may_be_asked_for(client: httpx.Client) -> None:
    """They stay in the order of all; the summary says how many there are of each kind."""
    every = get(client, "/api/episodes")
    critical = [one for one in every if one["severity"] == "critical"]
    counts = get(client, "/api/summary")["counts"]

    assert get(client, f"/api/episodes?limit={len(critical)}") == critical
    assert get(client, "/api/episodes?limit=1000") == every
    assert counts["episodes_critical"] == len(critical) > 0
    assert counts["episodes_foreseen"] == len([one for one in every if one["days_to_failure"] is not None])


def test_a_long_answer_is_sent_compressed_to_whoever_takes_it(client: httpx.Client) -> None:
    """A short one, and one to a client that asks for it plain, is sent as it is."""
    long = client.get("/api/vocabulary")
    plain = client.get("/api/vocabulary", headers={"Accept-Encoding": "identity"})

    assert long.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in client.get("/livez").headers
    assert long.json() == plain.json()
    assert int(long.headers["content-length"]) < len(plain.content) / 3


def test_an_appliance_tells_its_story(client: httpx.Client) -> None:
    """State, open episodes with evidence, findings and tickets."""
    detail = get(client, "/api/appliances/rf-260-00")

    assert detail["appliance"]["state"] == "critical"
    assert detail["episodes"][0]["evidence"][0] == {
        "feature": "duty", "value": 0.71, "usual": 0.42, "siblings": 0.44, "unit": "",
    }  # fmt: skip
    assert detail["tickets"][0]["fault"] == "refrigerant-leak"


def test_a_ticket_tells_what_to_do(client: httpx.Client) -> None:
    """Title in both languages, evidence in words, what a technician finds."""
    listed = get(client, "/api/tickets")["items"]
    ticket = get(client, f"/api/tickets/{listed[0]['ticket_id']}")

    assert set(ticket["title"]) == {"en", "zh"}
    assert ticket["technician_finds"]
    assert ticket["evidence"]["en"]


def test_messages_show_the_text_but_never_the_address(client: httpx.Client) -> None:
    """Nothing that the API answers contains a phone number."""
    texts = [get(client, path) for path in ("/api/outbox", "/api/tickets", "/api/held-back", "/api/findings")]

    assert any(one["texts"] and one["state"] == "sent" for one in texts[0]["items"])
    assert all("13912345678" not in str(text) for text in texts)


def test_what_consent_held_back_says_why(client: httpx.Client) -> None:
    """Act, purpose and reason for each."""
    items = get(client, "/api/held-back")["items"]

    assert {one["purpose"] for one in items} == {"ticket", "sms", "push"}
    assert all(one["reason"] == "never given" for one in items)


def test_dead_letters_show_reason_and_first_bytes(client: httpx.Client) -> None:
    """A message that could not be used is there to be looked at."""
    (letter,) = get(client, "/api/dead-letters")["items"]

    assert (letter["reason"], letter["preview"]) == ("ts is not a number", '{"ts": NaN}')
    assert letter["times"] == 1


def test_the_service_is_ready_while_the_broker_is_there(client: httpx.Client) -> None:
    """Every check has passed."""
    checks = {"pipeline": "ok", "broker": "ok", "database": "ok"}

    assert get(client, "/readyz") == {"ready": True, "checks": checks}


def test_a_lost_broker_is_told_with_its_reason(
    world: Any, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not ready, 503; but the process lives."""
    monkeypatch.setattr(world.pipeline, "now", replace(world.pipeline.now, connected=False))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["broker"]) == (503, "not connected")
    assert client.get("/livez").status_code == 200


def test_metrics_have_no_appliance_ids(client: httpx.Client) -> None:
    """A fleet of a million must not make a million series."""
    text = client.get("/metrics").text

    assert "foremend_readings_total 7776000\n" in text
    assert 'foremend_held_back_total{purpose="ticket"} 2\n' in text
    assert 'foremend_left_out_total{kind="outside"} 3\n' in text
    assert 'foremend_appliances{appliance_model="rf-260"} 15\n' in text
    assert "rf-260-00" not in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/fleet?state=happy", 422),
        ("/api/fleet?limit=0", 422),
        ("/api/outbox?state=lost", 422),
        ("/api/outbox?stat=sent", 422),
        ("/api/tickets?status=bogus", 422),
        ("/api/appliances/nobody", 404),
        ("/api/tickets/tk_0", 404),
    ],
)
def test_a_wrong_question_is_answered_with_its_reason(client: httpx.Client, path: str, status: int) -> None:
    """Not an empty list that looks like an answer."""
    answer = client.get(path)

    assert answer.status_code == status
    assert answer.json()["detail"]


def test_another_host_name_is_refused(client: httpx.Client) -> None:
    """A page elsewhere cannot read the fleet by pointing its own name at this machine."""
    assert client.get("/api/summary", headers={"host": "evil.example"}).status_code == 400


def test_the_page_may_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    """A strict content security policy, no foreign addresses, no inline script."""
    page = client.get("/")

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text.replace("http://www.w3.org/2000/svg", "")


def test_nothing_can_be_changed(client: httpx.Client) -> None:
    """The service is read-only."""
    assert client.post("/api/tickets").status_code == 405
    assert client.delete("/api/findings").status_code == 405
