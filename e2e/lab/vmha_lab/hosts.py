"""The compute hosts' power. A host is one process tree in own network, mount, UTS and PID namespaces.

On: new namespaces and a new boot id, cables plugged, PID 1 is host/init. Off: the cables go silent, then SIGKILL of PID 1, with which
the kernel ends every process in there at once, as a power loss would.
"""
import fcntl
import os
import shutil
import signal
import uuid
from contextlib import contextmanager
from pathlib import Path

from . import LabError, ceph, network
from .commands import run
from .processes import Processes, wait_for, wait_until
from .settings import CONTROL, HOSTS, KUBERNETES_PORT, LIBVIRT_SECRET, PACES, STATE

processes = Processes(STATE)
INIT = Path(__file__).resolve().parent.parent / "host" / "init"
LIBVIRT_FOLDERS = {"lib": "/var/lib/libvirt", "log": "/var/log/libvirt", "cache": "/var/cache/libvirt"}


def find(name):
    if name not in HOSTS:
        raise LabError(f"no host {name}; there are {', '.join(HOSTS)}")
    return HOSTS[name]


def is_on(host):
    return init_pid(host) is not None


def init_pid(host):
    """The pid, seen from outside, of the host's PID 1; None when it is off."""
    record = f"host-{host.name}"
    if not processes.alive(record):
        return None
    pid = processes.pid(record)
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def inhabitants(host):
    """All processes of the host."""
    pid = init_pid(host)
    return _in_namespace(_namespace(pid)) if pid else []


def power_on(host, pace):
    with _power_button(host):
        if not is_on(host):
            _start(host, pace)


def _start(host, pace):
    processes.stop(f"host-{host.name}")  # the record of a host whose PID 1 was killed
    _prepare_folder(host)
    settings = {
        "HOST_NAME": host.name, "HOST_FOLDER": str(host.folder), "STATE": str(STATE),
        "CONTROL_ADDRESS": host.control_address, "STORAGE_ADDRESS": host.storage_address,
        "LIBVIRT_SECRET": LIBVIRT_SECRET, "NODE_NAME": host.kubernetes_node or "", "SYSTEM_UUID": host.system_uuid,
        "KUBERNETES_URL": f"https://{CONTROL}:{KUBERNETES_PORT}", "LEASE_SECONDS": str(pace.lease_seconds),
    }
    processes.start(f"host-{host.name}", ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc",
                                          "/bin/bash", INIT], env=settings)
    wait_for(host.name, lambda: init_pid(host), 10, pause=0.01)
    network.plug(host, init_pid(host))


def power_off(host):
    """Returns once no process of the host is left."""
    with _power_button(host):
        _end(host)


def _end(host):
    network.silence(host)
    pid = init_pid(host)
    if pid:
        namespace = _namespace(pid)
        os.kill(pid, signal.SIGKILL)
        if not wait_until(lambda: not _in_namespace(namespace), 20, pause=0.02):
            raise LabError(f"{host.name}: processes {_in_namespace(namespace)} are still there 20 s after the power was cut")
    processes.stop(f"host-{host.name}", signal.SIGKILL)
    network.unplug(host)


def freeze(host):
    """Stops every process, also those that are being born meanwhile."""
    _signal_all(host, signal.SIGSTOP)


def thaw(host):
    _signal_all(host, signal.SIGCONT)


def enter(host, *argv, seconds=30):
    """Runs a command inside the host."""
    pid = init_pid(host)
    if not pid:
        raise LabError(f"{host.name} is off")
    return run("nsenter", "-t", pid, "-n", "-m", "-u", "-p", *argv, seconds=seconds)


def stop_agent(host):
    """Stops nova-compute and keeps it stopped, as `systemctl stop` would, until start_agent; guests and libvirt live on."""
    (host.folder / "nova-compute.stopped").touch()
    if is_on(host):
        enter(host, "/bin/sh", "-c", 'kill "$(cat /run/libvirt/nova-compute.pid)" 2>/dev/null || true')
        wait_for(f"the end of nova-compute of {host.name}", lambda: not agent_runs(host), 30)


def start_agent(host):
    (host.folder / "nova-compute.stopped").unlink(missing_ok=True)


def agent_runs(host):
    return is_on(host) and bool(enter(host, "/bin/sh", "-c",
                                      'kill -0 "$(cat /run/libvirt/nova-compute.pid)" 2>/dev/null && echo yes || true').strip())


def remembered_pace():
    """The pace that `lab up` was called with: a host that is switched on by its power controller lives by it too."""
    file = STATE / "pace"
    return PACES[file.read_text().strip() if file.exists() else "fast"]


@contextmanager
def _power_button(host):
    """One at a time: a person and the power controller may both reach for it."""
    host.folder.mkdir(parents=True, exist_ok=True)
    with open(host.folder / "power.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _signal_all(host, how):
    seen = set()
    while True:
        fresh = set(inhabitants(host)) - seen
        if not fresh:
            return
        for pid in fresh:
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                pass
        seen |= fresh


def _namespace(pid):
    return os.readlink(f"/proc/{pid}/ns/pid")


def _in_namespace(namespace):
    """Living processes of a PID namespace, seen from outside."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "ns" / "pid") == namespace:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


def _prepare_folder(host):
    """The host's own /etc/ceph, /etc/libvirt, /etc/hosts, libvirt folders and boot id; bound to their places by host/init."""
    folder = host.folder
    for name in ("instances", "state", "lock", "etc-ceph", "lib/images", "lib/qemu", "lib/boot", "log", "cache"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for place in ("/run/libvirt", "/etc/ceph", *LIBVIRT_FOLDERS.values()):
        Path(place).mkdir(parents=True, exist_ok=True)
    log = processes.log / host.name  # QEMU's and libvirtd's logs are found with all others
    if not log.is_symlink():
        log.symlink_to(folder / "log")
    (folder / "boot-id").write_text(f"{uuid.uuid4()}\n")
    (folder / "hosts").write_text("".join(
        ["127.0.0.1 localhost\n", f"{CONTROL} control\n"] + [f"{h.control_address} {h.name}\n" for h in HOSTS.values()]))
    (folder / "etc-ceph" / "ceph.conf").write_text(ceph.client_config("/etc/ceph/ceph.$name.keyring"))
    shutil.copy(ceph.keyring("nova"), folder / "etc-ceph")
    (folder / "libvirt-secret.key").write_text(ceph.key("nova"))
    _write_accounts(folder)
    _write_libvirt_config(host)


def _write_accounts(folder):
    """libvirtd asks for the user libvirt-qemu at its start, whatever its configuration says."""
    for name, entry in (("passwd", "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n"),
                        ("group", "libvirt-qemu:x:64055:\n")):
        known = Path("/etc", name).read_text()
        (folder / name).write_text(known if "libvirt-qemu:" in known else known + entry)


def _write_libvirt_config(host):
    folder = host.folder / "etc-libvirt"
    if folder.exists():
        return
    if Path("/etc/libvirt").exists():
        shutil.copytree("/etc/libvirt", folder, symlinks=True)
    folder.mkdir(parents=True, exist_ok=True)
    # listen: live migration is a TCP connection from the other host's libvirtd
    (folder / "libvirtd.conf").write_text(f"""\
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
listen_addr = "{host.control_address}"
unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "{host.system_uuid}"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
""")
    (folder / "qemu.conf").write_text("""\
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
""")
