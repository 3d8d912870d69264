"""How long whoever guesses waits: never for nothing, never for ever, in bounded memory."""

from __future__ import annotations

from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from alerts.access.guesses import LONGEST_S, Devices, Guesses
from alerts.vault import Vault


class Hand:
    """A clock that a test moves, in s."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def guesses(most: int = 100) -> tuple[Guesses, Hand]:
    hand = Hand()
    return Guesses(most, hand), hand


def test_the_wait_doubles_and_has_an_end() -> None:
    """Three are free, then 1, 2, 4 s and so on up to a minute, also after a thousand."""
    counter, hand = guesses()
    waits = []
    for _ in range(1_000):
        assert counter.begin({"name a": 3}) == 0
        waits.append(counter.begin({"name a": 3}))
        hand.now += waits[-1]

    assert waits[:10] == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert max(waits) == LONGEST_S


@given(st.lists(st.floats(0, 100), min_size=50, max_size=400))
def test_an_hour_of_guessing_is_bounded(pauses: list[float]) -> None:
    """However the guesses are spread, in any hour no more are looked at than three, the doublings and one a minute."""
    counter, hand = guesses()
    looked: list[float] = []
    for pause in pauses:
        hand.now += pause
        if counter.begin({"name a": 3}) == 0:
            looked.append(hand.now)

    hour = [sum(at <= one < at + 3_600 for one in looked) for at in looked]
    assert max(hour) <= 3 + 6 + 1 + 60


def test_a_hundred_at_once_are_a_hundred() -> None:
    """Counted before they are looked at: of those that come together no more pass than of those that come in turn."""
    counter, _ = guesses()

    assert sum(counter.begin({"name a": 5}) == 0 for _ in range(100)) == 6 - 1


def test_who_was_refused_waits_no_longer_for_it() -> None:
    """Trying in vain does not put the end off."""
    counter, hand = guesses()
    while (wait := counter.begin({"name a": 3})) == 0:
        pass
    for _ in range(50):
        counter.begin({"name a": 3})

    hand.now += wait

    assert counter.begin({"name a": 3}) == 0


def test_a_name_of_ones_own_does_not_clear_an_address() -> None:
    """Whoever logs in under it between two guesses at others has no more of them."""
    counter, _ = guesses()
    passed = 0
    for number in range(100):
        passed += counter.begin({f"name {number}": 5, "address x": 20}) == 0
        if counter.begin({"name mine": 5, "address x": 20}) == 0:
            counter.right("name mine", {"name mine": 5, "address x": 20})

    assert passed <= 20


def test_a_right_one_forgets_the_wrong_ones_before_it() -> None:
    """Of the user who typed it."""
    counter, _ = guesses()
    for _ in range(4):
        counter.begin({"name a": 5})
    counter.begin({"name a": 5})
    counter.right("name a", {"name a": 5})

    assert [counter.begin({"name a": 5}) for _ in range(5)] == [0] * 5
    assert counter.begin({"name a": 5}) > 0


def test_an_hour_without_a_guess_is_forgiven() -> None:
    """Somebody who mistyped yesterday begins anew."""
    counter, hand = guesses()
    while counter.begin({"name a": 3}) == 0:
        pass
    hand.now += 3_600

    assert [counter.begin({"name a": 3}) for _ in range(3)] == [0, 0, 0]


def test_a_million_names_take_no_more_memory_than_the_most() -> None:
    """Whoever makes up names fills a table that has an end."""
    counter, _ = guesses(most=100)

    for number in range(50_000):
        counter.begin({f"name {number}": 5, f"address {number}": 20})

    assert len(counter) == 100


@given(st.text(max_size=80))
def test_no_text_but_what_was_made_here_is_a_known_device(text: str) -> None:
    """Nor is one that was made for another user, or elsewhere."""
    here, elsewhere = (Devices(Vault(Fernet.generate_key().decode())) for _ in range(2))
    made = here.new("kim")

    assert here.known(made, "kim") == made.partition(".")[0]
    assert here.known(made, "lee") is None
    assert elsewhere.known(made, "kim") is None
    assert here.known(text, "kim") is None
