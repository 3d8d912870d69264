"""Tickets under `/api/v1`: who may do what, on which version, and lists that hold still while they grow."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.database import writing
from alerts.desk import Alerts
from alerts.tables import TicketRow
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import Evidence, Finding, FindingKind, Severity
from tests.integration.service.test_rights import (
    House,
    bearer,
    desk,
    desk_tickets,
    findings_of,
    house,
    lived,
)

__all__ = ["desk", "findings_of", "house", "lived"]


def of(house: House, appliance_id: str) -> str:
    return next(one["ticket_id"] for one in desk_tickets(house) if one["appliance_id"] == appliance_id)


def step(house: House, ticket_id: str, role: Role, body: Any, **headers: str) -> Any:
    """What a step is answered with; on whatever version, unless a header says it."""
    sent = {"If-Match": "*", **{name.replace("_", "-"): value for name, value in headers.items()}}
    sent = {name: value for name, value in sent.items() if value}
    return house.client.post(
        f"/api/v1/tickets/{ticket_id}/steps", json=body, headers=bearer(house.token(role)) | sent
    )


def one(house: House, ticket_id: str, role: Role = Role.AGENT) -> Any:
    return house.client.get(f"/api/v1/tickets/{ticket_id}", headers=bearer(house.token(role)))


def listed(house: House, query: str = "", role: Role = Role.AGENT) -> Any:
    return house.client.get(f"/api/v1/tickets?{query}", headers=bearer(house.token(role)))


def test_an_agent_brings_a_ticket_to_its_end_and_everybody_sees_it(lived: House) -> None:
    """Each answer has the ETag that the next step names; the outcome is in both lists, and in the history."""
    ticket_id = of(lived, "fridge-1")
    tag = one(lived, ticket_id).headers["ETag"]
    steps = [
        {"step": "acknowledged"},
        {"step": "scheduled", "visit_from": "2026-03-01T09:00:00+08:00", "visit_until": "2026-03-01T11:00:00+08:00"},
        {"step": "resolved", "result": "other_fault", "fault": "door-gasket-leak"},
    ]  # fmt: skip
    for body in steps:
        answer = step(lived, ticket_id, Role.AGENT, body, If_Match=tag)
        assert answer.status_code == 200, answer.text
        assert answer.headers["ETag"] != tag
        tag = answer.headers["ETag"]

    ticket = one(lived, ticket_id).json()
    old = next(row for row in desk_tickets(lived) if row["ticket_id"] == ticket_id)
    said = {name: ticket[name] for name in ("status", "resolution", "found_fault", "visit_from")}
    assert said == {
        "status": "resolved", "resolution": "other_fault", "found_fault": "door-gasket-leak",
        "visit_from": "2026-03-01T01:00:00.000Z",
    }  # fmt: skip
    assert {name: old[name] for name in said} == said
    assert [row["step"] for row in ticket["history"]] == ["assigned", "acknowledged", "scheduled", "resolved"]
    assert all(row["by"].startswith("token:") for row in ticket["history"][1:])


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        ({"step": "acknowledged"}, {"If_Match": ""}, 428, "If-Match"),
        ({"step": "acknowledged"}, {"If_Match": '"1"'}, 412, "read it again"),
        ({"step": "acknowledged"}, {"If_Match": 'W/"2"'}, 412, "no ETag of ours"),
        ({"step": "resumed"}, {}, 409, "does not wait"),
        ({"step": "merged", "into": "tk_none"}, {}, 409, "no other ticket"),
        ({"step": "resolved", "result": "other_fault"}, {}, 422, "needs the fault"),
        ({"step": "resolved", "result": "confirmed", "found_at": 4_000_000_000_000}, {}, 422, "future"),
        ({"step": "away"}, {}, 422, "step"),
        ({"step": "noted", "note": "x", "owner": "me"}, {}, 422, "owner"),
        ("acknowledged", {}, 422, ""),
        (None, {}, 422, ""),
    ],
)
def test_what_is_no_step_now_is_a_problem_with_its_reason(
    lived: House, body: Any, headers: dict[str, str], status: int, said: str
) -> None:
    """As problem+json, and nothing changed."""
    ticket_id = of(lived, "fridge-1")
    before = one(lived, ticket_id).json()

    answer = step(lived, ticket_id, Role.AGENT, body, **headers)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert one(lived, ticket_id).json() == before


def test_the_same_request_twice_is_one_step(lived: House) -> None:
    """By its Idempotency-Key, though the version moved on; the key with another body is refused."""
    ticket_id, token = of(lived, "fridge-1"), bearer(lived.token(Role.AGENT))
    path, sent = f"/api/v1/tickets/{ticket_id}/steps", token | {"If-Match": '"2"', "Idempotency-Key": "k"}

    answers = [lived.client.post(path, json={"step": "noted", "note": "x"}, headers=sent) for _ in range(2)]
    other = lived.client.post(path, json={"step": "noted", "note": "y"}, headers=sent)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (other.status_code, len(one(lived, ticket_id).json()["history"])) == (422, 2)


def test_a_technician_works_on_the_own_tickets_and_gives_none_away(lived: House) -> None:
    """Another's is not there; giving away, merging and opening again is the desk's."""
    mine, other = of(lived, "fridge-1"), of(lived, "fridge-2")

    assert step(lived, mine, Role.TECHNICIAN, {"step": "on_the_way"}).status_code == 200
    assert step(lived, other, Role.TECHNICIAN, {"step": "on_the_way"}).status_code == 404
    for body in (
        {"step": "assigned", "technician": "lee"}, {"step": "merged", "into": other},
        {"step": "reopened", "reason": "x"},
    ):  # fmt: skip
        refused = step(lived, mine, Role.TECHNICIAN, body)
        assert (refused.status_code, refused.json()["right"]) == (403, "tickets.change")
    assert one(lived, other).json()["status"] == "open"
    assert "(kim)" in one(lived, mine).json()["history"][-1]["by"]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.AGENT, Role.ADMIN, Role.TECHNICIAN}))
def test_nobody_else_changes_a_ticket(lived: House, role: Role) -> None:
    """Not even the owner's own: 403 before anything is read of the body."""
    ticket_id = of(lived, "fridge-1")

    refused = step(lived, ticket_id, role, {"step": "closed"})

    assert (refused.status_code, refused.json()["right"]) == (403, "tickets.change")


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("status=bogus", 422, "status"),
        ("statsu=open", 422, "did you mean 'status'"),
        ("sort=fault", 422, "sort"),
        ("limit=0", 422, "limit"),
        ("limit=501", 422, "limit"),
        ("cursor=x", 400, "cursor"),
        ("cursor=bnVsbA", 400, "cursor"),
        ("cursor=WyItb3BlbmVkX2F0Iiw5MjIzMzcyMDM2ODU0Nzc1ODA4LCJ4Il0", 400, "cursor"),
        ("cursor=WyJvcGVuZWRfYXQiLDEsIngiXQ", 400, "sorted by"),
        ("updated_since=yesterday", 422, "updated_since"),
        ("updated_since=2026-01-01T00:00:00", 422, "zone"),
    ],
)
def test_a_filter_is_applied_or_refused(lived: House, query: str, status: int, word: str) -> None:
    """Never answered with everything."""
    answer = listed(lived, query)

    assert answer.status_code == status, answer.text
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=open", ["fridge-1", "fridge-2"]), ("status=closed", []), ("appliance_id=fridge-2", ["fridge-2"]),
        ("assigned_to=kim", ["fridge-1"]), ("severity=critical&fault=none", []),
        ("fault=not-cooling&appliance_id=fridge-1", ["fridge-1"]),
        ("appliance_model=rf-260", ["fridge-1", "fridge-2"]), ("resolution=confirmed", []),
        ("updated_since=2099-01-01T00:00:00Z", []), ("updated_since=0", ["fridge-1", "fridge-2"]),
    ],
)  # fmt: skip
def test_filters_narrow(lived: House, query: str, found: list[str]) -> None:
    """One by one and together."""
    assert sorted(one["appliance_id"] for one in listed(lived, query).json()["items"]) == found


