"""Long-lived processes: started in an own session, remembered in a file, ended by that record and never by name."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from . import Hopeless, LabError


def started_at(pid):
    """The kernel's start tick of a process, or None when it is gone or a zombie. With the pid it names one process for ever."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Processes:
    """The processes of one folder: records in `<root>/run/NAME.json`, output appended to `<root>/log/NAME.log`."""

    MEMBER = "VMHA_LAB_MEMBER"  # in the environment of each process and of all its descendants: the folder it belongs to

    def __init__(self, root):
        self.root = Path(root)
        self.run = Path(root) / "run"
        self.log = Path(root) / "log"

    def start(self, name, argv, env=None, cwd=None):
        """Starts argv as NAME unless it runs already; returns its pid (also the id of its process group)."""
        if self.alive(name):
            return self.pid(name)
        self.run.mkdir(parents=True, exist_ok=True)
        self.log.mkdir(parents=True, exist_ok=True)
        with open(self.log / f"{name}.log", "ab") as log:
            child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env={**os.environ, **(env or {}), self.MEMBER: str(self.root)}, cwd=cwd, start_new_session=True)
        record = {"pid": child.pid, "started": started_at(child.pid), "argv": [str(a) for a in argv]}
        self._file(name).write_text(json.dumps(record))
        return child.pid

    def names(self):
        return sorted(f.stem for f in self.run.glob("*.json"))

    def pid(self, name):
        record = self._record(name)
        return record["pid"] if record else None

    def alive(self, name):
        record = self._record(name)
        return bool(record) and record["started"] is not None and started_at(record["pid"]) == record["started"]

    def stop(self, name, how=signal.SIGTERM, patience=10.0):
        """Ends NAME with its whole process group; SIGKILL once `patience` seconds are over. A second call does nothing."""
        record = self._record(name)
        if not record:
            return
        group = record["pid"]
        if self.alive(name) or _group_members(group):
            _signal_group(group, how)
            if not wait_until(lambda: not _group_members(group), patience):
                _signal_group(group, signal.SIGKILL)
                wait_until(lambda: not _group_members(group), 5)
        _reap(group)
        self._file(name).unlink(missing_ok=True)

    def require_alive(self, name):
        """Raises with the end of the log when NAME has died."""
        if not self.alive(name):
            raise Hopeless(f"{name} has ended; the end of its log:\n{self.tail(name)}")

    def members(self):
        """Every living process that was started here, by itself or by one that was: also one that left its process group."""
        mark = f"{self.MEMBER}={self.root}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    environment = (entry / "environ").read_bytes().split(b"\0")
                except OSError:
                    continue
                if mark in environment and started_at(entry.name) is not None:
                    found.append(int(entry.name))
        return found

    def tail(self, name, lines=15):
        try:
            return "\n".join((self.log / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def _file(self, name):
        return self.run / f"{name}.json"

    def _record(self, name):
        try:
            return json.loads(self._file(name).read_text())
        except (OSError, ValueError):
            return None


def wait_until(condition, seconds, pause=0.05):
    """Polls until condition() is true; False when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        if condition():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)


def wait_for(what, condition, seconds, pause=0.1):
    """Like wait_until, but an exception of the condition means "not yet" (unless it is Hopeless) and the end of the time is an error."""
    last = None

    def quiet():
        nonlocal last
        try:
            return condition()
        except Hopeless:
            raise
        except Exception as error:  # the condition looks at a system that is just starting: any failure means "not yet"
            last = error
            return False

    if not wait_until(quiet, seconds, pause):
        raise LabError(f"{what}: not there after {seconds} s" + (f" (last: {last})" if last else ""))


def _group_members(group):
    """The living processes of a group; a group whose members are all zombies is gone for us."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            members.append(int(entry.name))
    return members


def _signal_group(group, how):
    try:
        os.killpg(group, how)
        os.killpg(group, signal.SIGCONT)
    except ProcessLookupError:
        pass


def _reap(pid):
    """Collects the exit status when the process is a child of ours; otherwise its parent does."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
