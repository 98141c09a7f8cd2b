"""The smoke test of the lab itself; see ../smoke."""
import base64
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import LabError, bmc, ceph, guests, hosts, lab, network
from .commands import run, step
from .processes import wait_for, wait_until
from .rest import Cloud
from .settings import BMC_PASSWORD, BMC_USER, HOSTS, LAB, STATE, clean_environment

FIRST, SECOND, THIRD = HOSTS.values()


def main():
    clean_environment()
    before = footprint()
    if STATE.exists():
        print(f"smoke: {STATE} exists; `lab down` first", file=sys.stderr)
        return 1
    try:
        for test in (interrupted_up_is_taken_down, lab_comes_up, guests_write, storage_key_of_vmha_suffices, power_cycle_by_controller,
                     controllers_misbehave, controllers_lie_about_power, power_cycle_by_ipmi, frozen_host_is_silent, control_cut_leaves_guests_alive, storage_cut_stops_guests,
                     agent_stays_down_until_started, guests_move_live, daemons_survive_kill, kubernetes_forgets, kubernetes_goes_back, evacuated_guest_goes_on):
            with step(test.__name__.replace("_", " ")):
                test(before)
    except (LabError, AssertionError, OSError) as error:
        print(f"smoke: {error!r}", file=sys.stderr)
        return 1
    finally:
        run(LAB, "down", seconds=120)
    with step("nothing is left"):
        require_nothing_left(before)
    return 0


def footprint():
    """Names of what `down` must not leave behind: interfaces, mounts, packet filter tables, namespaces, and processes with the lab's mark."""
    namespaces = {os.readlink(p) for kind in ("net", "mnt", "pid") for p in _proc_links(kind)}
    return {"interfaces": {link["ifname"] for link in json.loads(run("ip", "-j", "link", "show"))},
            "mounts": {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()},
            "namespaces": namespaces, "members": set(lab.processes.members()) | set(lab.kubernetes.processes.members()),
            "state": {str(STATE)} if STATE.exists() else set()}


def require_nothing_left(before):
    def difference():
        return {kind: names - before[kind] for kind, names in footprint().items() if names - before[kind]}
    # the kernel takes dead namespaces apart a moment after their last process
    assert wait_until(lambda: not difference(), 10), f"left behind: {difference()}"


def interrupted_up_is_taken_down(before):
    """`up` gets SIGKILL in the middle of its busiest phase, together with nothing else: everything it started runs on."""
    busy = subprocess.Popen([LAB, "up"], stderr=subprocess.DEVNULL)
    wait_for("the start of OSDs", lambda: ceph.processes.alive("osd.0"), 120)
    busy.kill()
    busy.wait()
    run(LAB, "down", seconds=120)
    require_nothing_left(before)


def lab_comes_up(_):
    run(LAB, "up", seconds=900)
    assert subprocess.run([LAB, "status"], stdout=subprocess.DEVNULL).returncode == 0, "status is not all up after up"


def guests_write(_):
    guests.boot("smoke", FIRST, count=2)
    first = _counters()
    wait_for("growing counters", lambda: all(now > first[name] for name, now in _counters().items()), 20)


def storage_key_of_vmha_suffices(_):
    """Its own entry in the blocklist can be made and removed; nothing of a guest's disk can be written."""
    as_vmha = ["--conf", ceph.CLIENT, "--id", "vmha"]
    run("ceph", *as_vmha, "osd", "blocklist", "add", "10.78.0.99", "60")
    run("ceph", *as_vmha, "osd", "blocklist", "rm", "10.78.0.99")
    disk = guests.report()[0]["image"]
    image = json.loads(run("rbd", "-c", ceph.CONFIG, "info", "--format", "json", disk))["id"]
    run("rados", *as_vmha, "-p", "vms", "lock", "info", f"rbd_header.{image}", "rbd_lock")
    written = subprocess.run(["rados", *map(str, as_vmha), "-p", "vms", "setxattr", f"rbd_header.{image}", "x", "y"], capture_output=True)
    assert written.returncode != 0, "vmha's key may write to a guest's disk"


