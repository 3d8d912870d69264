"""PostgreSQL's own `pg_dump` and `pg_restore`, which know its types and versions better than we could."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from alerts.database import checked_url
from foremend.vocabulary.errors import ConfigError, UnavailableError

_QUIET = ("--no-owner", "--no-privileges", "--no-password")


def dump(url: str, snapshot: str, target: Path) -> None:
    """Write the database at `url` into `target` as the exported `snapshot` has it.

    Raises ConfigError where pg_dump is not installed, UnavailableError where it does not come to its end.
    """
    _call("pg_dump", url, f"--snapshot={snapshot}", "--format=custom", f"--file={target}")


def bring_back(url: str, source: Path, over: bool) -> None:
    """Read `source` into the database at `url`, all of it or nothing; `over` replaces the tables that are there.

    Raises ConfigError where pg_restore is not installed, UnavailableError where it does not come to its end.
    """
    clean = ("--clean", "--if-exists") if over else ()
    _call("pg_restore", url, "--single-transaction", "--exit-on-error", *clean, str(source))


def _call(program: str, url: str, *arguments: str) -> None:
    """The password goes through the environment, where other accounts of the machine do not see it."""
    if shutil.which(program) is None:
        raise ConfigError(
            f"alerts.database is PostgreSQL and {program} is not on the PATH: install the PostgreSQL client programs,"
            " at least as new as the server"
        )
    parsed = checked_url(url).set(drivername="postgresql")
    environment = {**os.environ, **({"PGPASSWORD": parsed.password} if parsed.password else {})}
    address = parsed.set(password=None).render_as_string()
    done = subprocess.run(
        [program, *_QUIET, f"--dbname={address}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"{program} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
