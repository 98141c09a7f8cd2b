"""The whole lab, up and down: which part starts after which, and what is left for its users."""
import concurrent.futures
import fcntl
import json
import os
import shlex
import shutil
import signal
import sys
from contextlib import contextmanager

from . import LabError, bmc, catalog, ceph, certificates, hosts, kube, kube_assets, network, openstack, openstack_config, packages
from .commands import step
from .processes import Processes, wait_until
from .settings import (BMC_PASSWORD, BMC_USER, BRIDGES, CONTROL, HOSTS, KUBERNETES_PORT, PACES, STATE)

processes = Processes(STATE)
UP_LOCK, UP_PID = STATE / "up.lock", STATE / "up.pid"
kubernetes = kube.Kubernetes(STATE / "kube", CONTROL)


def up(pace_name):
    """Brings up what is not up. Can be called again after a failure."""
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces and bridges: run it as root")
    pace = PACES[pace_name]
    _refuse_other_pace(pace_name)
    with step("packages from Debian and PyPI"):
        packages.install_debian()
        packages.power_controller_python()
    with step("Kubernetes programs"):
        kube_assets.ensure()
    with _exclusive():
        (STATE / "pace").write_text(pace_name)
        with step("networks"):
            network.up()
        with step("configuration"):
            ceph.write_config()
            openstack_config.write_all(pace)
        _side_by_side(_up_ceph, _up_databases, _up_bus, _up_kubernetes, _up_power_controllers)
        with step("OpenStack services"):
            openstack.start_services()
        with step("compute hosts switched on"):
            _side_by_side(*[lambda host=host: hosts.power_on(host, pace) for host in HOSTS.values()])
        with step("image and flavors"):
            catalog.seed()
            openstack.write_access()
        with step("compute services up"):
            openstack.wait_for_computes()


def down():
    """Ends every process and removes every interface and file of the lab, in whatever state it is."""
    _end_running_up()
    with step("power controllers and hosts off"):
        for host in HOSTS.values():
            for record in bmc.records(host):
                processes.stop(record, signal.SIGKILL)
        _side_by_side(*[lambda host=host: hosts.power_off(host) for host in HOSTS.values()])
    with step("services ended"):
        for group in (processes, kubernetes.processes):
            _end_all(group)
    with step("networks and files removed"):
        network.down()
        shutil.rmtree(STATE, ignore_errors=True)


def status():
    """Prints each part; True when all is as after `up`."""
    good = True
    for name in [*openstack.START, *ceph.DAEMONS]:
        good &= _print_part(name, processes.alive(name))
    for name in kube.SERVICES:
        good &= _print_part(name, kubernetes.processes.alive(name))
    for host in HOSTS.values():
        cuts = [f"{n} network cut" for n in BRIDGES if network.is_cut(host, n)]
        agent = [] if not hosts.is_on(host) or hosts.agent_runs(host) else ["nova-compute stopped"]
        good &= _print_part(host.name, hosts.is_on(host), cuts + agent) and not cuts and not agent
        mode = bmc.mode(host)
        good &= _print_part(f"bmc of {host.name}", bmc.alive(host), [] if mode == "alive" else [mode]) and mode == "alive"
    return good


def service(name, action):
    """Stops (SIGKILL for storage daemons, etcd and the API server: they must survive it) or starts one service."""
    program, _, where = name.partition("@")
    if program == "nova-compute" and where:
        host = hosts.find(where)
        return hosts.stop_agent(host) if action == "stop" else hosts.start_agent(host)
    name = {"mon": "mon.a", "mgr": "mgr.x"}.get(name, name)
    if name in kube.SERVICES:
        if action == "stop":
            return kubernetes.processes.stop(name, signal.SIGKILL)
        return kubernetes.start_etcd() if name == "etcd" else kubernetes.start_apiserver()
    if name in ceph.DAEMONS:
        return processes.stop(name, signal.SIGKILL) if action == "stop" else ceph.start(name)
    if name in openstack.START:
        return openstack.stop(name) if action == "stop" else openstack.START[name]()
    known = [*openstack.START, *ceph.DAEMONS, *kube.SERVICES, "mon", "mgr", "nova-compute@HOST"]
    raise LabError(f"no service {name}; there are {', '.join(known)}")