def power_cycle_by_controller(_):
    """Off and on by Redfish: processes gone, controller still there, a new boot id, the same system UUID, the Node tells both."""
    assert redfish("GET", FIRST, user="nobody")[0] == 401
    system = redfish("GET", FIRST)[1]
    assert (system["PowerState"], system["UUID"]) == ("On", FIRST.system_uuid), system
    boot_before = node_info(FIRST)["bootID"]
    assert reset(FIRST, "ForceOff") in (200, 202, 204)
    wait_for("PowerState Off", lambda: redfish("GET", FIRST)[1]["PowerState"] == "Off", 10)
    assert not hosts.is_on(FIRST)
    assert reset(FIRST, "On") in (200, 202, 204)
    wait_for("PowerState On", lambda: redfish("GET", FIRST)[1]["PowerState"] == "On", 10)
    wait_for("a new boot id in the Node", lambda: node_info(FIRST)["bootID"] != boot_before, 20)
    assert node_info(FIRST)["systemUUID"] == FIRST.system_uuid
    assert hosts.enter(FIRST, "cat", "/proc/sys/kernel/random/boot_id").strip() == node_info(FIRST)["bootID"]
    wait_for_services("up", FIRST)
    guests.delete()


def controllers_misbehave(_):
    run(LAB, "bmc", THIRD.name, "lies")
    assert reset(THIRD, "ForceOff") == 204 and hosts.is_on(THIRD)
    run(LAB, "bmc", THIRD.name, "refuses")
    assert reset(THIRD, "ForceOff") == 500 and hosts.is_on(THIRD)
    run(LAB, "bmc", THIRD.name, "slow")
    begun = time.monotonic()
    assert redfish("GET", THIRD)[0] == 200 and time.monotonic() - begun > 5
    run(LAB, "bmc", THIRD.name, "dead")
    try:
        redfish("GET", THIRD)
        raise AssertionError("a dead controller answers")
    except urllib.error.URLError as error:
        assert isinstance(error.reason, ConnectionRefusedError), error
    run(LAB, "bmc", THIRD.name, "alive")
    assert redfish("GET", THIRD)[1]["PowerState"] == "On"


def controllers_lie_about_power(_):
    run(LAB, "bmc", THIRD.name, "brief")
    assert reset(THIRD, "ForceOff") == 204 and power_state(THIRD) == "Off" and hosts.is_on(THIRD)
    wait_for("On again", lambda: power_state(THIRD) == "On", 10)
    run(LAB, "bmc", THIRD.name, "stale-off")
    assert power_state(THIRD) == "Off" and hosts.is_on(THIRD)
    run(LAB, "bmc", THIRD.name, "other", FIRST.name)
    assert redfish("GET", THIRD)[1]["UUID"] == FIRST.system_uuid
    assert reset(THIRD, "ForceOff") == 204 and power_state(THIRD) == "Off" and hosts.is_on(THIRD) and not hosts.is_on(FIRST)
    assert reset(THIRD, "On") == 204 and hosts.is_on(FIRST)
    run(LAB, "bmc", THIRD.name, "alive")
    assert power_state(THIRD) == "On" and redfish("GET", THIRD)[1]["UUID"] == THIRD.system_uuid
    wait_for_services("up", FIRST)


