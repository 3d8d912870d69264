"""A link to an owner's own page: the address, and a token of role `owner` behind it."""

from __future__ import annotations

from typing import Any

from alerts.desk import Alerts
from alerts.wording import iso
from foremend.config import Settings, address_of
from foremend.jobs.tokens import by_account
from foremend.vocabulary.rights import Role

PATH = "/o"


def link_for(desk: Alerts, settings: Settings, owner_id: str, days: int) -> dict[str, Any]:
    """One that holds for so many days, under `alerts.stop_url` where that is set, else where staff reach the service.

    Raises InputError for an owner whom nobody registered, with the nearest whom somebody did, and for days out of
    bounds.
    """
    by = by_account()
    desk.consents.owner(owner_id, by)
    token, text = desk.access.tokens.create("own page", Role.OWNER, days, by, None, owner_id)
    base = settings.alerts.stop_url or address_of(settings.service)
    return {
        "owner_id": owner_id,
        "link": f"{base}{PATH}/{text}",
        "ends": iso(token.expires_at),
        "token": token.id,
    }
