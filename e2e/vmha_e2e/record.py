"""What happened when: every version of vmha's resources as a kubectl watch shows them, and what nova and the guests' disks show."""
import json
import os
import threading
import time
from dataclasses import dataclass

from vmha_lab import guests
from vmha_lab.rest import Cloud

KINDS = {"cn": "ComputeNode", "pi": "ProtectedInstance", "hap": "HAPolicy"}
WATCH_AGAIN_SECONDS = 0.5
NOVA_SECONDS, DISK_SECONDS = 0.5, 0.25


@dataclass(frozen=True)
class Seen:
    """One version of a resource, at the moment its watch delivered it."""
    at: float
    kind: str
    name: str
    object: dict | None  # None: deleted


class Recorder:
    """Keeps every version of every resource of vmha. Callbacks run in the watching threads, at once."""

    def __init__(self, kubectl):
        self._kubectl = kubectl
        self._changed = threading.Condition()
        self._stopping = False
        self._processes = {}
        self._callbacks = []
        self.history = []
        self.latest = {}
        self._threads = [threading.Thread(target=self._follow, args=(kind,), daemon=True) for kind in KINDS]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping = True
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join(10)

    def on_change(self, callback):
        """callback(Seen, the version before or None)"""
        self._callbacks.append(callback)

    def get(self, kind, name):
        return self.latest.get((kind, name))

    def all(self, kind):
        return {name: each for (k, name), each in list(self.latest.items()) if k == kind}

    def first(self, kind, name, since, condition):
        """When a version for which condition(object) holds was first seen after `since`; None: never."""
        for seen in list(self.history):
            if (seen.kind, seen.name) == (kind, name) and seen.at >= since and seen.object and condition(seen.object):
                return seen.at
        return None

    def wait(self, what, condition, seconds, alive=lambda: None):
        """Until condition(self) is true; looks again at each change. alive() raises when waiting has become useless."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (value := condition(self)):
                alive()
                left = deadline - time.monotonic()
                assert left > 0, f"{what}: not within {seconds} s; last seen: {self.describe()}"
                self._changed.wait(min(left, 0.5))
        return value

    def describe(self):
        """A resource a line; conditions and evidence in short."""
        lines = []
        for (kind, name), each in sorted(self.latest.items()):
            status = dict(each.get("status", {}))
            conditions = [f"{c['type']}={c['status']}({c['reason']}{': ' if c['message'] else ''}{c['message']})" for c in status.pop("conditions", [])]
            verdict = status.pop("verdict", {})
            evidence = [f"{e['source']} {e['state']} ({e.get('detail', '')})" for e in verdict.get("evidence", [])]
            lines.append(f"{kind} {name}: {verdict.get('value', '')} {'; '.join(evidence)}\n    {' '.join(conditions)}\n    {json.dumps(status)}")
        return "\n".join(lines)

    def _follow(self, kind):
        while not self._stopping:
            process = self._processes[kind] = self._kubectl.watch(kind)
            for event in _documents(process.stdout.fileno()):
                self._take(kind, event)
            process.kill()
            process.wait()
            process.stdout.close()
            if not self._stopping:
                time.sleep(WATCH_AGAIN_SECONDS)  # the API server was restarted, or the CRDs are just coming

    def _take(self, kind, event):
        at = time.monotonic()
        current = event.get("object") or {}
        name = current.get("metadata", {}).get("name")
        if not name or current.get("kind") != KINDS[kind]:
            return
        gone = event["type"] == "DELETED"
        seen = Seen(at, kind, name, None if gone else current)
        with self._changed:
            before = self.latest.get((kind, name))
            if before and not gone and before["metadata"]["resourceVersion"] == current["metadata"]["resourceVersion"]:
                return  # a new watch begins with what is known
            if gone:
                self.latest.pop((kind, name), None)
            else:
                self.latest[kind, name] = current
            self.history.append(seen)
            self._changed.notify_all()
        for callback in self._callbacks:
            callback(seen, before)


def _documents(fd):
    """JSON documents, one after the other, as they come."""
    decoder, text = json.JSONDecoder(), b""
    while chunk := os.read(fd, 1 << 20):
        text += chunk
        if not text.endswith(b"}\n"):
            continue
        pending = text.decode().lstrip()
        while pending:
            try:
                document, end = decoder.raw_decode(pending)
            except ValueError:
                break
            yield document
            pending = pending[end:].lstrip()
        text = pending.encode()


class Witness:
    """Looks at nova and at the guests' disks from outside, while a recovery runs: vmha's own word is not asked."""

    def __init__(self, names, on_boot=lambda *_: None):
        """on_boot(at, name, boot): the first write of a boot was seen."""
        self._names = set(names)
        self._on_boot = on_boot
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._watch_nova, self._watch_disks)]
        self._ids = {}
        self.states = {name: [] for name in names}  # name -> [(at, host, status, task)] whenever it changed
        self.boots = {name: [] for name in names}  # name -> [(at, boot, counter)] at the first write seen of each boot
        self.errors = []

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)

    def active_elsewhere(self, name, source):
        """When nova first showed it at rest on another host; None: not yet."""
        for at, host, status, task in list(self.states[name]):
            if host != source and status in ("ACTIVE", "SHUTOFF") and not task:
                return at
        return None

    def first_write(self, name, after_boot):
        """When the first write of a boot later than `after_boot` was seen on its disk; None: not yet."""
        return next((at for at, boot, _ in list(self.boots[name]) if boot > after_boot), None)

    def _watch_nova(self):
        cloud = Cloud()
        while not self._stopping.wait(NOVA_SECONDS):
            try:
                servers = cloud.servers()
            except Exception as error:  # nova may be what was broken; what it says later counts
                self.errors.append(error)
                continue
            at = time.monotonic()
            for server in servers:
                if server["name"] in self._names:
                    self._ids[server["name"]] = server["id"]
                    now = (server["OS-EXT-SRV-ATTR:host"], server["status"], server["OS-EXT-STS:task_state"])
                    known = self.states[server["name"]]
                    if not known or known[-1][1:] != now:
                        known.append((at, *now))

    def _watch_disks(self):
        with guests.Storage() as storage:
            while not self._stopping.wait(DISK_SECONDS):
                for name, server in list(self._ids.items()):
                    try:
                        record = storage.record(server)
                    except Exception as error:
                        self.errors.append(error)
                        continue
                    known = self.boots[name]
                    if record and (not known or known[-1][1] != record["boot"]):
                        known.append((time.monotonic(), record["boot"], record["counter"]))
                        self._on_boot(known[-1][0], name, record["boot"])