def power_cycle_by_ipmi(_):
    """The same by ipmitool, as far as it differs."""
    assert SECOND.system_uuid in bmc.ipmi(SECOND, "mc", "guid", "smbios")
    assert "is on" in bmc.ipmi(SECOND, "chassis", "power", "status")
    run(LAB, "bmc", SECOND.name, "lies")
    bmc.ipmi(SECOND, "chassis", "power", "off")
    assert hosts.is_on(SECOND)
    run(LAB, "bmc", SECOND.name, "refuses")
    assert not ipmi_succeeds("chassis", "power", "off") and hosts.is_on(SECOND)
    run(LAB, "bmc", SECOND.name, "other", FIRST.name)
    assert FIRST.system_uuid in bmc.ipmi(SECOND, "mc", "guid", "smbios")
    run(LAB, "bmc", SECOND.name, "dead")
    assert not ipmi_succeeds("chassis", "power", "status")
    run(LAB, "bmc", SECOND.name, "alive")
    bmc.ipmi(SECOND, "chassis", "power", "off")
    wait_for("off by IPMI", lambda: "is off" in bmc.ipmi(SECOND, "chassis", "power", "status"), 10)
    assert not hosts.is_on(SECOND)
    bmc.ipmi(SECOND, "chassis", "power", "on")
    assert "is on" in bmc.ipmi(SECOND, "chassis", "power", "status") and hosts.is_on(SECOND)
    wait_for_services("up", SECOND)


def frozen_host_is_silent(_):
    run(LAB, "host", SECOND.name, "freeze")
    wait_for_services("down", SECOND)
    require_lease_stands_still(SECOND)
    run(LAB, "host", SECOND.name, "thaw")
    wait_for_services("up", SECOND)


def control_cut_leaves_guests_alive(_):
    guests.boot("smoke", SECOND)
    run(LAB, "net", SECOND.name, "control", "cut")
    wait_for_services("down", SECOND)
    require_lease_stands_still(SECOND)
    first = _counters()
    wait_for("growing counters", lambda: all(now > first[name] for name, now in _counters().items()), 10)
    run(LAB, "net", SECOND.name, "control", "heal")
    wait_for_services("up", SECOND)


def storage_cut_stops_guests(_):
    run(LAB, "net", SECOND.name, "storage", "cut")
    assert network.is_cut(SECOND, "storage")
    before = None

    def stands_still():
        nonlocal before
        time.sleep(1.5)  # a guest writes more than four times a second
        last, before = before, _counters()
        return last == before
    wait_for("silent guests", stands_still, 20)
    renewed = lease_time(SECOND)
    wait_for("a lease that goes on", lambda: lease_time(SECOND) != renewed, 10)
    run(LAB, "net", SECOND.name, "storage", "heal")
    wait_for("growing counters", lambda: all(now > before[name] for name, now in _counters().items()), 60)


def agent_stays_down_until_started(_):
    run(LAB, "service", f"nova-compute@{SECOND.name}", "stop")
    wait_for_services("down", SECOND)
    first = _counters()
    wait_for("growing counters", lambda: all(now > first[name] for name, now in _counters().items()), 10)
    run(LAB, "service", f"nova-compute@{SECOND.name}", "start")
    wait_for_services("up", SECOND)


def guests_move_live(_):
    server = guests.report()[0]
    Cloud().nova("POST", f"/servers/{server['id']}/action", {"os-migrateLive": {"host": THIRD.name, "block_migration": "auto"}})
    wait_for("the guest elsewhere", lambda: _settled(guests.report()[0], THIRD), 90)
    moved = guests.report()[0]
    assert moved["boot"] == server["boot"], "the guest was booted anew"
    assert moved["watchers"] and moved["watchers"][0].startswith(THIRD.storage_address), moved["watchers"]


def daemons_survive_kill(_):
    for name in ("osd.0", "mon", "etcd", "apiserver", "rabbit"):
        run(LAB, "service", name, "stop")
        run(LAB, "service", name, "start")
    first = _counters()
    wait_for("growing counters", lambda: all(now > first[name] for name, now in _counters().items()), 60)
    wait_for_services("up", *HOSTS.values())
    wait_for("the Node after the restart of etcd", lambda: node_info(FIRST)["bootID"], 60)


def kubernetes_forgets(_):
    """A watch from a revision of before the compaction is told so; what is stored is still there."""
    node = f"/api/v1/nodes/{FIRST.kubernetes_node}"
    old = json.load(lab.kubernetes.ask(node))["metadata"]["resourceVersion"]
    run(LAB, "kube", "compact")
    event = json.loads(lab.kubernetes.ask(f"/api/v1/nodes?watch=true&timeoutSeconds=5&resourceVersion={old}").readline())
    assert (event["type"], event["object"].get("code")) == ("ERROR", 410), event
    assert json.load(lab.kubernetes.ask(node))["metadata"]["name"] == FIRST.kubernetes_node


