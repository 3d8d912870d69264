"""What a command costs before it does anything: CPU (user and system) of whole processes, medians of 7 runs.

    python -m benchmarks.commands [--json] [--runs 7]

`check` with the shipped file, with examples and without, with two files of one's own, and the help that everybody meets
first. Each is run once
before, so that bytecode and the disk's cache are warm; compare only within one run.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile

OWN_RULES = """
rules:
  book:
    - {name: overload, fault: overload, when: {signal: power, above: 100, unit: W}, sustained_for: 1 h}
examples:
  - say: two hours of overload are told
    appliance_model: generic-compressor
    given: [{values: {power_mean: [50, 200, 200]}}]
    expect: [{after: 3 h, finding: opened, fault: overload, severity: warning}]
"""
OWN = {
    "<rule>": f"extends: shipped{OWN_RULES}",
    "<doubt>": "extends: shipped\ningest: {lateness: 20 min}\n",
}
"""Files of one's own: with a rule and an example of windows, and one that puts every shipped example in doubt."""
COMMANDS = (
    ("--help",),
    ("check",),
    ("check", "--config", "<rule>"),
    ("check", "--config", "<doubt>"),
    ("check", "--examples"),
    ("faults",),
    ("run", "--help"),
)


def cpu_s(*arguments: str) -> float:
    """CPU seconds of one `foremend` with `arguments`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as own:
        own.write(next((text for name, text in OWN.items() if name in arguments), ""))
        own.flush()
        asked = [own.name if word in OWN else word for word in arguments]
        subprocess.run([sys.executable, "-m", "foremend", *asked], check=True, capture_output=True)
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
