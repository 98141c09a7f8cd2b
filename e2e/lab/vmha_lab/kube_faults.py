"""What may happen to the Kubernetes API: stop, start, compact, backup, restore.

etcd is asked by the HTTP form of its API (etcd's grpc-gateway); neither of its command-line tools is needed.
"""
import base64
import json
import os
import shutil
import signal
import urllib.request

from . import LabError
from .processes import wait_for

SILENT_WRITES = 5


def stop(server):
    """etcd and the API server get SIGKILL"""
    for service in ("apiserver", "etcd"):
        server.processes.stop(service, signal.SIGKILL)


def start(server):
    """both again, with the data they had"""
    server.start_etcd()
    server.start_apiserver()
    server.wait_ready()


def compact(server):
    """history is forgotten: every watch that goes on from where it was gets 410 Gone (the API server is restarted, or its cache would remember)"""
    server.processes.stop("apiserver", signal.SIGKILL)
    for _ in range(SILENT_WRITES):  # now every revision that a client can know is an old one
        revision = _etcd(server, "put", {"key": _text("/vmha-lab/compaction"), "value": _text("x")})["header"]["revision"]
    _etcd(server, "compaction", {"revision": revision, "physical": True})
    start(server)


def backup(server):
    """keeps a copy of etcd's data as it is now (etcd stands still meanwhile)"""
    pid = server.processes.pid("etcd")
    if not server.processes.alive("etcd"):
        raise LabError("etcd does not run")
    os.kill(pid, signal.SIGSTOP)  # what it has written is in the kernel: the copy is what would be found after its SIGKILL
    try:
        shutil.rmtree(_backup(server), ignore_errors=True)
        shutil.copytree(_data(server), _backup(server))
    finally:
        os.kill(pid, signal.SIGCONT)


def restore(server):
    """etcd and the API server are restarted with the data of the last backup; revisions go back, too"""
    if not _backup(server).exists():
        raise LabError("there is no backup")
    stop(server)
    shutil.rmtree(_data(server))
    shutil.copytree(_backup(server), _data(server))
    start(server)


ACTIONS = {"stop": stop, "start": start, "compact": compact, "backup": backup, "restore": restore}


def _etcd(server, call, body):
    """One call of etcd's key-value service; waits for an etcd that was just started."""
    def ask():
        request = urllib.request.Request(f"{server.etcd_url}/v3/kv/{call}", data=json.dumps(body).encode())
        answer.update(json.load(urllib.request.urlopen(request, timeout=5)))
        return True
    answer = {}
    wait_for(f"etcd's answer to {call}", ask, 20)
    return answer


def _text(value):
    return base64.b64encode(value.encode()).decode()


def _data(server):
    return server.folder / "etcd"


def _backup(server):
    return server.folder / "etcd-backup"
