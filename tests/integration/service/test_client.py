"""A typed client generated from docs/openapi.json works with the real service: `make client`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.fuzz_api import House, serving
from tests.conftest import not_here

ROOT = Path(__file__).parents[3]
GENERATOR = shutil.which(
    os.environ.get("FOREMEND_CLIENT_GENERATOR")
    or str(ROOT / ".venv-client" / "bin" / "openapi-python-client")
)
USE = """
import sys
from typing import Any

import httpx

from foremend_client import AuthenticatedClient
from foremend_client.api.diagnoses import answer_diagnosis, diagnose
from foremend_client.api.tickets import get_ticket, get_ticket_chart, list_tickets, take_step
from foremend_client.models.acknowledged import Acknowledged
from foremend_client.models.answered_diagnosis import AnsweredDiagnosis
from foremend_client.models.answering import Answering
from foremend_client.models.diagnosis_view import DiagnosisView
from foremend_client.models.owner_word import OwnerWord
from foremend_client.models.part_ticket_view import PartTicketView
from foremend_client.models.problem_view import ProblemView
from foremend_client.models.ticket_status import TicketStatus
from foremend_client.models.ticket_view import TicketView

patience = httpx.Timeout(60)
with AuthenticatedClient(timeout=patience, base_url=sys.argv[1], token=sys.argv[2]) as client:
    seen: list[str] = []
    cursor: Any = None
    while True:
        part = list_tickets.sync(client=client, status=TicketStatus.OPEN, limit=3, cursor=cursor)
        assert isinstance(part, PartTicketView), part
        seen += [one.ticket_id for one in part.items]
        cursor = part.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 4, seen

    etag = get_ticket.sync_detailed(seen[0], client=client).headers["ETag"]
    step = Acknowledged(step="acknowledged", note="by a program")
    taken = [
        take_step.sync(seen[0], client=client, body=step, if_match=etag, idempotency_key="k-1") for _ in range(2)
    ]
    for one in taken:
        assert isinstance(one, TicketView) and one.status is TicketStatus.ACKNOWLEDGED, one
    stale = take_step.sync(seen[0], client=client, body=step, if_match=etag)
    assert isinstance(stale, ProblemView) and stale.status == 412, stale

    chart = get_ticket_chart.sync(seen[0], client=client)
    assert isinstance(chart, str) and "</svg>" in chart, chart

    found = diagnose.sync("fridge-1", client=client)
    assert isinstance(found, DiagnosisView) and found.faults, found
    said = answer_diagnosis.sync(found.diagnosis_id, client=client, body=Answering(answer=OwnerWord.SOLVED))
    assert isinstance(said, AnsweredDiagnosis) and said.outcome == "solved", said
    unknown = diagnose.sync("fridge-9", client=client)
    assert isinstance(unknown, ProblemView) and "did you mean" in unknown.detail, unknown
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a freshly made client is in; a part of the API that it would lack is an error."""
    if GENERATOR is None:
        not_here("the generator is not here: make client")
    folder = tmp_path_factory.mktemp("client")
    command = [
        GENERATOR, "generate", "--path", str(ROOT / "docs" / "openapi.json"),
        "--config", str(ROOT / "docs" / "client.yaml"),
        "--meta", "none", "--output-path", str(folder / "foremend_client"), "--fail-on-warning",
    ]  # fmt: skip
    beside = f"{Path(GENERATOR).parent}{os.pathsep}{os.environ['PATH']}"  # it formats by the ruff beside it
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": beside}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "use.py").write_text(USE)
    return folder


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The process of `foremend service`."""
    with serving(f"sqlite:///{tmp_path}/f.db", tmp_path) as found:
        yield found


def test_a_generated_client_works_with_the_service(client: Path, house: House) -> None:
    """Pages, steps on the version that was read, keys, pictures, a diagnosis, and problems as values."""
    token = house.headers["admin"]["Authorization"].removeprefix("Bearer ")
    python = str(Path(str(GENERATOR)).with_name("python"))

    done = subprocess.run(
        [python, "use.py", house.address, token], cwd=client, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_what_uses_it_is_checked_by_types(client: Path) -> None:
    """mypy takes the program above, and refuses a parameter that there is none of."""
    wrong = ("from foremend_client.api.tickets import list_tickets", 'list_tickets.sync(stauts="open")', "")
    (client / "wrong.py").write_text("\n".join(wrong))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"]

    right, refused = (
        subprocess.run(
            [*command, "--config-file=", name], cwd=client, capture_output=True, text=True, check=False
        )
        for name in ("use.py", "wrong.py")
    )

    assert right.returncode == 0, right.stdout
    assert "stauts" in refused.stdout
