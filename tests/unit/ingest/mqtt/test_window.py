"""ingest.mqtt.window: tokens and the order of acknowledgements."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.mqtt.window import NO_TOKEN, DeliveryWindow


@given(
    st.lists(st.integers(1, 65_535), unique=True, max_size=40), st.randoms(use_true_random=False), st.data()
)
def test_acknowledgements_leave_in_the_order_of_delivery(
    mids: list[int], random, data: st.DataObject
) -> None:  # type: ignore[no-untyped-def]
    """Tokens handed back in any order and any grouping free the packet ids in the order they came."""
    window = DeliveryWindow()
    tokens = [window.admit(mid) for mid in mids]
    random.shuffle(tokens)
    freed: list[int] = []

    while tokens:
        size = data.draw(st.integers(1, len(tokens)))
        freed += window.acknowledge(tokens[:size])
        tokens = tokens[size:]
        assert freed == mids[: len(freed)]

    assert freed == mids
    assert len(window) == 0


def test_a_token_of_a_lost_connection_frees_nothing() -> None:
    """Packet id 1 means another message after a reconnect, so the old token must not acknowledge it."""
    window = DeliveryWindow()
    old = window.admit(1)
    window.forget()
    new = window.admit(1)

    assert window.acknowledge([old]) == []
    assert window.acknowledge([new]) == [1]


def test_a_token_given_twice_frees_once() -> None:
    """A repeated acknowledgement is not passed on: brokers disconnect a client that does so."""
    window = DeliveryWindow()
    first, second = window.admit(1), window.admit(2)

    assert window.acknowledge([first, first]) == [1]
    assert window.acknowledge([first]) == []
    assert window.acknowledge([second]) == [2]


def test_a_message_without_token_frees_nothing() -> None:
    """QoS 0 messages travel through the same calls and need no acknowledgement."""
    window = DeliveryWindow()
    window.admit(7)

    assert window.acknowledge([NO_TOKEN]) == []
