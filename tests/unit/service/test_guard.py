"""What stands before every route: names, bodies, rates, and who counts as this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from foremend.service.app import create_app
from foremend.service.guard.bodies import BoundedBodies
from foremend.service.guard.door import Door, is_loopback
from foremend.service.guard.problems import add_problems
from foremend.service.guard.rates import BURST_S, Buckets, neighbourhood
from foremend.service.server import Server


@pytest.fixture(scope="module")
def client(world: Any) -> Iterator[httpx.Client]:
    app = create_app(world.model, ("0.0.0.0", "foremend.example"))
    with (
        Server(app, "0.0.0.0", 0) as address,
        httpx.Client(base_url=address.replace("0.0.0.0", "127.0.0.1"), timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("foremend.example", 200),
        ("FOREMEND.example:8080", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        ("10.0.3.4:8080", 200),
        ("evil.example", 400),
        ("foremend.example.evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("foremend.example@evil.example", 400),
        ("", 400),
    ],
)
def test_on_all_addresses_only_the_configured_names_are_answered(
    client: httpx.Client, host: str, status: int
) -> None:
    """Addresses too, of which nobody can rebind one; any other name is refused with the setting to mend."""
    answer = client.get("/api/vocabulary", headers={"host": host})

    assert answer.status_code == status
    assert status == 200 or "service.names" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"])
def test_what_a_gateway_on_this_machine_hands_on_is_not_this_machine(
    client: httpx.Client, header: str
) -> None:
    """Else a reverse proxy would open the page to the world."""
    assert client.get("/api/fleet").status_code == 200
    assert client.get("/api/fleet", headers={header: "127.0.0.1"}).status_code == 401


def test_a_service_on_other_addresses_is_closed_without_a_token(world: Any) -> None:
    """Also to this machine: what listens to others does not tell them apart by where they come from."""
    with Server(create_app(world.model, door=Door(None, False)), "127.0.0.1", 0) as address:
        answer = httpx.get(f"{address}/api/fleet", timeout=60)
        page = httpx.get(address, timeout=60)

    assert answer.status_code == 401
    assert "token" in answer.json()["detail"]
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.1.2", False), ("localhost.evil.example", False), ("", False)],
)  # fmt: skip
def test_only_loopback_is_this_machine_alone(host: str, alone: bool) -> None:
    """What cannot be told is not."""
    assert is_loopback(host) is alone


@pytest.fixture(scope="module")
def small() -> Iterator[httpx.Client]:
    """An application that reads bodies of a hundred bytes."""
    app = FastAPI()
    add_problems(app)
    app.add_middleware(BoundedBodies, most=100)

    @app.post("/")
    async def length(request: Request) -> int:
        return len(await request.body())

    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def test_a_body_that_is_too_long_is_refused(small: httpx.Client) -> None:
    """Whether it says its length or comes in pieces that do not."""
    assert small.post("/", content=b"x" * 100).json() == 100
    assert small.post("/", content=b"x" * 101).status_code == 413
    assert small.post("/", content=iter([b"x" * 60, b"x" * 60])).status_code == 413
    assert small.post("/", content=iter([b"x" * 60])).json() == 60


def test_who_asks_too_fast_is_told_when_to_come_again(world: Any) -> None:
    """429 with Retry-After, also on what needs no right."""
    door = Door(addresses=Buckets(0.001))
    with (
        Server(create_app(world.model, door=door), "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        answers = [client.get("/openapi.json") for _ in range(2)]
        health = [client.get(path).status_code for path in ("/livez", "/readyz")]

    assert health == [200, 429]  # one bucket for both, which no other request empties
    assert [one.status_code for one in answers] == [200, 429]
    assert int(answers[1].headers["retry-after"]) > 0
    assert "from this address" in answers[1].json()["detail"]


@pytest.mark.parametrize(("proxies", "last"), [(["127.0.0.1"], 200), (["10.9.8.7"], 429), ([], 429)])
def test_only_a_gateway_that_is_trusted_says_whom_it_asks_for(
    world: Any, proxies: list[str], last: int
) -> None:
    """Two people behind it are two addresses; by anybody else's word they would be as many as that one likes."""
    door = Door(addresses=Buckets(0.001))
    with (
        Server(create_app(world.model, door=door), "127.0.0.1", 0, proxies=proxies) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        asked = ("203.0.113.1", "203.0.113.2")
        answers = [client.get("/openapi.json", headers={"X-Forwarded-For": one}) for one in asked]
        fleet = client.get("/api/fleet", headers={"X-Forwarded-For": "127.0.0.1"})

    assert [one.status_code for one in answers] == [200, last]
    assert fleet.status_code == (401 if last == 200 else 429)


class Hand:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from("ab")), max_size=300), st.floats(0.5, 20))
def test_nobody_passes_more_often_than_the_rate_allows(steps: list[tuple[float, str]], rate: float) -> None:
    """At any moment at most the burst and what came in since; one name takes nothing from another."""
    hand = Hand()
    buckets, passed = Buckets(rate, now=hand), {"a": 0, "b": 0}
    burst = max(rate * BURST_S, 1.0)

    for wait, name in steps:
        hand.now += wait
        passed[name] += buckets.wait_s(name) == 0

        assert all(number <= burst + hand.now * rate + 1e-6 for number in passed.values())


def test_who_waits_as_long_as_told_passes() -> None:
    """The wait is enough, and a second less is not told."""
    hand = Hand()
    buckets = Buckets(0.5, now=hand)
    while (wait := buckets.wait_s("a")) == 0:
        pass

    hand.now += wait

    assert buckets.wait_s("a") == 0


def test_a_million_names_take_no_more_memory_than_the_most() -> None:
    """Whoever makes up addresses fills a table that has an end."""
    buckets = Buckets(1, most=100)

    for number in range(100_000):
        buckets.wait_s(str(number))

    assert len(buckets) == 100


def test_addresses_of_one_household_count_as_one() -> None:
    """IPv6 hands out a /64 at least: another address within it is no other caller."""
    one, other, far = (
        neighbourhood({"client": (address, 1)})
        for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1")
    )

    assert one == other != far
    assert neighbourhood({"client": None}) == "unknown"
