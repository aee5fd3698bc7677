#!/usr/bin/env python3
"""A persistent handler in Python: returns a string in capitals. See docs/handlers.md.

    darg-worker --handler 'upper=stream:python3 examples/handlers/upper.py'
"""
import json
import sys


class NeverMind(Exception):
    """The job cannot be done, however often it is tried."""


def handle(job):
    """The work itself: takes the job, returns the result."""
    text = job["args"]
    if not isinstance(text, str):
        raise NeverMind("args must be a string")
    say({"nonce": job["nonce"], "progress": 100})
    return text.upper()


def say(message):
    # One line each, and flushed: the worker waits for it.
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(job):
    try:
        return {"nonce": job["nonce"], "done": handle(job)}
    except NeverMind as reason:
        return {"nonce": job["nonce"], "bury": str(reason)}
    except Exception as reason:  # anything else may go better the next time
        return {"nonce": job["nonce"], "retry": repr(reason)}


def main():
    hello = json.loads(sys.stdin.readline() or "{}")
    if hello.get("darg") != 1 or hello.get("max", 1) < 2:
        sys.exit("upper.py knows version 2 of the protocol only")
    say({"darg": 2})
    # Not `for line in sys.stdin`: that reads ahead in old versions.
    for line in iter(sys.stdin.readline, ""):
        say(answer(json.loads(line)))
    # The end of input: there will be no more jobs.


if __name__ == "__main__":
    main()
