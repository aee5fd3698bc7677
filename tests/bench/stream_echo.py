"""stream_echo: a persistent handler that does nothing but answer each job, in Python with its JSON."""
import json
import sys

read = sys.stdin.readline
write = sys.stdout.write
flush = sys.stdout.flush
read()  # the hello
for line in iter(read, ""):
    job = json.loads(line)
    write(json.dumps({"id": job["id"], "done": None}) + "\n")
    flush()
