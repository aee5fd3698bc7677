#!/bin/sh
# The manifests in examples/ are YAML, name each other rightly, and agree with the worker's own times.
set -eu
python3 -c 'import yaml' 2>/dev/null || { echo 'skipped: there is no python3-yaml'; exit 77; }
exec python3 - "$DARG_BUILD_DIR" <<'END'
import subprocess, sys, yaml

def load(path):
    with open(path) as file:
        return {d["kind"]: d for d in yaml.safe_load_all(file)}

pods = load("examples/kubernetes/darg.yaml")
keda = load("examples/keda/scaled-object.yaml")
secret, deployment = pods["Secret"], pods["Deployment"]
pod = deployment["spec"]["template"]["spec"]
worker = pod["containers"][0]
assert deployment["spec"]["selector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]
# Its arguments and environment are options that the worker knows, and the probes are, too.
environment = {e["name"]: e["value"] for e in worker["env"]}
shown = subprocess.run([sys.argv[1] + "/darg-worker", *worker["args"], "--print-config=json"],
                       env={k: v for k, v in environment.items()}, check=True, capture_output=True, text=True).stdout
config = {row["name"]: row for row in yaml.safe_load(shown)}
for name in environment:
    option = {"DARG_REDIS_URL": "redis"}.get(name, name[5:].lower().replace("_", "-"))
    assert config[option]["from"] == name, (option, config[option])
timeout = config["shutdown-timeout"]["value"]
assert timeout.endswith("s") and pod["terminationGracePeriodSeconds"] >= int(timeout[:-1]) + 15
for probe in "startupProbe", "livenessProbe":
    assert worker[probe]["exec"]["command"] == ["darg-worker", "--health"]
# The password's file is where the volume puts it.
volumes = {v["name"]: v for v in pod["volumes"]}
mounts = {m["mountPath"]: m["name"] for m in worker["volumeMounts"]}
folder, file = environment["DARG_REDIS_PASSWORD_FILE"].rsplit("/", 1)
assert volumes[mounts[folder]]["secret"]["secretName"] == secret["metadata"]["name"] and file in secret["stringData"]
# KEDA finds the deployment, the secret and the list.
scaled = keda["ScaledObject"]["spec"]
trigger = scaled["triggers"][0]
assert scaled["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
assert trigger["metadata"]["listName"] == "darg:{" + worker["args"][worker["args"].index("--queue") + 1] + "}"
reference = keda["TriggerAuthentication"]["spec"]["secretTargetRef"][0]
assert trigger["authenticationRef"]["name"] == keda["TriggerAuthentication"]["metadata"]["name"]
assert reference["name"] == secret["metadata"]["name"] and reference["key"] in secret["stringData"]
with open("docker-compose.yml") as file:
    yaml.safe_load(file)
END
