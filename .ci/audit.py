"""Are any of the pinned packages known to be vulnerable? `make audit`; options go to pip-audit.

    .venv/bin/python .ci/audit.py [--lock FILE] [--vulnerability-service osv] ...

Ends with 0 when nothing is known, 1 when something is, and 0 with a plain sentence where nobody could be asked: then
what the lock file's date says is all that is known. pip-audit itself ends with 0 and "No known vulnerabilities found"
where the advisory service knows none of the packages, so the answer is read package by package.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements-dev.lock"
_LONGEST_S = 300


def asked(lock: Path, options: Sequence[str]) -> tuple[list[dict[str, Any]], str]:
    """What pip-audit says of each package of `lock`, and why it says nothing where it does not."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(lock), "--require-hashes", "--disable-pip"]
    command += ["--progress-spinner", "off", "--format", "json", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return [], f"the advisory service did not answer within {_LONGEST_S} s"
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except ValueError:
        lines = done.stderr.strip().splitlines()
        return [], lines[-1] if lines else f"pip-audit ended with {done.returncode}"


def verdict(packages: Sequence[dict[str, Any]], why_not: str, since: str) -> tuple[int, str]:
    """The exit code and what to print; `since` says how old the lock file is."""
    judged = [package for package in packages if "vulns" in package]
    found = [_words(package, flaw) for package in judged for flaw in package["vulns"]]
    if found:
        return 1, "\n".join(["known vulnerabilities:", *found])
    if not judged:
        reason = why_not or "the advisory service knows none of the pinned packages"
        return 0, f"NOT CHECKED for known vulnerabilities: {reason}. {since}, and nothing later is known here"
    left = len(packages) - len(judged)
    rest = f"; {left} could NOT be checked" if left else ""
    return 0, f"no known vulnerability in {len(judged)} pinned packages{rest}"


def _words(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    mended = ", ".join(flaw["fix_versions"]) or "no release"
    return f"{package['name']} {package['version']}: {flaw['id']}, mended in {mended}"


def age_of(lock: Path) -> str:
    """How old the pinned versions are, from the last commit that changed them."""
    command = ["git", "log", "-1", "--format=%cs", "--", lock.name]
    said = subprocess.run(
        command, capture_output=True, text=True, cwd=lock.parent, check=False
    ).stdout.strip()
    if not said:
        return "The lock file's date is unknown"
    days = (date.today() - date.fromisoformat(said)).days
    return f"The lock file is of {said}, {days} days old"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lock", type=Path, default=LOCK)
    given, options = parser.parse_known_args(arguments)
    code, words = verdict(*asked(given.lock, options), age_of(given.lock))
    sys.stdout.write(words + "\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
