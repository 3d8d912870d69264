"""The fleet as a list, and the same as a file for a spreadsheet, under `/api/v1`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from fastapi.responses import StreamingResponse

from alerts.queries import ANY, Traits
from foremend.service.fleet_walk import FleetFilter, Sort
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import stated
from foremend.service.sight import Sight
from foremend.service.v1.lists import Cursor, Limit, Text
from foremend.service.views import FleetRow, FleetState, Part
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.spreadsheets import plain_cell

OfFleet = Annotated[Caller, Depends(Needs(Right.FLEET))]
Search = Annotated[
    str,
    Query(
        max_length=100,
        pattern=r"^[^\x00]*$",
        description="How the id begins, as it is written; with the right `owners` also the owner's reference",
    ),
]
Order = Annotated[
    Sort,
    Query(
        description="`urgency`: by state, in it what fails first; `days_left`: what fails first, whatever the state"
    ),
]
_OfPlate = Annotated[Text, Query(description="Of its nameplate; asks for the right `owners`")]


def _traits(
    service_area: Text = None,
    region: _OfPlate = None,
    batch: _OfPlate = None,
    firmware: Annotated[Text, Query(description="The newest that is known of its nameplate")] = None,
) -> Traits:
    return Traits(service_area, region, batch, firmware)


COLUMNS = tuple(FleetRow.model_fields)
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": ", ".join(COLUMNS)}
}


def add_fleet(app: FastAPI, look: Callable[[Caller], Sight]) -> None:
    """Routes over what `look` lets a caller see."""

    @app.get("/api/v1/appliances", tags=["appliances"], operation_id="listAppliances", responses=stated(400))
    def list_appliances(
        caller: OfFleet,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Order = "urgency",
        search: Search = "",
        state: FleetState | None = None,
        appliance_model: Text = None,
        fault: Text = None,
        traits: Annotated[Traits, Depends(_traits)] = ANY,
    ) -> Part[FleetRow]:
        """Appliances, the most urgent first; `state=never_heard` are those registered of which nothing ever came."""
        wanted = FleetFilter(state, appliance_model, fault, search, traits)
        return look(caller).some_of_fleet(wanted, sort, limit, cursor)

    @app.get(
        "/api/v1/appliances.csv",
        tags=["appliances"],
        operation_id="exportAppliances",
        response_class=StreamingResponse,
        responses=stated(400) | _CSV,
    )
    def export_appliances(
        caller: OfFleet,
        sort: Order = "urgency",
        search: Search = "",
        state: FleetState | None = None,
        appliance_model: Text = None,
        fault: Text = None,
        traits: Annotated[Traits, Depends(_traits)] = ANY,
    ) -> StreamingResponse:
        """The whole list as CSV, UTF-8 with its mark; what a spreadsheet would take for a formula begins with '."""
        blocks = look(caller).all_of_fleet(FleetFilter(state, appliance_model, fault, search, traits), sort)
        first = next(blocks, [])  # what cannot be read is told before the answer begins
        return StreamingResponse(
            as_csv(chain([first], blocks)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="appliances.csv"'},
        )


def as_csv(blocks: Iterator[list[FleetRow]]) -> Iterator[bytes]:
    """A piece for the head, and one for each block."""
    yield b"\xef\xbb\xbf" + _lines([COLUMNS])
    for block in blocks:
        yield _lines([[_cell(getattr(row, name)) for name in COLUMNS] for row in block])


def _cell(value: object) -> str:
    """Text that no spreadsheet takes for a formula: ids and names come from outside. Numbers are ours."""
    if isinstance(value, int):
        return str(value)
    return plain_cell(" ".join(value) if isinstance(value, list) else str(value or ""))


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
