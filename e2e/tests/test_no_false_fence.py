"""Issue 3, point 3: five things that look like a dead host and are none. Nothing is fenced.

Each case is watched for longer than the policy needs to call a host Dead, after the verdict that it leads to was reached.
"""
import time

import pytest

from vmha_e2e.checks import untouched
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import verdict

HOSTS = ("compute-1", "compute-2", "compute-3")
VERDICT_SECONDS = 90
# The policy calls a host Dead after stale 8 s + confirmed 3 s (8 s without storage evidence).
WATCH_SECONDS = 22


@pytest.fixture(scope="module")
def cloud(shared_world):
    """A guest on each of the first two hosts, vmha watching."""
    world = shared_world
    names = [*world.boot("one", "compute-1"), *world.boot("two", "compute-2"), *world.boot("three", "compute-3")]
    world.begin(policy(**QUICK))
    world.wait_ready(names)
    yield world


@pytest.fixture
def healthy(cloud):
    """All hosts are healthy before a case and, as the fault is taken back, after it."""
    all_healthy(cloud)
    yield cloud
    for host in HOSTS:
        run("service", f"nova-compute@{host}", "start")
        run("net", host, "control", "heal")
    run("service", "rabbit", "start")
    all_healthy(cloud)


def all_healthy(world):
    world.wait("all hosts healthy", lambda record: all(verdict(record.get("cn", host)) == "Healthy" for host in HOSTS), 180)


def require_untouched(world, seconds=WATCH_SECONDS):
    """Looks again and again, for so long; and at every version of every status that there was meanwhile."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        world.controller.require_alive()
        wrong = untouched(world, HOSTS)
        assert not wrong, wrong
        time.sleep(1)
    for seen in world.recorder.history:
        assert seen.kind != "cn" or not seen.object or "fence" not in seen.object.get("status", {}), f"{seen.name} was fenced: {seen.object['status']}"


def wait_verdict(world, host, *wanted):
    world.wait(f"{host} {' or '.join(wanted)}", lambda record: verdict(record.get("cn", host)) in wanted, VERDICT_SECONDS)


def test_only_nova_compute_killed(healthy):
    run("service", "nova-compute@compute-1", "stop")
    wait_verdict(healthy, "compute-1", "AgentDown")
    require_untouched(healthy)
    assert verdict(healthy.recorder.get("cn", "compute-1")) == "AgentDown"


def test_control_network_cut_with_guests_alive_on_storage(healthy):
    before = healthy.lab.guests()["two"]["counter"]
    run("net", "compute-2", "control", "cut")
    wait_verdict(healthy, "compute-2", "Isolated")
    require_untouched(healthy)
    assert verdict(healthy.recorder.get("cn", "compute-2")) == "Isolated"
    assert healthy.lab.guests()["two"]["counter"] > before, "the guest does not write: this case shows nothing"


def test_message_bus_stopped(healthy):
    run("service", "rabbit", "stop")
    healthy.wait("no host Healthy by nova's word", lambda record: all(verdict(record.get("cn", host)) != "Healthy" for host in HOSTS), VERDICT_SECONDS)
    require_untouched(healthy)
    for host in HOSTS:
        assert verdict(healthy.recorder.get("cn", host)) in ("Unknown", "AgentDown", "Isolated"), host


def test_drained_by_live_migration_then_nova_compute_stopped(healthy):
    healthy.lab.migrate_live("one", "compute-2")
    run("service", "nova-compute@compute-1", "stop")
    wait_verdict(healthy, "compute-1", "AgentDown", "Unknown")
    require_untouched(healthy)
    assert healthy.lab.guests()["one"]["boot"] == 1, "the guest that was moved away was booted again"


def test_last_guest_stopped_then_nova_compute_stopped(healthy):
    """compute-3 is no Kubernetes node: without its guest nothing but nova-compute could speak for it."""
    healthy.lab.shut_off("three")
    run("service", "nova-compute@compute-3", "stop")
    wait_verdict(healthy, "compute-3", "Unknown", "AgentDown")
    require_untouched(healthy)
    assert healthy.lab.servers()["three"]["OS-EXT-SRV-ATTR:host"] == "compute-3"
