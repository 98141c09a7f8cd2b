"""Ceph: one monitor, one manager, three OSDs on files; pools and users.

Everything listens on the storage network. Bluestore on a sparse file survives kill -9 of an OSD and its restart.
"""
import base64
import concurrent.futures
import json
import os
import struct
import time
import uuid

from . import LabError
from .ceph_config import SERVER_CONFIG, CLIENT_CONFIG
from .commands import run
from .processes import Processes, wait_for
from .settings import (CEPH_MON_PORT, EPHEMERAL_POOL, IMAGE_POOL, STATE, STORAGE, STORAGE_NETWORK, VOLUME_POOL)

FOLDER = STATE / "ceph"
CONFIG = FOLDER / "ceph.conf"  # of the daemons; also the administrator's
CLIENT = FOLDER / "client.conf"  # of everybody else on this machine: finds the keyring of whatever user asks
MON = f"[v2:{STORAGE}:{CEPH_MON_PORT}]"
OSDS = 3
PLACEMENT_GROUPS = 8
DAEMONS = ["mon.a", "mgr.x"] + [f"osd.{i}" for i in range(OSDS)]

processes = Processes(STATE)


def up():
    """Makes the cluster when there is none, starts what does not run, and makes pools, users and canaries."""
    if not (FOLDER / "made").exists():
        _make()
        (FOLDER / "made").touch()
    for daemon in DAEMONS:
        start(daemon)
    wait_for("Ceph", lambda: _answers("osd", "stat")["num_up_osds"] == OSDS, 300)
    if not (FOLDER / "seeded").exists():
        _seed()
        (FOLDER / "seeded").touch()


def start(daemon):
    kind, _, identity = daemon.partition(".")
    # without --no-mon-config a daemon first asks the monitor for its configuration, which an OSD's start need not wait for
    options = [] if kind == "mon" else ["--no-mon-config"]
    processes.start(daemon, [f"ceph-{kind}", "-c", CONFIG, "-i", identity, "-f", *options])


def ceph(*arguments, seconds=60):
    return run("ceph", "-c", CONFIG, *arguments, seconds=seconds)


def client_config(keyring_pattern):
    """What a client's ceph.conf says."""
    return CLIENT_CONFIG.format(fsid=(FOLDER / "fsid").read_text(), mon=MON, keyring=keyring_pattern)


def keyring(user):
    return FOLDER / f"ceph.client.{user}.keyring"


def key(user):
    """The bare key of a user, base64, as libvirt wants it."""
    for line in keyring(user).read_text().splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "key":
            return value.strip()
    raise LabError(f"no key in {keyring(user)}")


def _answers(*arguments):
    return json.loads(ceph(*arguments, "--format", "json", seconds=15))


def write_config():
    """The configuration files; the cluster's id is chosen once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    identity = FOLDER / "fsid"
    if not identity.exists():
        identity.write_text(str(uuid.uuid4()))
    CONFIG.write_text(SERVER_CONFIG.format(fsid=identity.read_text(), mon=MON, folder=FOLDER, log=processes.log,
                                           network=STORAGE_NETWORK, placement_groups=PLACEMENT_GROUPS))
    CLIENT.write_text(client_config(f"{FOLDER}/ceph.$name.keyring"))


def _make():
    for name in ("mon.a", "mgr.x", "run", "crash", *(f"osd.{i}" for i in range(OSDS))):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    processes.log.mkdir(parents=True, exist_ok=True)
    _write_server_keyring()
    run("monmaptool", "--create", "--clobber", "--fsid", (FOLDER / "fsid").read_text(), "--addv", "a", MON, FOLDER / "monmap")
    run("osdmaptool", "-c", CONFIG, "--createsimple", OSDS, "--clobber", FOLDER / "osdmap")
    run("ceph-mon", "-c", CONFIG, "-i", "a", "--mkfs", "--monmap", FOLDER / "monmap", "--osdmap", FOLDER / "osdmap",
        "--keyring", FOLDER / "keyring")
    with concurrent.futures.ThreadPoolExecutor(OSDS) as pool:
        for made in [pool.submit(_make_osd, i) for i in range(OSDS)]:
            made.result()


def _make_osd(number):
    run("ceph-osd", "-c", CONFIG, "-i", number, "--mkfs", "--osd-uuid", uuid.uuid4(), "--no-mon-config",
        "--monmap", FOLDER / "monmap")


def _write_server_keyring():
    """One keyring for all daemons and the administrator; `ceph-mon --mkfs` takes it in whole, so no user is made by command."""
    full = {"mon": "allow *", "osd": "allow *", "mgr": "allow *"}
    users = {"mon.": {"mon": "allow *"}, "client.admin": full,
             "mgr.x": {"mon": "allow profile mgr", "osd": "allow *", "mds": "allow *"}}
    for i in range(OSDS):
        users[f"osd.{i}"] = {"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"}
    lines = []
    for user, capabilities in users.items():
        lines += [f"[{user}]", f"\tkey = {_new_key()}"]
        lines += [f'\tcaps {system} = "{allowed}"' for system, allowed in capabilities.items()]
    path = FOLDER / "keyring"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)


def _new_key():
    """A cephx secret: type 1 (AES), creation time as seconds and nanoseconds, key length, key; little-endian, in base64."""
    secret = os.urandom(16)
    return base64.b64encode(struct.pack("<HIIH", 1, int(time.time()), 0, len(secret)) + secret).decode()


def _seed():
    for pool in (EPHEMERAL_POOL, VOLUME_POOL, IMAGE_POOL):
        ceph("osd", "pool", "create", pool, PLACEMENT_GROUPS)
        ceph("osd", "pool", "application", "enable", pool, "rbd")
        run("rbd", "-c", CONFIG, "pool", "init", pool)
    ceph("auth", "get", "client.admin", "-o", keyring("admin"))
    _make_user("nova", mon="profile rbd", mgr=f"profile rbd pool={EPHEMERAL_POOL}",
               osd=f"profile rbd pool={EPHEMERAL_POOL}, profile rbd pool={VOLUME_POOL}, profile rbd-read-only pool={IMAGE_POOL}")
    _make_user("glance", mon="profile rbd", mgr=f"profile rbd pool={IMAGE_POOL}", osd=f"profile rbd pool={IMAGE_POOL}")
    _make_user("vmha", mon='allow r, allow command "osd blocklist"', osd=vmha_osd_capabilities())
    # two with too few rights: no fence at all; a fence that cannot be lifted (profile rbd may add to the blocklist and not remove)
    _make_user("vmha-no-blocklist", mon="allow r", osd=vmha_osd_capabilities())
    _make_user("vmha-no-lift", mon="profile rbd", osd=vmha_osd_capabilities())


def vmha_osd_capabilities():
    """The least that vmha needs of the OSDs, as clients/ceph/client.h says it.

    `r` on the pools: stat (the proof through each placement group), list_watchers, lock owners, and notify, which Ceph counts as a read.
    `rw` on vmha's own canary object and nothing else: a watch counts as a read and a write, and one grant must allow both.
    """
    pools = (EPHEMERAL_POOL, VOLUME_POOL)
    return ", ".join([f"allow r pool={pool}" for pool in pools] + [f"allow rw pool={pool} object_prefix vmha_canary" for pool in pools])


def _make_user(user, **capabilities):
    pairs = [part for system, allowed in capabilities.items() for part in (system, allowed)]
    ceph("auth", "get-or-create", f"client.{user}", *pairs, "-o", keyring(user))
    keyring(user).chmod(0o644)
