"""What a command costs before it does anything: CPU (user and system) of whole processes, medians of 7 runs.

    python -m benchmarks.commands [--json] [--runs 7]

`check` with the shipped file, with examples and without, and the help that everybody meets first. Each is run once
before, so that bytecode and the disk's cache are warm; compare only within one run.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys

COMMANDS = (("--help",), ("check",), ("check", "--examples"), ("faults",), ("run", "--help"))


def cpu_s(*arguments: str) -> float:
    """CPU seconds of one `foremend` with `arguments`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "foremend", *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(runs: int) -> dict[str, float]:
    """Command -> median of CPU seconds; the commands take turns, so that a busy machine hits all alike."""
    taken: dict[str, list[float]] = {" ".join(command): [] for command in COMMANDS}
    for run in range(runs + 1):
        for command in COMMANDS:
            used = cpu_s(*command)
            if run:
                taken[" ".join(command)].append(used)
    return {name: round(statistics.median(each), 3) for name, each in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    found = measure(arguments.runs)
    if arguments.json:
        sys.stdout.write(json.dumps({"cpu_s": found}, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{name:<20} {used:6.2f} s\n" for name, used in found.items())


if __name__ == "__main__":
    main()
