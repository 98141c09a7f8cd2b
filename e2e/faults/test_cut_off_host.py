"""Issue 4, point 3: a host is cut off from all networks, its guests run on, and its power controller is dead. It comes back to the networks
when its instances already run elsewhere."""
import time

import pytest

from vmha_e2e import wait_for
from vmha_e2e.checks import OldGuests, last_evacuation, require_never, require_recovered
from vmha_e2e.lab import run
from vmha_e2e.record import Witness
from vmha_e2e.resources import QUICK, QUICK_RETURN, policy
from vmha_e2e.world import fence, is_recovered, is_true, verdict

HOST = "compute-1"
WATCH_SECONDS = 10


class CutOff:
    """The host once its instances run elsewhere; what it was like before."""

    def __init__(self, world):
        self.world, self.lab = world, world.lab
        self.names = world.boot("cut", HOST, 2)
        world.begin(policy(**QUICK, **QUICK_RETURN))
        world.wait_ready(self.names)
        self.boot_id = self.node_info()["bootID"]
        self.evacuations_before = last_evacuation(self.lab, HOST)
        self.witness = Witness(self.names)
        self.witness.start()
        run("bmc", HOST, "dead")
        self.at = time.monotonic()
        for network in ("control", "storage"):
            run("net", HOST, network, "cut")
        self.before = {name: guest for name, guest in self.lab.guests().items() if name in self.names}  # no write of theirs arrives any more
        self.old_guests = OldGuests(self.lab, HOST, self.names)
        world.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)), 300)
        self.node = world.recorder.get("cn", HOST)
        self.after = self.lab.guests()
        self.witness.stop()

    def node_info(self):
        return self.world.kubectl.get_node(self.lab.machines[HOST]["kubernetesNode"])["status"]["nodeInfo"]

    def heal(self):
        heartbeat = self.lab.services()[HOST]["updated_at"]
        for network in ("storage", "control"):
            run("net", HOST, network, "heal")
        self.old_guests.require_refused()
        wait_for("a nova-compute that reports again", lambda: self.lab.services()[HOST]["updated_at"] != heartbeat, 60)


@pytest.fixture(scope="module")
def cut_off(shared_world):
    return CutOff(shared_world)


@pytest.fixture(scope="module")
def healed(cut_off):
    assert cut_off.lab.is_on(HOST), "the old guests do not run: this shows nothing"
    cut_off.heal()
    return cut_off


def test_storage_alone_fenced_it(cut_off):
    node = cut_off.node
    assert is_true(node, "DataFenced") and fence(node)["storage"]["state"] == "Proven", fence(node)
    require_never(cut_off.world, HOST, cut_off.at, "HostFenced, although nothing could read its power", lambda seen: is_true(seen, "HostFenced"))
    require_recovered(cut_off.world, HOST, cut_off.before, cut_off.evacuations_before)


def test_the_fence_was_proven_before_the_new_guests_started(cut_off):
    proven = cut_off.world.recorder.first("cn", HOST, cut_off.at, lambda seen: is_true(seen, "DataFenced"))
    for name in cut_off.names:
        begun = next(at for at, _, _, task in cut_off.witness.states[name] if task and at > cut_off.at)
        assert proven < begun, f"{name}: nova rebuilt it {proven - begun:.1f} s before the fence was proven"
        assert proven < cut_off.witness.first_write(name, cut_off.before[name]["boot"])


def test_old_guests_writes_are_refused_and_the_fence_stays(healed):
    """The host is back on its networks, its old guests try to write, nova-compute reports: nothing is lifted as long as its power is not proven."""
    begun, first = time.monotonic(), healed.lab.guests()
    while time.monotonic() - begun < WATCH_SECONDS:
        healed.world.controller.require_alive()
        service = healed.lab.services()[HOST]
        assert (service["forced_down"], service["status"]) == (True, "disabled"), service
        assert healed.lab.ceph.is_fenced(healed.lab.machines[HOST]["storageAddress"]), healed.lab.ceph.blocklist()
        assert fence(healed.world.recorder.get("cn", HOST))["state"] == "Proven", fence(healed.world.recorder.get("cn", HOST))
        time.sleep(1)
    healed.old_guests.require_silent()
    last = healed.lab.guests()
    for name in healed.names:
        assert last[name]["counter"] > first[name]["counter"], f"{name} does not write"
        new = healed.after[name]["nonce"]
        assert last[name]["nonce"] == new and last[name]["boot"] == healed.before[name]["boot"] + 1, last[name]
        assert last[name]["writers"][-1]["nonce"] == new and not last[name]["writers"][-1]["missing"], last[name]["writers"]
    assert healed.node_info()["bootID"] == healed.boot_id, "it was power-cycled: this case shows nothing"
    require_never(healed.world, HOST, healed.at, "lifted", lambda seen: fence(seen).get("state") in ("Lifting", "Lifted"))


def test_it_returns_once_its_power_cycle_is_proven(healed):
    alive_at = time.monotonic()
    run("bmc", HOST, "alive")
    healed.world.wait(f"{HOST} in service again", lambda record: fence(record.get("cn", HOST)).get("state") == "Lifted"
                      and verdict(record.get("cn", HOST)) == "Healthy", 240)
    commands = [action["commands"] for action in healed.lab.power_actions(alive_at) if action["host"] == HOST]
    assert ["off"] in commands and commands.index(["off"]) < commands.index(["on"]), commands
    off = healed.lab.power_actions(alive_at)[0]["at"]
    lifting = healed.world.recorder.first("cn", HOST, healed.at, lambda seen: fence(seen).get("state") == "Lifting")
    assert lifting > off, "the fence was lifted before the power cycle"
    assert healed.node_info()["bootID"] != healed.boot_id
    service = healed.lab.services()[HOST]
    assert (service["forced_down"], service["status"], service["state"]) == (False, "enabled", "up"), service
    assert not healed.lab.ceph.is_fenced(healed.lab.machines[HOST]["storageAddress"]), healed.lab.ceph.blocklist()
    now = healed.lab.guests()
    for name in healed.names:
        assert now[name]["nonce"] == healed.after[name]["nonce"] and now[name]["host"] == healed.after[name]["host"], now[name]
        assert now[name]["counter"] > healed.after[name]["counter"], f"{name} has stopped writing"
