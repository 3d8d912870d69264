#!/usr/bin/env bash
# PostgreSQL compares each row of a queue with every other, by an index that would find the few it is asked for.
#
# What surprises: a queue has a partial index on (target, lane, seq). Which rows wait with none before them in their lane?
# NOT EXISTS, with target and lane equal and seq smaller. Autovacuum has not come yet since the table filled, so PostgreSQL
# takes it for small: it makes a join of the question, and in the inner loop it uses the index for the target alone, once for
# each row, and throws the others away by lane and seq: 16 million comparisons for 4,000 rows, four times as many for twice the
# rows. With OFFSET 0 inside NOT EXISTS, which changes no answer, there is no join: the same index is asked with all three
# columns, once a row. After ANALYZE the plain question is fast as well.
#
# Seen with: PostgreSQL 16.2 (pgserver 0.1.4, psycopg 3.2.9), Python 3.11, Linux, on 2026-11-29; 15 from Debian does the same.
# Seen:
#   as a join: 100 rows, 16000000 thrown away, 13344 ms
#   row by row (OFFSET 0): 100 rows, 25 ms
#   as a join, after ANALYZE: 100 rows, 1 ms
# Who meets it: a queue or an outbox in a table that was empty, in the first minute of a burst; every new database, and every
# test. With a hundred rows nothing is to be seen of it.
# Ends with 1 where this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pgserver==0.1.4 'psycopg[binary]==3.2.9'
XDG_RUNTIME_DIR="$folder" "$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import sys
import time

import pgserver
import psycopg

FIRST_OF_THEIR_LANE = """
    SELECT seq FROM queue one WHERE target = 'desk' AND state = 'waiting' AND NOT EXISTS (
        SELECT 1 FROM queue other WHERE other.target = one.target AND other.lane = one.lane
        AND other.seq < one.seq AND other.state = 'waiting' {})
    ORDER BY seq LIMIT 100"""


def look(base: psycopg.Connection, title: str, more: str = "") -> int:
    question = FIRST_OF_THEIR_LANE.format(more)
    began = time.perf_counter()
    rows = len(base.execute(question).fetchall())
    took = (time.perf_counter() - began) * 1000
    plan = [line for line, in base.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + question)]
    thrown = sum(int(line.rsplit(":", 1)[1]) for line in plan if "Removed by Join Filter" in line)
    print(f"{title}: {rows} rows, {thrown} thrown away, {took:.0f} ms")
    return thrown


server = pgserver.get_server(sys.argv[1])
try:
    with psycopg.connect(server.get_uri(), autocommit=True) as base:
        print("PostgreSQL", base.info.parameter_status("server_version"))
        base.execute("CREATE TABLE queue (seq bigserial PRIMARY KEY, target text, lane text, state text)")
        base.execute("CREATE INDEX waiting ON queue (target, lane, seq) WHERE state = 'waiting'")
        base.execute("ALTER TABLE queue SET (autovacuum_enabled = off)")  # so that it does not come in between
        base.execute(
            "INSERT INTO queue (target, lane, state) SELECT 'desk', 'lane-' || n, 'waiting' FROM generate_series(1, 4000) n"
        )
        assert look(base, "as a join") == 16_000_000
        assert look(base, "row by row (OFFSET 0)", "OFFSET 0") == 0
        base.execute("ANALYZE queue")
        assert look(base, "as a join, after ANALYZE") < 100_000
finally:
    server.cleanup()
PYTHON
