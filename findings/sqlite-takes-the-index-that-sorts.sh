#!/usr/bin/env bash
# SQLite walks through a whole group by the index that is in the order asked for, though another index finds the rows.
#
# What surprises: a table has an index on (thing, kind, at) and one on (kind, at). Asked for 500 things of one kind, SQLite
# takes the first and looks each up. Asked for the same rows ORDER BY at, and where ANALYZE was never run, it takes the
# second: it reads every row of the kind, in order, and throws away what was not asked for. The answer is the same; its
# cost grows with the table and no longer with the question. After ANALYZE it takes the first again and sorts 500 rows.
#
# Seen with: SQLite 3.50.4 (apsw 3.50.4.0), Python 3.11, Linux, on 2026-11-29; 500 of 200,000 rows.
# Seen:
#   as it comes: 3.0 ms by (thing, kind, at)
#   in order: 85.4 ms by (kind, at)
#   in order, after ANALYZE: 3.6 ms by (thing, kind, at), and a sort
# Who meets it: any program with a ledger or a log in SQLite that asks for a few of many in order, and that never runs
# ANALYZE or PRAGMA optimize; with a small test database nothing is to be seen of it. Put in order by the program, or by a
# query around the query, the rows are found by the first index.
# Ends with 1 where this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install apsw==3.50.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import time

import apsw

base = apsw.Connection(":memory:")
base.execute("CREATE TABLE said (n INTEGER PRIMARY KEY, thing TEXT, kind TEXT, at INTEGER, word TEXT)")
base.execute("CREATE INDEX by_thing ON said (thing, kind, at)")
base.execute("CREATE INDEX by_time ON said (kind, at)")
base.execute(
    "INSERT INTO said (thing, kind, at, word) WITH RECURSIVE i (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < 199999)"
    " SELECT 'thing-' || n, 'sms', n, 'yes' FROM i"
)
wanted = ", ".join(f"'thing-{n * 400}'" for n in range(500))
plain = f"SELECT thing, at, word FROM said WHERE thing IN ({wanted}) AND kind = 'sms'"


def look(title: str, query: str) -> str:
    plan = " / ".join(row[3] for row in base.execute("EXPLAIN QUERY PLAN " + query))
    began = time.perf_counter()
    rows = len(list(base.execute(query)))
    print(f"{title}: {rows} rows, {(time.perf_counter() - began) * 1000:.1f} ms: {plan}")
    return plan


print("SQLite", apsw.sqlite_lib_version())
assert "by_thing" in look("as it comes", plain)
assert "by_time" in look("in order", plain + " ORDER BY at")
base.execute("ANALYZE")
assert "by_thing" in look("in order, after ANALYZE", plain + " ORDER BY at")
PYTHON
