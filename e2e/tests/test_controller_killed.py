"""Issue 3, point 4: vmha-controller gets SIGKILL right after a step; a new one finishes, and each server is evacuated once.

Three losses, in which each new controller is killed again after a later step.
"""
import threading
import time

import pytest

from vmha_e2e.checks import last_evacuation, require_evacuated_once, require_intact
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, QUICK_RETURN, policy
from vmha_e2e.steps import Steps
from vmha_e2e.world import fence, is_true, verdict

STEP_SECONDS = 180
END_SECONDS = 300


def kill_after(world, steps, name):
    """Kills the controller within some milliseconds of the step: the watch wakes this up, and what it does not show is polled."""
    reached = getattr(steps, name)
    changed = threading.Event()
    world.recorder.on_change(lambda *_: changed.set())
    deadline = time.monotonic() + STEP_SECONDS
    while not reached():
        world.controller.require_alive()
        assert time.monotonic() < deadline, f"{name}: not within {STEP_SECONDS} s; last seen: {world.recorder.describe()}"
        changed.wait(0.05)
        changed.clear()
    world.controller.kill()
    state = fence(world.recorder.get("cn", steps.host)).get("state")
    world.controller.start()
    return state


@pytest.mark.parametrize("host, kills", [
    pytest.param("compute-1", ["fence_intent", "force_down", "attest"], id="fence-intent,force-down,attest"),
    pytest.param("compute-2", ["power_proof", "first_evacuate_request", "lift"], id="power-proof,evacuate-request,lift"),
    pytest.param("compute-3", ["storage_proof"], id="storage-proof"),
])
def test_a_new_controller_finishes(world, host, kills):
    names = world.boot("kill", host, 2)
    world.begin(policy(**QUICK, **QUICK_RETURN))
    world.wait_ready(names)
    earlier = last_evacuation(world.lab, host)
    steps = Steps(world, host, earlier)
    lost_at = time.monotonic()
    run("host", host, "off")
    before = world.lab.guests()
    fences = []
    for name in kills:
        kill_after(world, steps, name)
        fences.append(fence(world.recorder.get("cn", host))["id"])

    world.wait(f"{host} in service again", lambda record: fence(record.get("cn", host)).get("state") == "Lifted"
               and verdict(record.get("cn", host)) == "Healthy", END_SECONDS)
    assert {*fences, fence(world.recorder.get("cn", host))["id"]} == {fences[0]}, f"more than one fence for one loss: {fences}"
    after = world.lab.guests()
    for name in names:
        assert after[name]["host"] != host and after[name]["status"] == "ACTIVE" and not after[name]["task"], after[name]
        assert after[name]["boot"] == before[name]["boot"] + 1, f"{name} was not booted exactly once"
        require_intact(before[name], after[name])
        attested = world.recorder.first("pi", world.instance(name)["metadata"]["name"], lost_at, lambda seen: is_true(seen, "Attested"))
        assert attested, f"{name} was never attested: {world.instance(name)['status']}"  # while the fence stood; it says so no longer
    require_evacuated_once(world.lab, host, names, since=earlier)
    service = world.lab.services()[host]
    assert (service["forced_down"], service["status"]) == (False, "enabled"), service
    assert not world.lab.ceph.is_fenced(world.lab.machines[host]["storageAddress"]), world.lab.ceph.blocklist()
    assert not any(server["locked"] for server in world.lab.servers().values())