def test_whose_own_is_asked_gets_no_more_by_any_filter(lived: House) -> None:
    """A technician's and an owner's lists, whatever they ask for."""
    for role in (Role.TECHNICIAN, Role.OWNER):
        for query in ("", "appliance_id=fridge-2", "assigned_to=lee", "status=open", "sort=changed_at"):
            assert "fridge-2" not in listed(lived, query, role).text


def test_pages_hold_still_while_the_list_grows(house: House, desk: Any, findings_of: Any) -> None:
    """New tickets while somebody pages: none is seen twice, none of before is missed, in either order."""
    for number in range(5):
        findings_of("fridge-1", fault=f"fault-{number}")
    before = {row["ticket_id"] for row in listed(house).json()["items"]}
    assert len(before) == 5

    for sort in ("-opened_at", "opened_at", "-changed_at", "changed_at"):
        seen: list[str] = []
        page = listed(house, f"limit=2&sort={sort}").json()
        grown = 0
        while True:
            seen += [row["ticket_id"] for row in page["items"]]
            if page["next_cursor"] is None:
                break
            grown += 1
            findings_of(
                "fridge-2",
                fault=f"later-{sort.strip('-')}-{sort[0] == '-'}-{grown}".replace("_", "-").lower(),
            )
            page = listed(house, f"limit=2&sort={sort}&cursor={page['next_cursor']}").json()
        assert len(seen) == len(set(seen))
        assert before <= set(seen)


