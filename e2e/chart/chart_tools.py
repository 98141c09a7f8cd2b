"""What the tests of the chart need and Debian 12 does not install by itself, made once and kept in the cache folder: helm, built from Go modules
(checksums in tools/*/go.sum), prometheus and promtool, taken out of Debian's package (not installed: it would start at each boot), and the
definitions of the Prometheus operator.

    chart_tools.py         prints the folder that holds helm, prometheus and promtool
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
# Without these, helm takes itself for the client of Kubernetes 1.20.
VARIABLES = [f"{HELM}/internal/version.version=v3.19.5", *(f"{HELM}/pkg/{room}.k8sVersion{part}" for room in (
    "chartutil", "lint/rules") for part in ("Major=1", "Minor=34"))]
OPERATOR = "github.com/prometheus-operator/prometheus-operator"


def ensure():
    """Makes sure that the programs exist; returns their folder. Takes minutes the first time (docs: e2e/README.md), then milliseconds."""
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
    digest = hashlib.sha256(json.dumps(VARIABLES).encode())
    for file in sorted(SOURCE.glob("*/go.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _make(folder):
    print(f"building helm (once, minutes; log: {folder}/build.log)", file=sys.stderr, flush=True)
    started = time.monotonic()
    linked = " ".join(["-s", "-w", *(f"-X {variable}" for variable in VARIABLES)])
    _go(folder, "helm", "build", "-trimpath", "-mod=readonly", "-ldflags", linked, "-o", str(folder / "helm"), f"{HELM}/cmd/helm")
    _prometheus(folder)
    module = json.loads(_go(folder, "operator", "mod", "download", "-json", OPERATOR))
    (folder / "operator").mkdir(exist_ok=True)
    for file in Path(module["Dir"], "example", "prometheus-operator-crd").glob("*.yaml"):
        shutil.copyfile(file, folder / "operator" / file.name)
    (folder / "complete").touch()
    print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _prometheus(folder):
    """Debian's package, unpacked: the archive's signature and checksum are checked by apt-get."""
    package = folder / "package"
    package.mkdir(exist_ok=True)
    if _run(folder, package, "apt-get", "-q", "download", "prometheus").returncode != 0:
        _run(folder, package, "apt-get", "-qq", "update")  # lists that are missing, or older than the archive
        _must(folder, package, "apt-get", "-q", "download", "prometheus")
    _must(folder, package, "dpkg-deb", "-x", str(next(package.glob("prometheus_*.deb"))), "root")
    for program in ("prometheus", "promtool"):
        shutil.copy(package / "root" / "usr" / "bin" / program, folder / program)
    shutil.rmtree(package)


def _run(folder, where, *command, env=None):
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, env=env)
    with open(folder / "build.log", "a") as log:
        log.write(f"$ {' '.join(command)}\n{done.stderr}")
    return done


def _must(folder, where, *command, env=None):
    done = _run(folder, where, *command, env=env)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command[:3])} failed (log: {folder}/build.log):\n" + "\n".join(done.stderr.splitlines()[-10:]))
    return done.stdout


def _go(folder, module, *arguments):
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not os.access(go, os.X_OK):
        raise LabError("Go 1.24 or newer is needed to build helm; no go in PATH or /usr/local/go/bin")
    return _must(folder, SOURCE / module, "nice", "-n", "5", go, *arguments,
                 env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"})


if __name__ == "__main__":
    try:
        print(ensure())
    except LabError as error:
        sys.exit(f"chart_tools: {error}")
