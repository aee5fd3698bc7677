#!/usr/bin/env python3
"""A persistent handler whose late writes are refused: publishes a report in an SQL table.

    darg-worker --handler 'publish=stream:python3 publish.py REPORTS.db'
    darg push publish '{"report":"sales","text":"up by 3 %"}' --id sales-monday --wait

A worker may freeze in the middle of a job for longer than its lease. Then another one runs the job,
with a higher run number, and the first, once it wakes, goes on as if nothing had happened. So the
run number is written with what it guards, and a write holds only while no later run has written. See
"The fencing token" in docs/handlers.md.

The number repeats where Redis forgets: a failover to a replica that lags, a partition, a restored backup. So each run
draws a word of its own, too: of two runs with the same number, the first to write keeps the row, and the other one is
refused. What this does not guard: which of the two that is, and a later run whose number is lower because Redis was
set back further (it is refused, and with it the job, until someone looks).

--freeze stops this process in the middle of each job, as a machine does whose lid is closed; SIGCONT
wakes it.
"""
import json
import os
import signal
import sqlite3
import sys
import uuid

SCHEMA = """
CREATE TABLE IF NOT EXISTS reports (job TEXT PRIMARY KEY, fence INTEGER, owner TEXT, name TEXT, text TEXT);
CREATE TABLE IF NOT EXISTS history (job TEXT, run INTEGER, pid INTEGER, event TEXT);
"""

# The whole trick: one statement, so nothing can come between the comparison and the write. A run may
# write again what it has written itself.
WRITE = """
INSERT INTO reports (job, fence, owner, name, text) VALUES (:job, :run, :owner, :name, :text)
ON CONFLICT (job) DO UPDATE SET fence = excluded.fence, owner = excluded.owner, name = excluded.name, text = excluded.text
WHERE reports.fence < excluded.fence OR (reports.fence = excluded.fence AND reports.owner = excluded.owner)
"""


class NeverMind(Exception):
    """The job cannot be done, however often it is tried."""


def note(link, job, event):
    # For those who want to look on: who did what, in which order.
    link.execute("INSERT INTO history VALUES (?, ?, ?, ?)",
                 (job["id"], job["run"], os.getpid(), event))


def handle(job, link, freezes):
    """The work itself: takes the job, returns the result."""
    args = job["args"]
    if not isinstance(args, dict) or not all(isinstance(args.get(k), str) for k in ("report", "text")):
        raise NeverMind('args must be {"report": "NAME", "text": "TEXT"}')
    note(link, job, "begun")
    owner = uuid.uuid4().hex
    if freezes:
        os.kill(os.getpid(), signal.SIGSTOP)
    changed = link.execute(WRITE, {"job": job["id"], "run": job["run"], "owner": owner,
                                   "name": args["report"], "text": f"{args['text']} (run {job['run']})"}).rowcount
    note(link, job, "written" if changed else "refused")
    if not changed:
        # Nobody waits for this answer any more; but it says what happened, in the log.
        raise RuntimeError(f"run {job['run']} is too late: another one has written")
    return {"report": args["report"], "run": job["run"]}


def say(message):
    # One line each, and flushed: the worker waits for it.
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(job, *settings):
    try:
        return {"id": job["id"], "done": handle(job, *settings)}
    except NeverMind as reason:
        return {"id": job["id"], "bury": str(reason)}
    except Exception as reason:  # anything else may go better the next time
        return {"id": job["id"], "retry": str(reason)}


def main():
    arguments = [a for a in sys.argv[1:] if a != "--freeze"]
    if len(arguments) != 1:
        sys.exit("usage: publish.py [--freeze] DATABASE")
    hello = json.loads(sys.stdin.readline() or "{}")
    if hello.get("darg") != 1:
        sys.exit("publish.py knows version 1 of the protocol only")
    # Each statement is a transaction of its own.
    link = sqlite3.connect(arguments[0], timeout=10, isolation_level=None)
    link.executescript(SCHEMA)
    for line in iter(sys.stdin.readline, ""):
        say(answer(json.loads(line), link, "--freeze" in sys.argv))
    # The end of input: there will be no more jobs.


if __name__ == "__main__":
    main()
