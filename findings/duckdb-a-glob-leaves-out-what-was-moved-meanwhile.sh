#!/usr/bin/env bash
# DuckDB's `read_parquet('folder/*.parquet')` gives too few rows, and no error, when the folder is switched to its next version.
#
# What surprises: a data set that is published by switching a symbolic link, or renaming, from one complete folder to the next is
# expected to be read as the one or the other, or to fail with "no such file". DuckDB lists the folder, then looks at each name
# to learn if it is a file, and drops what is not there any more. A switch between the two leaves the files that both versions
# have, and the query answers from those alone. Given the same files as a list of names, it fails, as it should.
#
# Seen with: DuckDB 2.0.0, Python 3.11, Linux, on 2026-11-30. The numbers of a run differ.
# Seen:
#   by a glob: 200 queries, 17 with a part of the rows and no error
#   by a list of names: 200 queries, 0 with a part of the rows and no error
# Who meets it: whoever queries Parquet files with DuckDB while something else compacts or republishes them.
# Ends with 1 where this is no longer so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cat > "$folder/query.py" <<'PYTHON'
import glob
import os
import sys
import threading

import duckdb

FILES, ROWS, QUERIES = 400, 10, 200

os.chdir(sys.argv[1])
for version in ("one", "two"):
    os.mkdir(version)
    for number in range(FILES):
        name = f"both-{number}" if number % 2 else f"{version}-{number}"
        duckdb.sql(f"COPY (FROM range({ROWS})) TO '{version}/{name}.parquet'")
os.symlink("one", "current")
over = threading.Event()


def switch():
    number = 0
    while not over.wait(0.02):
        number += 1
        os.symlink(("one", "two")[number % 2], "next")
        os.replace("next", "current")


def partial(source):
    parts = 0
    for _ in range(QUERIES):
        try:
            ((rows,),) = duckdb.sql(f"SELECT count(*) FROM read_parquet({source()!r})").fetchall()
        except duckdb.IOException:
            continue
        parts += rows != FILES * ROWS
    return parts


switching = threading.Thread(target=switch, daemon=True)
switching.start()
by_glob = partial(lambda: "current/*.parquet")
by_names = partial(lambda: sorted(glob.glob("current/*.parquet")))
over.set()
switching.join()
print(f"by a glob: {QUERIES:,} queries, {by_glob} with a part of the rows and no error")
print(f"by a list of names: {QUERIES:,} queries, {by_names} with a part of the rows and no error")
sys.exit(not by_glob or bool(by_names))
PYTHON
"$folder/venv/bin/python" "$folder/query.py" "$folder"