def test_an_offset_that_no_database_counts_to_is_refused(lived: House) -> None:
    """It was a failure of the server."""
    token = bearer(lived.token(Role.ADMIN))
    for path in ("tickets", "findings", "held-back", "outbox", "dead-letters", "fleet"):
        answer = lived.client.get(f"/api/{path}?offset={2**63}", headers=token)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert lived.client.get("/api/tickets?status=bogus", headers=token).status_code == 422
    assert lived.client.get("/api/summary?x=1", headers=token).status_code == 422


def test_a_ticket_brings_what_became_of_earlier_ones_and_a_picture(
    house: House, desk: Any, clock: Any, findings_of: Any
) -> None:
    """Of the same appliance; the picture is an SVG that the page's rules let nobody run, and another's is not there."""
    findings_of("fridge-1", fault="first")
    step(house, of(house, "fridge-1"), Role.AGENT, {"step": "resolved", "result": "no_fault_found"})
    finding = Finding(
        FindingKind.OPENED, "fridge-1", "rf-260", "second", "r", Severity.WARNING, clock.now, clock.now, 1.0,
        evidence=(Evidence("duty", 0.7, usual=0.3),),
    )  # fmt: skip
    desk.effects.apply([finding], [], 2)
    findings_of("fridge-2")
    second = next(row["ticket_id"] for row in desk_tickets(house) if row["fault"] == "second")
    other = of(house, "fridge-2")

    earlier = one(house, second).json()["earlier"]
    picture = house.client.get(
        f"/api/v1/tickets/{second}/chart.svg?language=zh", headers=bearer(house.token(Role.OWNER))
    )
    refused = [
        house.client.get(f"/api/v1/tickets/{name}/chart.svg", headers=bearer(house.token(Role.OWNER)))
        for name in (other, "tk_none")
    ]

    assert [(row["fault"], row["resolution"]) for row in earlier] == [("first", "no_fault_found")]
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert "自身常值" in picture.text
    assert [answer.status_code for answer in refused] == [404, 404]
    assert one(house, other).json()["earlier"] == []


def test_a_probe_may_add_what_it_likes(house: House) -> None:
    """Orchestrators ask `/livez?verbose`: it is no list that could be taken for narrowed."""
    assert house.client.get("/livez?verbose").status_code == 200


def test_promises_that_are_not_kept_are_found_by_their_end(lived: House) -> None:
    """What ends before a moment, the next first; nothing that stands while the owner is waited for."""
    ticket_id = of(lived, "fridge-1")
    due = min(clock["due"] for clock in one(lived, ticket_id).json()["clocks"].values())
    later = due.replace(due[:4], str(int(due[:4]) + 1), 1)

    def found(before: str) -> list[str]:
        page = listed(lived, f"sort=due_at&due_before={before}").json()
        return [row["ticket_id"] for row in page["items"]]

    assert ticket_id not in found(due)
    assert ticket_id in found(later)
    assert step(lived, ticket_id, Role.AGENT, {"step": "waiting"}).status_code == 200
    assert ticket_id not in found(later)
    assert step(lived, ticket_id, Role.AGENT, {"step": "resumed"}).status_code == 200
    assert ticket_id in found(later)
    assert step(lived, ticket_id, Role.AGENT, {"step": "closed"}).status_code == 200
    assert ticket_id not in found(later)


def test_a_ticket_says_which_steps_are_possible_for_whom(lived: House) -> None:
    """Where it is, and for the role: a technician gives nothing away, an owner only looks."""
    ticket_id = of(lived, "fridge-1")

    desk_may, technician_may = (
        set(one(lived, ticket_id, role).json()["possible"]) for role in (Role.AGENT, Role.TECHNICIAN)
    )

    assert desk_may - technician_may == {"assigned", "merged"}
    assert {"acknowledged", "resolved"} <= technician_may
    assert "reopened" not in desk_may
    assert one(lived, ticket_id, Role.OWNER).json()["possible"] == []
    step(lived, ticket_id, Role.AGENT, {"step": "closed"})
    assert set(one(lived, ticket_id).json()["possible"]) == {"resolved", "reopened", "noted"}


