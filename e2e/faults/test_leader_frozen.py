"""Issue 5, point 5: two controllers on the lab's API server. The one that leads is frozen (SIGSTOP) at ten moments of three losses, and thawed once the other
one leads: whatever it was about to do, at most the call it was in completes, and the world ends right.
"""
import threading
import time

import pytest

from vmha_e2e import wait_for
from vmha_e2e.checks import last_evacuation, require_evacuated_once, require_intact
from vmha_e2e.controller import Controller
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, QUICK_RETURN, policy
from vmha_e2e.steps import Steps
from vmha_e2e.world import fence, verdict

STEP_SECONDS = 180
END_SECONDS = 300
TAKEOVER_SECONDS = 60  # the Lease is held for 15 s, and the successor waits until what the old one had sent is over


class Pair:
    """Two processes; `leader` is the one that said so last."""

    def __init__(self, world):
        self._world = world
        self.leader, self.standby = world.controller, Controller(world.lab)
        self.standby.start()

    def freeze_leader(self):
        """Returns the calls that the old leader completed after it was thawed, when another one led."""
        old, self.leader = self.leader, self.standby
        old.freeze()
        made = old.log_size()
        try:
            self.leader.wait_leading(TAKEOVER_SECONDS)
        finally:
            old.thaw()
        assert old.wait_ended(60) == 1, f"it lost its Lease and has to end:\n{old.tail(20)}"
        calls = old.calls_since(made)
        self._world.controller = self.leader
        self.standby = old
        self.standby.start()
        return calls

    def stop(self):
        self.standby.stop()


@pytest.fixture
def pair(world):
    pairs = []

    def begin():
        pairs.append(Pair(world))
        return pairs[0]
    yield begin
    for pair in pairs:
        pair.stop()


def wait_step(world, pair, steps, name):
    """Until the step is seen: the watch wakes this up, and what it does not show is polled."""
    reached = getattr(steps, name)
    changed = threading.Event()
    world.recorder.on_change(lambda *_: changed.set())
    deadline = time.monotonic() + STEP_SECONDS
    while not reached():
        pair.leader.require_alive()
        assert time.monotonic() < deadline, f"{name}: not within {STEP_SECONDS} s; last seen: {world.recorder.describe()}"
        changed.wait(0.05)
        changed.clear()


@pytest.mark.parametrize("host, moments", [
    pytest.param("compute-1", ["suspected", "force_down", "attest", "switched_on"], id="suspected,force-down,attest,switched-on"),
    pytest.param("compute-2", ["fence_intent", "first_evacuate_request", "lift"], id="fence-intent,evacuate-request,lift"),
    pytest.param("compute-3", ["storage_proof", "first_moved", "unforced"], id="storage-proof,moved,un-forced"),
])
def test_a_leader_that_was_frozen_does_nothing_more(world, pair, host, moments):
    names = world.boot("frozen", host, 3)
    world.begin(policy(**QUICK, **QUICK_RETURN))
    world.wait_ready(names)
    both = pair()
    earlier = last_evacuation(world.lab, host)
    steps = Steps(world, host, earlier)
    run("host", host, "off")
    before = world.lab.guests()
    for moment in moments:
        wait_step(world, both, steps, moment)
        calls = both.freeze_leader()
        assert len(calls) <= 1, f"frozen at {moment}, thawed when another one led, it went on: {calls}"

    world.wait(f"{host} in service again", lambda record: fence(record.get("cn", host)).get("state") == "Lifted"
               and verdict(record.get("cn", host)) == "Healthy", END_SECONDS)
    wait_for("guests that write again", lambda: all(world.lab.guests()[name].get("boot", 0) > before[name]["boot"] for name in names), 120)
    after = world.lab.guests()
    for name in names:
        assert after[name]["host"] != host and after[name]["status"] == "ACTIVE" and not after[name]["task"], after[name]
        assert after[name]["boot"] == before[name]["boot"] + 1, f"{name} was not booted exactly once"
        require_intact(before[name], after[name])
    require_evacuated_once(world.lab, host, names, since=earlier)
    service = world.lab.services()[host]
    assert (service["forced_down"], service["status"]) == (False, "enabled"), service
    assert not world.lab.ceph.is_fenced(world.lab.machines[host]["storageAddress"]), world.lab.ceph.blocklist()
    assert not any(server["locked"] for server in world.lab.servers().values())
