"""The two networks: a bridge each on this machine, and for each host a virtual cable to each bridge.

A cable is cut by taking down its bridge end, as at a switch: packets vanish, nobody gets an answer. A cut outlives the host's
power: it is a file in the host's folder, honoured when the host is plugged in again.
"""
import json
import shutil

from . import LabError
from .commands import run, succeeds
from .settings import BRIDGES, HOSTS

INTERFACES = {"control": "eth0", "storage": "eth1"}  # the cable's end inside the host


def up():
    for bridge, address in BRIDGES.values():
        if not _exists(bridge):
            # without multicast snooping a freshly plugged port needs no learning before it is heard
            run("ip", "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
            run("ip", "addr", "add", f"{address}/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
    control_bridge = BRIDGES["control"][0]
    for host in HOSTS.values():  # the power controllers live on the control network, beside the hosts
        run("ip", "addr", "replace", f"{host.bmc_address}/24", "dev", control_bridge)


def down():
    if not shutil.which("ip"):
        return  # nothing of the lab was ever installed here
    for host in HOSTS.values():
        unplug(host)
    for bridge, _ in BRIDGES.values():
        if _exists(bridge):
            run("ip", "link", "del", bridge)


def plug(host, pid):
    """Gives the network namespace of process `pid` its cables."""
    unplug(host)  # the kernel takes away the cables of the last power-on a moment after the processes
    for network, (bridge, _) in BRIDGES.items():
        run("ip", "link", "add", host.link(network), "type", "veth", "peer", "name", INTERFACES[network], "netns", pid)
        run("ip", "link", "set", host.link(network), "master", bridge, *(["down"] if is_cut(host, network) else ["up"]))


def unplug(host):
    for network in BRIDGES:
        succeeds("ip", "link", "del", host.link(network))


def silence(host):
    """Both cables go dead at once, so that nothing that the dying processes say in their last moment is heard."""
    for network in BRIDGES:
        succeeds("ip", "link", "set", host.link(network), "down")


def cut(host, network):
    _mark(host, network).parent.mkdir(parents=True, exist_ok=True)
    _mark(host, network).touch()
    succeeds("ip", "link", "set", host.link(network), "down")


def heal(host, network):
    _mark(host, network).unlink(missing_ok=True)
    if _exists(host.link(network)):
        run("ip", "link", "set", host.link(network), "up")


def is_cut(host, network):
    return _mark(host, network).exists()


def leftovers():
    """Names of interfaces of the lab that exist."""
    names = [link["ifname"] for link in json.loads(run("ip", "-j", "link", "show") or "[]")]
    wanted = {bridge for bridge, _ in BRIDGES.values()} | {host.link(n) for host in HOSTS.values() for n in BRIDGES}
    return sorted(wanted.intersection(names))


def _exists(interface):
    return succeeds("ip", "link", "show", "dev", interface)


def _mark(host, network):
    if network not in BRIDGES:
        raise LabError(f"no network {network}; there are {', '.join(BRIDGES)}")
    return host.folder / f"cut-{network}"
