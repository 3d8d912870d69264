"""`foremend service`: the page and the messages, where workers do the rest."""

from __future__ import annotations

from foremend.commands.common import Config


def service(config: Config = None) -> None:
    """Serve the page and send what is due, beside workers on the same database, until interrupted."""
    from foremend.wiring.service import run_service

    run_service(config)
