#!/usr/bin/env bash
# pytest-xdist's `--dist loadgroup` groups nothing with pytest 9.2, and says nothing.
#
# What surprises: tests marked xdist_group("one") are promised to run in the same worker. pytest-xdist 3.8.0 hands the group
# on by writing to the item's private `_nodeid`; pytest 9.2 computes the id elsewhere and never reads it. So every test is its
# own group, a server that is meant to be started once is started in every worker, and tests that must not run side by side do.
# pytest 9.0 groups.
#
# Seen with: pytest-xdist 3.8.0 with pytest 9.2.0 and 9.0.2, Python 3.11, Linux, on 2026-11-28.
# Seen:
#   pytest 9.0.2: 20 tests of one group ran in 1 worker
#   pytest 9.2.0: 20 tests of one group ran in 2 workers
# Who meets it: whoever holds tests of one database, port or device together by a group.
# Ends with 1 where this is no longer so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/test_group.py" <<'PYTHON'
import os
import time
from pathlib import Path

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(20))
def test_of_the_group(number):
    time.sleep(0.1)
    Path(os.environ["SEEN"], os.environ["PYTEST_XDIST_WORKER"]).touch()
PYTHON

workers() { # how many served the group
    python3 -m venv "$folder/$1"
    "$folder/$1/bin/pip" install --quiet --disable-pip-version-check pytest=="$1" pytest-xdist==3.8.0
    mkdir "$folder/seen-$1"
    (cd "$folder" && SEEN="$folder/seen-$1" "$folder/$1/bin/pytest" -q -n 2 --dist loadgroup test_group.py >&2)
    find "$folder/seen-$1" -type f | wc -l
}

before=$(workers 9.0.2)
now=$(workers 9.2.0)
echo "pytest 9.0.2: 20 tests of one group ran in $before worker(s)"
echo "pytest 9.2.0: 20 tests of one group ran in $now worker(s)"
[ "$before" = 1 ] && [ "$now" = 2 ]