def test_tickets_are_found_by_service_area(lived: House) -> None:
    """Of the area that serves them; another has none."""
    with writing(lived.engine) as session:
        session.get_one(TicketRow, of(lived, "fridge-1")).service_area = "north"

    assert [row["appliance_id"] for row in listed(lived, "service_area=north").json()["items"]] == [
        "fridge-1"
    ]
    assert listed(lived, "service_area=nowhere").json()["items"] == []


@pytest.fixture
def unsure(house: House, desk: Alerts) -> str:
    """The id of a ticket about an air conditioner that may be one of two faults."""
    now = house.clock.now
    candidates = {"filter-clog": 0.5, "indoor-coil-icing": 0.4}
    one = Finding(
        FindingKind.OPENED, "fridge-1", "ac-35i", "filter-clog", "r", Severity.WARNING, now, now, 0.5, 0.5,
        candidates=candidates,
    )  # fmt: skip
    desk.effects.apply([one], [], 1)
    return of(house, "fridge-1")


def differential(house: House, ticket_id: str, role: Role = Role.AGENT) -> Any:
    return one(house, ticket_id, role).json()["differential"]


def test_a_ticket_says_what_to_ask_next_and_an_answer_changes_what_is_likeliest(
    house: House, unsure: str
) -> None:
    """In both languages, with what it is expected to tell; what was said stays beside the numbers."""
    before = differential(house, unsure)
    assert step(house, unsure, Role.AGENT, answer_to(before["ask"], "yes")).status_code == 200
    after = differential(house, unsure)

    assert [one["fault"] for one in before["candidates"]] == ["filter-clog", "indoor-coil-icing"]
    assert (before["ask"]["inquiry"], before["ask"]["of"]) == ("fan-only-at-full-speed", "appliance")
    assert (before["ask"]["minutes"], set(before["ask"]["text"])) == (10, {"en", "zh"})
    assert 0.3 < before["ask"]["bits"] < 1
    assert before["answers"] == []
    assert after["candidates"][0]["fault"] == "indoor-coil-icing"
    assert after["candidates"][0]["measured"] == 0.4
    assert sum(one["probability"] for one in after["candidates"]) + after["other"] == pytest.approx(1)
    assert [(one["inquiry"], one["answer"]) for one in after["answers"]] == [
        ("fan-only-at-full-speed", "yes")
    ]
    assert after["ask"] is None or after["ask"]["inquiry"] != "fan-only-at-full-speed"


def answer_to(asked: Any, reply: str) -> dict[str, str]:
    return {"step": "answered", "inquiry": asked["inquiry"], "answer": reply}


def test_who_does_not_know_is_asked_the_next_best_and_a_word_can_be_corrected(
    house: House, unsure: str
) -> None:
    """The numbers stay as they are; the corrected word alone counts."""
    first = differential(house, unsure)
    step(house, unsure, Role.AGENT, answer_to(first["ask"], "unknown"))
    second = differential(house, unsure)
    step(house, unsure, Role.AGENT, answer_to(first["ask"], "no"))
    corrected = differential(house, unsure)

    assert second["candidates"] == first["candidates"]
    assert second["ask"]["inquiry"] not in (None, first["ask"]["inquiry"])
    assert [one["answer"] for one in corrected["answers"]] == ["no"]
    assert corrected["candidates"][0]["fault"] == "filter-clog"
    assert corrected["candidates"][0]["probability"] > 0.7


def test_nothing_is_asked_where_no_prediction_is_behind_a_ticket(lived: House) -> None:
    """A ticket by a plain rule has no candidates."""
    assert differential(lived, of(lived, "fridge-1")) is None


def test_an_ended_ticket_shows_what_was_said_and_asks_no_more(house: House, unsure: str) -> None:
    """Its history stays readable."""
    step(house, unsure, Role.AGENT, answer_to(differential(house, unsure)["ask"], "unknown"))
    step(house, unsure, Role.AGENT, {"step": "closed"})

    shown = differential(house, unsure)
    refused = step(house, unsure, Role.AGENT, {**answer_to(shown["answers"][0], "yes")})

    assert (shown["ask"], len(shown["answers"]), refused.status_code) == (None, 1, 409)
