"""On which terms an appliance is served: whose it is, where, and what was promised."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.policies.policy import Policy, Promise
from alerts.tables import ApplianceRow


@dataclass(frozen=True, slots=True)
class Contract:
    """`owner_id` is a reference without meaning, `service_area` no address."""

    owner_id: str | None
    service_area: str | None
    promise: Promise


def contract_of(policy: Policy, row: ApplianceRow | None) -> Contract:
    """What holds for an appliance, registered or not."""
    if row is None:
        return Contract(None, None, policy.service.to(None, None))
    return Contract(row.owner_id, row.service_area, policy.service.to(row.service_area, row.tier))