def kubernetes_goes_back(_):
    run(LAB, "kube", "backup")
    lab.kubernetes.ask("/api/v1/namespaces", "POST", {"metadata": {"name": "later"}})
    run(LAB, "kube", "restore")
    names = {each["metadata"]["name"] for each in json.load(lab.kubernetes.ask("/api/v1/namespaces"))["items"]}
    assert "default" in names and "later" not in names, names
    renewed = lease_time(FIRST)
    wait_for("a lease that goes on", lambda: lease_time(FIRST) != renewed, 30)


def evacuated_guest_goes_on(_):
    """What vmha will do, by hand: power off, storage fence, force down, evacuate; the guest goes on from its last record."""
    cloud = Cloud()
    server = guests.report()[0]
    run(LAB, "host", THIRD.name, "off")
    last = guests.report()[0]["counter"]
    ceph.ceph("osd", "blocklist", "add", THIRD.storage_address, "3600")
    service = cloud.compute_services()[THIRD.name]
    cloud.nova("PUT", f"/os-services/{service['id']}", {"forced_down": True})
    cloud.nova("POST", f"/servers/{server['id']}/action", {"evacuate": {"host": FIRST.name}})
    wait_for("the guest elsewhere", lambda: _settled(guests.report()[0], FIRST), 90)
    wait_for("the guest's own writes", lambda: guests.report()[0]["boot"] == server["boot"] + 1, 30)
    after = guests.report()[0]
    assert after["first"] >= last, f"records were lost: {after['first']} after {last}"
    for earlier, later in zip(after["writers"], after["writers"][1:]):
        assert later["first"] > earlier["last"], f"two writers: {after['writers']}"


def redfish(method, host, path="", body=None, user=BMC_USER):
    """(status, decoded body) of a request to the host's system."""
    token = base64.b64encode(f"{user}:{BMC_PASSWORD}".encode()).decode()
    request = urllib.request.Request(f"https://{host.bmc_address}/redfish/v1/Systems/1{path}", method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"})
    context = ssl.create_default_context(cafile=bmc.FOLDER / "ca.crt")
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, None


def reset(host, kind):
    return redfish("POST", host, "/Actions/ComputerSystem.Reset", {"ResetType": kind})[0]


def power_state(host):
    return redfish("GET", host)[1]["PowerState"]


def ipmi_succeeds(*command):
    try:
        bmc.ipmi(SECOND, *command)
        return True
    except LabError:
        return False


def node_info(host):
    return json.load(lab.kubernetes.ask(f"/api/v1/nodes/{host.kubernetes_node}"))["status"]["nodeInfo"]


def lease_time(host):
    path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{host.kubernetes_node}"
    return json.load(lab.kubernetes.ask(path))["spec"]["renewTime"]


def require_lease_stands_still(host):
    renewed = lease_time(host)
    moved = wait_until(lambda: lease_time(host) != renewed, 3 * hosts.remembered_pace().lease_seconds, pause=0.5)
    assert not moved, f"the Lease of {host.name} is still renewed"


def wait_for_services(state, *wanted):
    cloud = Cloud()
    wait_for(f"nova-compute {state}", lambda: all(cloud.compute_services()[h.name]["state"] == state for h in wanted), 90, pause=0.3)


def _counters():
    return {server["name"]: server["counter"] for server in guests.report()}


def _settled(server, host):
    return server["host"] == host.name and server["status"] == "ACTIVE" and not server["task"]


def _proc_links(kind):
    for entry in Path("/proc").iterdir():
        link = entry / "ns" / kind
        if entry.name.isdigit() and os.access(link, os.R_OK):
            try:
                os.readlink(link)
            except OSError:
                continue
            yield link
