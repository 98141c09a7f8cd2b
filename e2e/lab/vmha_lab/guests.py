"""The servers of the lab's cloud and what their guests have written to their disks, read from the storage itself.

The guest (guest/counter.asm) keeps one record in sector 1 and a copy of each record in a journal of 1024 sectors. A record holds a
counter, how often the disk was booted, and a nonce of that boot: two copies that both write show as two nonces whose counters overlap.
"""
import json
import struct

from . import Hopeless, ceph
from .catalog import FLAVORS, IMAGE
from .processes import wait_for
from .rest import Cloud
from .settings import EPHEMERAL_POOL, GLANCE_URL, NOVA_URL

SECTOR = 512
JOURNAL_SECTORS = 1024
MAGIC = b"OSLC"


def boot(name, host, flavor="tiny", count=1):
    """Makes servers NAME (or NAME-1 ...) on a host and waits until each is ACTIVE and has written; returns their ids."""
    cloud = Cloud()
    image = cloud.ask("GET", f"{GLANCE_URL}/v2/images?name={IMAGE}&status=active")["images"][0]["id"]
    wanted = [name] if count == 1 else [f"{name}-{i}" for i in range(1, count + 1)]
    ids = []
    for each in wanted:
        # the zone's second part pins the first placement only; evacuation may go anywhere
        server = {"name": each, "imageRef": image, "flavorRef": str(FLAVORS[flavor]), "networks": "none",
                  "availability_zone": f"nova:{host.name}", "metadata": {"HA_Enabled": "True"}}
        ids.append(cloud.nova("POST", "/servers", {"server": server})["server"]["id"])

    def all_write():
        for each in ids:
            server = cloud.nova("GET", f"/servers/{each}")["server"]
            if server["status"] == "ERROR":
                raise Hopeless(f"{server['name']}: {server.get('fault', {}).get('message')}")
            if server["status"] != "ACTIVE":
                return False
        with Storage() as storage:
            return all(storage.record(each) for each in ids)
    wait_for(f"the servers {', '.join(wanted)}", all_write, 120, pause=0.3)
    return ids


def delete(names=None):
    """Deletes the servers of these names, or all; returns once nova has forgotten them."""
    cloud = Cloud()
    chosen = [s["id"] for s in cloud.servers() if not names or s["name"] in names]
    for each in chosen:
        cloud.ask("DELETE", f"{NOVA_URL}/servers/{each}", accept=(204, 404))
    wait_for("the end of the servers", lambda: not {s["id"] for s in cloud.servers()}.intersection(chosen), 120, pause=0.3)


def report():
    """One dictionary a server: nova's view, and its guest's record, journal and disk sessions."""
    found = []
    with Storage() as storage:
        for server in sorted(Cloud().servers(), key=lambda s: s["name"]):
            found.append({
                "name": server["name"], "id": server["id"], "status": server["status"],
                "task": server["OS-EXT-STS:task_state"], "host": server["OS-EXT-SRV-ATTR:host"],
                "fault": (server.get("fault") or {}).get("message"), "image": f"{EPHEMERAL_POOL}/{_disk(server['id'])}",
                **storage.describe(server["id"])})
    return found


def writers(journal):
    """The journal as stretches of one boot each: [{nonce, boot, first, last, missing}], by first counter.

    One writer at a time: no two stretches overlap. Nothing lost: no stretch misses a counter, and each begins where the one before
    ended, or one below (a record goes to sector 1 first and to the journal second, so the journal's last may have stayed behind).
    """
    stretches = {}
    for entry in journal:
        stretches.setdefault((entry["boot"], entry["nonce"]), set()).add(entry["counter"])
    return sorted(({"boot": boot, "nonce": nonce, "first": min(counters), "last": max(counters),
                    "missing": sorted(set(range(min(counters), max(counters))) - counters)}
                   for (boot, nonce), counters in stretches.items()), key=lambda s: s["first"])


class Storage:
    """Reads disks as Ceph's administrator from this machine. Read-only: no watch, no lock."""

    def __enter__(self):
        import rados  # Debian's bindings, there only once packages.py has run
        self._cluster = rados.Rados(conffile=str(ceph.CONFIG), conf={
            "client_mount_timeout": "10", "rados_mon_op_timeout": "10", "rados_osd_op_timeout": "10"})
        self._cluster.connect()
        self._pool = self._cluster.open_ioctx(EPHEMERAL_POOL)
        return self

    def __exit__(self, *_):
        self._pool.close()
        self._cluster.shutdown()

    def record(self, server):
        """The guest's last record; None while it has written none or the disk is not there."""
        import rbd
        try:
            with rbd.Image(self._pool, _disk(server), read_only=True) as image:
                return _parse(image.read(SECTOR, SECTOR))
        except rbd.ImageNotFound:
            return None

    def describe(self, server):
        import rbd
        try:
            with rbd.Image(self._pool, _disk(server), read_only=True) as image:
                record = _parse(image.read(SECTOR, SECTOR)) or {}
                blob = image.read(2 * SECTOR, JOURNAL_SECTORS * SECTOR)
                watchers = sorted(w["addr"] for w in image.watchers_list())
        except rbd.ImageNotFound:
            return {"disk": False}
        entries = [_parse(blob[i:i + SECTOR]) for i in range(0, len(blob), SECTOR)]
        journal = sorted((e for e in entries if e), key=lambda e: (e["counter"], e["boot"]))
        return {"disk": True, "watchers": watchers, **record, "writers": writers(journal), "journal": journal}


def print_report(as_json):
    found = report()
    if as_json:
        print(json.dumps(found))
        return
    for server in found:
        print(f"{server['name']:16} {server['status']:8} {server['host'] or '-':10} boot {server.get('boot', '-')} "
              f"counter {server.get('counter', '-')} errors {server.get('errors', '-')} watched by {server.get('watchers', [])}")
        for stretch in server.get("writers", []):
            print(f"    boot {stretch['boot']} nonce {stretch['nonce']} wrote {stretch['first']} to {stretch['last']}"
                  + (f", missing {stretch['missing'][:10]}" if stretch["missing"] else ""))


def _disk(server):
    return f"{server}_disk"


def _parse(sector):
    magic, boot_number, counter, first, nonce, errors, bios_status = struct.unpack_from("<4sIIIQII", sector)
    if magic != MAGIC:
        return None
    return {"boot": boot_number, "counter": counter, "first": first, "nonce": f"{nonce:016x}", "errors": errors,
            "bios_status": bios_status}
