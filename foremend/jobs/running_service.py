"""The service that runs, asked over HTTP by commands that show what its page does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from foremend.config import ServiceSettings, load_settings
from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError

TOKEN = "FOREMEND_TOKEN"
"""The environment variable that holds a token, where the service lets nobody in without one."""
_PATIENCE_S = 10.0


@contextmanager
def running_service(config: Path | None) -> Iterator[RunningService]:
    """The one that `config` names."""
    address = _address(load_settings(config).service)
    token = os.environ.get(TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=address, headers=headers, timeout=_PATIENCE_S, trust_env=False) as client:
        yield RunningService(address, client)


class _Nothing(UnavailableError):
    """The service says that there is none."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """Answers what its API does."""

    address: str
    client: httpx.Client

    def ask(self, path: str, **parameters: object) -> Any:
        """What stands at a path; parameters that are None are left out.

        Raises UnavailableError where no service answers, RefusedError where it wants another token, ConfigError for
        what cannot be asked.
        """
        asked = {name: str(value) for name, value in parameters.items() if value is not None}
        try:
            answer = self.client.get(path, params=asked)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"no service answers at {self.address} ({error or type(error).__name__}): start foremend run, or"
                " foremend service, with the same config"
            ) from error
        self._require_answer(answer, path)
        try:
            return answer.json()
        except ValueError as error:
            raise self.strange() from error

    def find(self, path: str, **parameters: object) -> Any | None:
        """As `ask`; None where there is no such thing."""
        try:
            return self.ask(path, **parameters)
        except _Nothing:
            return None

    def strange(self) -> UnavailableError:
        """The error for an answer that is none of ours."""
        return UnavailableError(
            f"what answers at {self.address} is no Foremend, or one of another version: service.port of the config"
            " says where to ask"
        )

    def _require_answer(self, answer: httpx.Response, path: str) -> None:
        if answer.status_code in (401, 403):
            raise RefusedError(
                f"{self.address} lets nobody read {path} without a token that may: put one into {TOKEN}"
                f" (foremend tokens create --name NAME --role operator); it says: {_wrong(answer)}"
            )
        if answer.status_code in (400, 422):
            raise ConfigError(_wrong(answer))
        if answer.status_code == 404 and answer.headers.get("content-type") == "application/problem+json":
            raise _Nothing(f"{self.address}{path}: {_wrong(answer)}")
        if answer.status_code != 200:
            raise UnavailableError(
                f"{self.address}{path} answers {answer.status_code}: see the log of the service, if it is Foremend's"
            )


def _wrong(answer: httpx.Response) -> str:
    """What the service says is wrong with what it was asked."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the service answers {answer.status_code}"


def _address(service: ServiceSettings) -> str:
    """Where a service of these settings is reached from this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(service.host, service.host)
    return f"http://{f'[{here}]' if ':' in here else here}:{service.port}"