def environment():
    """What a shell needs to use the lab, as export lines."""
    machines = [{"name": h.name, "kubernetesNode": h.kubernetes_node, "controlAddress": h.control_address,
                 "storageAddress": h.storage_address, "systemUUID": h.system_uuid, **bmc.access(h)} for h in HOSTS.values()]
    assets = kube_assets.ensure()
    values = {
        "LAB_DIR": STATE, "KUBECONFIG": STATE / "kube" / "admin.conf", "KUBEBUILDER_ASSETS": assets,
        "OS_CLIENT_CONFIG_FILE": STATE / "clouds.yaml", "OS_CLOUD": "lab",
        "CEPH_CONF": ceph.CLIENT,
        "VMHA_CEPH_USER": "vmha", "VMHA_CEPH_KEYRING": ceph.keyring("vmha"), "VMHA_CEPH_ADMIN_KEYRING": ceph.keyring("admin"),
        "VMHA_CEPH_USER_NO_BLOCKLIST": "vmha-no-blocklist", "VMHA_CEPH_KEYRING_NO_BLOCKLIST": ceph.keyring("vmha-no-blocklist"),
        "VMHA_CEPH_USER_NO_LIFT": "vmha-no-lift", "VMHA_CEPH_KEYRING_NO_LIFT": ceph.keyring("vmha-no-lift"),
        "VMHA_BMC_CA": bmc.FOLDER / "ca.crt", "VMHA_BMC_USER": BMC_USER, "VMHA_BMC_PASSWORD": BMC_PASSWORD,
        "VMHA_LAB_HOSTS": json.dumps(machines)}
    lines = [f"export {name}={shlex.quote(str(value))}" for name, value in values.items()]
    return "\n".join([*lines, f"export PATH={shlex.quote(str(assets))}:$PATH"])


def _up_ceph():
    with step("Ceph"):
        ceph.up()


def _up_databases():
    with step("databases"):
        openstack.start_databases()


def _up_bus():
    with step("message bus"):
        openstack.start_bus()


def _up_kubernetes():
    with step("Kubernetes API"):
        kubernetes.start(KUBERNETES_PORT)
        for host in HOSTS.values():
            node = host.kubernetes_node
            if node:
                certificates.issue(STATE / "kube" / "pki", f"node-{node}", f"/O=system:nodes/CN=system:node:{node}", [f"DNS:{node}"])


def _up_power_controllers():
    with step("power controllers"):
        bmc.up()


def _side_by_side(*jobs):
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


def _end_all(group):
    for name in group.names():
        group.stop(name, signal.SIGKILL)
    # what left its process group, and what was started but not yet recorded when `up` was interrupted
    def gone():
        left = group.members()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not left
    if not wait_until(gone, 20, pause=0.1):
        raise LabError(f"processes {group.members()} do not end")


def _refuse_other_pace(pace_name):
    file = STATE / "pace"
    if file.exists() and file.read_text() != pace_name and any(processes.alive(n) for n in processes.names()):
        raise LabError(f"the lab is up with the pace {file.read_text()}; `lab down` first")


@contextmanager
def _exclusive():
    STATE.mkdir(parents=True, exist_ok=True)
    with open(UP_LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError("another `lab up` is at work") from None
        UP_PID.write_text(str(os.getpid()))
        yield


def _end_running_up():
    """A `lab up` that still runs would start again what is being ended."""
    if not UP_LOCK.exists():
        return
    with open(UP_LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # held: the pid in the file is that of a living process
            os.kill(int(UP_PID.read_text()), signal.SIGKILL)
            fcntl.flock(lock, fcntl.LOCK_EX)


def _print_part(name, alive, remarks=()):
    print(f"{name:24} {'up' if alive else 'DOWN'}{''.join(', ' + r for r in remarks)}", file=sys.stdout)
    return alive
