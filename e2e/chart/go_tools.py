"""helm, promtool and the definitions of the Prometheus operator: made once from Go modules (checksums in tools/*/go.sum) and kept in the cache folder.

    go_tools.py            prints the folder that holds helm and promtool
"""
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))
from vmha_lab import LabError, kube_assets  # noqa: E402

SOURCE = Path(__file__).resolve().parent / "tools"
HELM = "helm.sh/helm/v3"
FLAGS = {
    # Without these, helm takes itself for the client of Kubernetes 1.20.
    "helm": (f"{HELM}/cmd/helm", [], [f"{HELM}/internal/version.version=v3.19.5", *(f"{HELM}/pkg/{room}.k8sVersion{part}" for room in (
        "chartutil", "lint/rules") for part in ("Major=1", "Minor=34"))]),
    # Without its clients of a dozen clouds, which triple the build.
    "promtool": ("github.com/prometheus/prometheus/cmd/promtool", ["-tags", "remove_all_sd"], []),
}
OPERATOR = "github.com/prometheus-operator/prometheus-operator"


def ensure():
    """Makes sure that helm and promtool exist; returns their folder. Takes minutes the first time, then milliseconds."""
    folder = kube_assets.cache_folder() / f"chart-tools-{_digest()}"
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second caller waits here and then finds the result
        if not (folder / "complete").exists():
            _make(folder)
    return folder


def operator_definitions():
    """The CustomResourceDefinitions of ServiceMonitor and PrometheusRule, as files."""
    folder = ensure() / "operator"
    return [folder / f"monitoring.coreos.com_{plural}.yaml" for plural in ("servicemonitors", "prometheusrules")]


def _digest():
    digest = hashlib.sha256(json.dumps(FLAGS).encode())
    for file in sorted(SOURCE.glob("*/go.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _make(folder):
    print(f"building helm and promtool (once, minutes; log: {folder}/build.log)", file=sys.stderr, flush=True)
    started = time.monotonic()
    for program, (package, options, variables) in FLAGS.items():
        linked = " ".join(["-s", "-w", *(f"-X {variable}" for variable in variables)])
        _go(folder, program, "build", "-trimpath", "-mod=readonly", *options, "-ldflags", linked, "-o", str(folder / program), package)
    module = json.loads(_go(folder, "operator", "mod", "download", "-json", OPERATOR))
    (folder / "operator").mkdir(exist_ok=True)
    for file in Path(module["Dir"], "example", "prometheus-operator-crd").glob("*.yaml"):
        shutil.copyfile(file, folder / "operator" / file.name)
    (folder / "complete").touch()
    print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _go(folder, module, *arguments):
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not os.access(go, os.X_OK):
        raise LabError("Go 1.25 or newer is needed to build helm and promtool; no go in PATH or /usr/local/go/bin")
    done = subprocess.run(["nice", "-n", "15", go, *arguments], cwd=SOURCE / module, capture_output=True, text=True,
                          env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""})
    with open(folder / "build.log", "a") as log:
        log.write(f"$ go {' '.join(arguments)}\n{done.stderr}")
    if done.returncode != 0:
        raise LabError(f"go {arguments[0]} of {module} failed (log: {folder}/build.log):\n" + "\n".join(done.stderr.splitlines()[-10:]))
    return done.stdout


if __name__ == "__main__":
    try:
        print(ensure())
    except LabError as error:
        sys.exit(f"go_tools: {error}")
