"""Debian's PostgreSQL for tests and benchmarks: on a socket in a temporary folder, as `postgres` where we are root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from foremend.vocabulary.errors import UnavailableError

_PROGRAMS = Path("/usr/lib/postgresql")


class PostgresServer:
    """One server with an empty cluster, running; it can be stopped and started again. Raises UnavailableError."""

    def __init__(self) -> None:
        programs = sorted(_PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name))
        if not programs:
            raise UnavailableError("PostgreSQL is not installed: apt-get install -y postgresql")
        self._programs = programs[-1]
        self._account: dict[str, Any] = {"user": "postgres"} if os.getuid() == 0 else {}
        # Not below another's folder, which only its owner may enter.
        self._folder = tempfile.TemporaryDirectory(prefix="foremend-postgres-")
        if self._account:
            shutil.chown(self._folder.name, "postgres")
        self.address = f"postgresql://foremend@/{{}}?host={self._folder.name}"
        """Of its databases, their name left open."""
        console = self.address.format("postgres").replace("postgresql:", "postgresql+psycopg:")
        self._console = create_engine(console, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        self._call("initdb", "-U", "foremend", "-A", "trust", "--no-sync")
        self.start()

    @property
    def running(self) -> bool:
        return Path(f"{self._folder.name}/data/postmaster.pid").exists()

    @property
    def pid(self) -> int:
        """Of the process whose children serve."""
        return int(Path(f"{self._folder.name}/data/postmaster.pid").read_text().split()[0])

    def new_database(self, like: str = "template1") -> str:
        """The address of a copy of the one with that name, to which nobody is connected; else of an empty one."""
        name = f"t{uuid.uuid4().hex}"
        with self._console.connect() as console:
            console.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
        return self.address.format(name)

    def drop(self, address: str) -> None:
        """Remove one that `new_database` made, whoever is still connected to it; nothing where the server stands."""
        if self.running:
            with self._console.connect() as console:
                console.execute(text(f"DROP DATABASE {make_url(address).database} WITH (FORCE)"))

    def idle_writers(self, seconds: float) -> int:
        """Transactions that wrote something and wait for their client since so long; of all databases."""
        import psycopg

        question = (
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'"
            " AND backend_xid IS NOT NULL AND state_change < clock_timestamp() - make_interval(secs => %s)"
        )
        with psycopg.connect(self.address.format("postgres"), autocommit=True) as console:
            row = console.execute(question, [seconds]).fetchone()
        return int(row[0]) if row else 0

    def start(self) -> None:
        """Returns when clients are served. Safe to call twice."""
        if self.running:
            return
        folder = self._folder.name
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        self._call("pg_ctl", "-l", f"{folder}/log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """At once, as a machine's end would; what was committed is there after a start. Safe to call twice."""
        if self.running:
            self._call("pg_ctl", "-m", "immediate", "-w", "stop")

    def close(self) -> None:
        """Stop, and remove its folder."""
        self._console.dispose()
        self.stop()
        self._folder.cleanup()

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", f"{self._folder.name}/data", *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._account)
