#!/usr/bin/env python3
"""An HTTP endpoint that does jobs, and each only once: posts letters. Python alone.

    python3 endpoint.py MAIL.db                  # prints the URL that it listens at: a free port
    darg-worker --handler letter=http://127.0.0.1:PORT/letters
    darg push letter '{"to":"ada@example.org","text":"hello"}' --wait

darg sends a job again if it has not seen an answer, though the work may have been done. All requests
of a job carry the same Idempotency-Key. So the key is written in the same transaction as the work,
and a key that is already there gets the answer that its first request should have got. See
docs/handlers.md.

--lose-first-answers closes the connection instead of answering a new key, as a bad network would.
"""
import json
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BYTES = 1 << 20
SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (number INTEGER PRIMARY KEY, recipient TEXT, text TEXT);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT);
"""


class Refused(Exception):
    """The request cannot be met, however often it is sent: a 400, which ends the job."""


def read_letter(body):
    try:
        letter = json.loads(body)
        recipient, text = letter["to"], letter["text"]
    except (ValueError, KeyError, TypeError) as reason:
        raise Refused('the body must be {"to": ..., "text": ...}') from reason
    if not isinstance(recipient, str) or not isinstance(text, str) or "@" not in recipient:
        raise Refused("there is no such recipient")
    return recipient, text


def post_letter(database, key, body):
    """Returns the answer, and whether the work was done just now."""
    recipient, text = read_letter(body)
    link = sqlite3.connect(database, timeout=10, isolation_level=None)
    try:
        link.execute("BEGIN IMMEDIATE")  # two requests with one key wait for each other here
        row = link.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        if row is not None:
            link.execute("ROLLBACK")
            return row[0], False
        number = link.execute("INSERT INTO letters (recipient, text) VALUES (?, ?)",
                              (recipient, text)).lastrowid
        answer = json.dumps({"letter": number, "to": recipient})
        link.execute("INSERT INTO answers VALUES (?, ?)", (key, answer))
        link.execute("COMMIT")
        return answer, True
    finally:
        link.close()


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # darg-http keeps its connection
    timeout = 60

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        key = self.headers.get("Idempotency-Key")
        if self.path != "/letters" or not key:
            self.close_connection = True
            return self.reply(404 if key else 400, "text/plain", "POST /letters, with a key")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            self.close_connection = True
            return self.reply(413, "text/plain", "a letter has a length, of at most 1 MiB")
        try:
            answer, is_new = post_letter(self.server.database, key, self.rfile.read(int(length)))
        except Refused as reason:
            return self.reply(400, "text/plain", str(reason))
        if is_new and self.server.loses_answers:
            self.close_connection = True
            return self.log_message("its answer is lost")
        return self.reply(200, "application/json", answer)

    def reply(self, code, kind, text):
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        job = self.headers.get("Darg-Job-Id", "-") if hasattr(self, "headers") else "-"
        print(f"job {job}: {format % args}", file=sys.stderr, flush=True)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--lose-first-answers"]
    if len(arguments) != 1:
        sys.exit("usage: endpoint.py [--lose-first-answers] DATABASE")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    server.database = arguments[0]
    server.loses_answers = "--lose-first-answers" in sys.argv
    with sqlite3.connect(server.database) as link:
        link.executescript(SCHEMA)
    print(f"http://127.0.0.1:{server.server_port}/letters", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
