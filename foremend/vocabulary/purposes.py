"""What an owner can agree to. Apart from `types`, so that the command line needs no numpy to know it."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """What an owner can agree to, each given and withdrawn on its own."""

    MONITORING = "monitoring"
    TICKET = "ticket"
    SMS = "sms"
    PUSH = "push"
    EMAIL = "email"
    TRAINING = "training"
    WELLBEING = "wellbeing"
    AT_NIGHT = "at_night"  # of harm under way: messages of agreed channels may pass the quiet hours


BEHIND_TICKETS = frozenset({Purpose.TICKET, Purpose.MONITORING})
"""Without the owner's yes to these a ticket has nothing to stand on."""
