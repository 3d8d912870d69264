"""What is done now and again outlives whatever one round raises."""

import threading

import pytest

from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.rounds import Rounds


@pytest.mark.parametrize("error", [UnavailableError("the disk is full"), KeyError("13800000000")])
def test_a_round_that_raises_is_told_once_and_tried_again(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Foreseen or not, the next rounds come; one line when it fails, one when it works, and no word of a stranger's."""
    worked = threading.Event()
    left = [error, error]

    def act() -> None:
        if left:
            raise left.pop()
        worked.set()

    rounds = Rounds("the round", act, every_s=0.0, again_s=0.0)
    rounds.start()
    assert worked.wait(30)
    rounds.close()

    assert rounds.trouble is None
    assert sum("trying again until it works" in line for line in caplog.messages) == 1
    assert caplog.messages.count("the round works again") == 1
    assert "13800000000" not in caplog.text


def test_what_stands_in_the_way_is_told_until_it_works() -> None:
    """`trouble` is for pages of health, from any thread."""
    tried = threading.Event()

    def act() -> None:
        tried.set()
        raise UnavailableError("the disk is full")

    rounds = Rounds("the round", act, every_s=60.0)
    rounds.start()
    assert tried.wait(30)
    rounds.close()

    assert rounds.trouble == "the round: the disk is full"


def test_a_long_round_sees_that_the_end_is_asked() -> None:
    """`close` waits for the round, and the round for no more than the part that it is at."""
    began = threading.Event()
    rounds: Rounds

    def act() -> None:
        began.set()
        assert rounds.stopping.wait(30)

    rounds = Rounds("the round", act, every_s=60.0)
    rounds.start()
    assert began.wait(30)
    rounds.close()

    assert rounds.trouble is None


def test_what_never_began_ends_at_once() -> None:
    """As where a start failed before its turn came."""
    Rounds("the round", lambda: None, every_s=60.0).close()
