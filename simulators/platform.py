"""A stand-in for a manufacturer's service platform: takes signed webhooks, drops repeats, shows the tickets.

It knows the Standard Webhooks specification and nothing of Foremend. On order it misbehaves: answers 500, hangs after
it took the event (so that the sender cannot know), names a time to wait, or says that it is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook, WebhookVerificationError

_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, type TEXT, subject TEXT, body BLOB, at INTEGER
);
CREATE TABLE IF NOT EXISTS deliveries (seq INTEGER PRIMARY KEY, id TEXT, verdict TEXT, at INTEGER);
"""


class Faults(BaseModel):
    """What to do to the next deliveries, in this order: 500s, then hangs, then 503 with Retry-After, then 410."""

    model_config = ConfigDict(extra="forbid")
    server_errors: int = Field(default=0, ge=0)
    hangs: int = Field(default=0, ge=0)
    hang_s: float = Field(default=30.0, ge=0)
    busy: int = Field(default=0, ge=0)
    retry_after_s: int = Field(default=1, ge=0)
    gone: int = Field(default=0, ge=0)


class Store:
    """What arrived: events once by their id, and every delivery with its verdict. Survives a restart."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.executescript(_TABLES)
        self._lock = threading.Lock()

    def accept(self, event_id: str, body: bytes) -> str:
        """Keep an event; answers `accepted`, or `repeat` when its id is known."""
        event = orjson.loads(body)
        row = (event_id, event.get("type", ""), event.get("subject", ""), body, _now())
        with self._lock, self._connection as connection:
            insert = "INSERT OR IGNORE INTO events (id, type, subject, body, at) VALUES (?, ?, ?, ?, ?)"
            return "accepted" if connection.execute(insert, row).rowcount else "repeat"

    def log(self, event_id: str, verdict: str) -> None:
        with self._lock, self._connection as connection:
            row = (event_id, verdict, _now())
            connection.execute("INSERT INTO deliveries (id, verdict, at) VALUES (?, ?, ?)", row)

    def events(self) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._connection.execute("SELECT body FROM events ORDER BY seq").fetchall()
        return [orjson.loads(body) for (body,) in rows]

    def counts(self, what: str) -> dict[str, int]:
        """Numbers of `type`s of events, or of `verdict`s of deliveries."""
        table = {"type": "events", "verdict": "deliveries"}[what]
        with self._lock:
            rows = self._connection.execute(f"SELECT {what}, count(*) FROM {table} GROUP BY {what}")
            return dict(rows.fetchall())

    def close(self) -> None:
        self._connection.close()


class Desk:
    """Judges deliveries, and misbehaves as told."""

    def __init__(self, secret: str, store: Store) -> None:
        self._signature = Webhook(secret)
        self.store = store
        self.faults = Faults()

    async def receive(self, headers: dict[str, str], body: bytes) -> Response:
        event_id = headers.get("webhook-id", "")
        try:
            self._signature.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):
            self.store.log(event_id, "bad signature")
            return Response(status_code=401)
        refusal = self._misbehave()
        if refusal is not None:
            self.store.log(event_id, f"refused {refusal.status_code}")
            return refusal
        self.store.log(event_id, self.store.accept(event_id, body))
        if self.faults.hangs:
            self.faults.hangs -= 1
            await asyncio.sleep(self.faults.hang_s)
        return Response(status_code=204)

    def _misbehave(self) -> Response | None:
        if self.faults.server_errors:
            self.faults.server_errors -= 1
            return Response(status_code=500)
        if not self.faults.hangs and self.faults.busy:
            self.faults.busy -= 1
            return Response(status_code=503, headers={"Retry-After": str(self.faults.retry_after_s)})
        if not self.faults.hangs and self.faults.gone:
            self.faults.gone -= 1
            return Response(status_code=410)
        return None


def create_app(secret: str, store: Store) -> FastAPI:
    """The platform: POST /webhooks, GET /tickets, /events, /stats, and PUT /faults to make it misbehave."""
    app = FastAPI(title="Stand-in service platform")
    desk = Desk(secret, store)

    @app.post("/webhooks")
    async def webhooks(request: Request) -> Response:
        return await desk.receive(dict(request.headers), await request.body())

    @app.put("/faults")
    async def set_faults(faults: Faults) -> Faults:
        desk.faults = faults
        return faults

    @app.get("/tickets")
    async def tickets() -> list[dict[str, Any]]:
        return latest_tickets(store.events())

    @app.get("/events")
    async def events() -> list[dict[str, Any]]:
        return store.events()

    @app.get("/stats")
    async def stats() -> dict[str, dict[str, int]]:
        return {"events": store.counts("type"), "deliveries": store.counts("verdict")}

    return app


def latest_tickets(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each ticket as its last event left it; a withdrawn consent stops the tickets that it names."""
    tickets: dict[str, dict[str, Any]] = {}
    for event in events:
        data = event["data"]
        if event["type"].startswith("foremend.ticket."):
            tickets[data["ticket_id"]] = data
        elif event["type"] == "foremend.consent.changed" and not data["given"]:
            for ticket_id in data["tickets"]:
                tickets.setdefault(ticket_id, {"ticket_id": ticket_id})["status"] = "withdrawn"
    return list(tickets.values())


def run(host: str, port: int, secret: str, store: Path) -> None:
    """Serve until a signal ends it; port 0 takes a free one, which the log names."""
    kept = Store(store)
    try:
        app = create_app(secret, kept)
        # A delivery that hangs on order must not keep us from stopping.
        uvicorn.run(app, host=host, port=port, access_log=False, timeout_graceful_shutdown=1)
    finally:
        kept.close()


def _now() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """`python -m simulators.platform --port 9000 --secret-file var/webhook.secret --store var/platform.db`."""
    parser = argparse.ArgumentParser(description="A stand-in service platform.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    given = parser.parse_args()
    run(given.host, given.port, given.secret_file.read_text().strip(), given.store)


if __name__ == "__main__":
    main()
