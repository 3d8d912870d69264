"""Somebody says of an appliance: this is how it is now. The pipeline learns anew what is usual for it."""

from __future__ import annotations

from typing import Any

from foremend.config import Settings
from foremend.jobs.household import known_appliances
from foremend.runtimes.clock import SystemClock
from foremend.stores.orders import Orders
from foremend.vocabulary.errors import ConfigError, RefusedError
from foremend.vocabulary.ids import unknown
from foremend.vocabulary.topics import usual_order


def take_as_usual(settings: Settings, appliance: str) -> dict[str, Any]:
    """Order it of the pipeline on this machine, which carries it out within a second, or at its next start.

    Raises ConfigError for an appliance that is not known, RefusedError where workers on Kafka have its state.
    """
    if "kafka" in settings.model_fields_set:
        raise RefusedError(
            "workers on Kafka keep what is usual for an appliance, and take no orders: there, what lasts goes on being"
            " told until it ends; `foremend run` on one machine takes them"
        )
    known = known_appliances(settings)
    if appliance not in known:
        raise ConfigError(str(unknown("appliance", appliance, known, "let `foremend run` hear it first")))
    order = usual_order(known[appliance], appliance)
    Orders(settings.storage.folder).give(order, SystemClock().now_ms())
    return {"appliance": appliance, "learnt_anew": "from now on, in about ten days"}
