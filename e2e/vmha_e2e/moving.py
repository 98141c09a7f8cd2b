"""Servers in the middle of something: a live migration that does not go on, a second client of a disk."""
import os
import signal
from pathlib import Path

from . import wait_for

from vmha_lab import ceph  # noqa: E402  (on the path by the package's __init__)
from vmha_lab.settings import EPHEMERAL_POOL  # noqa: E402

INCOMING_SECONDS = 60
SCAN_SECONDS = 0.002  # a guest this small is moved within tenths of a second


def migrate_and_stall(lab, name, destination):
    """Asks nova for a live migration and stops the QEMU that waits for the guest's memory there: nova is in the middle of it until that goes
    on or ends. Returns its pid."""
    server = lab.servers()[name]["id"]
    lab.act(server, "os-migrateLive", {"host": destination, "block_migration": "auto"})
    pid = wait_for(f"{name} awaited on {destination}", lambda: _waits_for_guest(server), INCOMING_SECONDS, pause=SCAN_SECONDS)
    os.kill(pid, signal.SIGSTOP)
    wait_for(f"{name} migrating", lambda: lab.servers()[name]["OS-EXT-STS:task_state"] == "migrating", 30)
    return pid


def go_on(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass  # its host has lost its power


def _waits_for_guest(server):
    """The pid of the QEMU that was started for this server to take its memory over; None: there is none."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"-incoming\0" in words and server.encode() in words:
            return int(entry.name)
    return None


class SecondClient:
    """Has a server's disk open for writing beside its guest, from this machine, which is no compute host."""

    def __init__(self, server):
        self._name = f"{server}_disk"

    def __enter__(self):
        import rados
        import rbd
        self._cluster = rados.Rados(conffile=str(ceph.CONFIG))
        self._cluster.connect()
        self._pool = self._cluster.open_ioctx(EPHEMERAL_POOL)
        self._image = rbd.Image(self._pool, self._name)
        self.address = self._cluster.get_addrs().split("/")[0].removeprefix("v1:").removeprefix("v2:").rsplit(":", 1)[0]
        return self

    def __exit__(self, *_):
        self._image.close()
        self._pool.close()
        self._cluster.shutdown()


def migrations(lab, server):
    """Nova's records of all its moves, oldest first: [(type, source, destination, status)]."""
    listed = lab.cloud.nova("GET", f"/os-migrations?instance_uuid={server}")["migrations"]
    return [(each["migration_type"], each["source_compute"], each["dest_compute"], each["status"]) for each in sorted(listed, key=lambda each: each["id"])]
