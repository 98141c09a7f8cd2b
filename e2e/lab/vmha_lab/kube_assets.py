"""etcd, kube-apiserver and kubectl: taken from $KUBEBUILDER_ASSETS, or built once from Go modules into the cache folder.

Kubernetes is not in Debian, and k8s.io/kubernetes cannot be installed with `go install` because its go.mod points at
folders of its own; kubernetes/go.mod repeats those as versions. One binary holds all three programs (they share most code).
"""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import LabError

KUBERNETES_VERSION = "1.34.4"
OLDEST_GO = (1, 24)  # what k8s.io/kubernetes 1.34 asks for in its go.mod
PROGRAMS = ("etcd", "kube-apiserver", "kubectl")
SOURCE = Path(__file__).resolve().parent.parent / "kubernetes"


def cache_folder():
    """Where things that are slow to make are kept between labs."""
    chosen = os.environ.get("VMHA_CACHE")
    if chosen:
        return Path(chosen)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "vmha"


def ensure():
    """Makes sure that the three programs exist; returns their folder. Takes minutes the first time, then milliseconds."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    if given:
        missing = [p for p in PROGRAMS if not os.access(Path(given) / p, os.X_OK)]
        if missing:
            raise LabError(f"KUBEBUILDER_ASSETS={given} has no {', '.join(missing)}")
        return Path(given)
    folder = cache_folder() / f"kube-{KUBERNETES_VERSION}"
    if _complete(folder):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second caller waits here and then finds the result
        if not _complete(folder):
            _build(folder)
    return folder


def _source_digest():
    digest = hashlib.sha256()
    for name in ("main.go", "go.mod", "go.sum"):
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()


def _complete(folder):
    stamp = folder / "source.sha256"
    if not stamp.exists() or stamp.read_text() != _source_digest():
        return False
    return all(os.access(folder / p, os.X_OK) for p in PROGRAMS)


def _go():
    """The Go compiler's path; one clear line when there is none or it is too old."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    wanted = "%d.%d" % OLDEST_GO
    if not os.access(go, os.X_OK):
        raise LabError(f"Go {wanted} or newer is needed to build Kubernetes {KUBERNETES_VERSION}; no go in PATH or /usr/local/go/bin")
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True,
                          env={**os.environ, "GOTOOLCHAIN": "local"}).stdout.strip()
    number = re.match(r"go(\d+)\.(\d+)", said)
    if not number or tuple(map(int, number.groups())) < OLDEST_GO:
        raise LabError(f"Go {wanted} or newer is needed to build Kubernetes {KUBERNETES_VERSION}; {go} is {said or 'of an unknown version'}")
    return go


def _build(folder):
    go = _go()
    print(f"building etcd, kube-apiserver and kubectl {KUBERNETES_VERSION} (once, minutes; log: {folder}/build.log)",
          file=sys.stderr, flush=True)
    started = time.monotonic()
    major, minor, _ = KUBERNETES_VERSION.split(".")
    version = "k8s.io/component-base/version"  # without these, clients fail to parse the server's version
    flags = f"-s -w -X {version}.gitVersion=v{KUBERNETES_VERSION} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
    binary = folder / "kubernetes"
    command = ["nice", "-n", "10", go, "build", "-trimpath", "-mod=readonly", "-ldflags", flags, "-o", str(binary), "."]
    with open(folder / "build.log", "w") as log:
        done = subprocess.run(command, cwd=SOURCE, stdout=log, stderr=log,
                              env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""})
    if done.returncode != 0:
        end = "\n".join((folder / "build.log").read_text().splitlines()[-10:])
        raise LabError(f"building Kubernetes failed (log: {folder}/build.log):\n{end}")
    for program in PROGRAMS:
        link = folder / program
        link.unlink(missing_ok=True)
        link.symlink_to(binary.name)
    (folder / "source.sha256").write_text(_source_digest())
    print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
