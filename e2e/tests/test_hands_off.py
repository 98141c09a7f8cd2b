"""Issue 3, point 6: paused, DryRun and maintenance. A host is lost, nothing is touched, and status says what would have been done."""
import time

import pytest

from vmha_e2e import NAMESPACE
from vmha_e2e.checks import untouched
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import condition, verdict

HOST = "compute-2"
SAID_SECONDS = 120
WATCH_SECONDS = 12


@pytest.fixture(scope="module")
def dead(shared_world):
    """A frozen host with a guest, under a paused policy: every source is silent, power still reads On."""
    world = shared_world
    names = world.boot("kept", HOST)
    world.begin(policy(**QUICK))
    world.wait_ready(names)
    world.kubectl.patch("hap", "default", paused=True)
    run("host", HOST, "freeze")
    world.wait(f"{HOST} Dead", lambda record: verdict(record.get("cn", HOST)) == "Dead", SAID_SECONDS)
    return world


def require_untouched_and_said(world, why):
    def said(record):
        held = condition(record.get("cn", HOST), "Held")
        return held.get("status") == "True" and held.get("reason") == why
    world.wait(f"condition Held, reason {why}", said, SAID_SECONDS)
    begun = time.monotonic()
    while time.monotonic() - begun < WATCH_SECONDS:
        world.controller.require_alive()
        wrong = untouched(world, (HOST,))
        assert not wrong, wrong
        time.sleep(1)
    held = condition(world.recorder.get("cn", HOST), "Held")
    assert (held["status"], held["reason"]) == ("True", why), held
    assert "would fence this host and recover its instances" in held["message"], held
    server = world.lab.servers()["kept"]
    assert server["OS-EXT-SRV-ATTR:host"] == HOST and not server["locked"] and not server["OS-EXT-STS:task_state"], server
    assert not world.lab.evacuations(HOST) or world.lab.evacuations(HOST)[-1]["instance_uuid"] != server["id"]


def test_paused_policy(dead):
    require_untouched_and_said(dead, "Paused")


def test_dry_run(dead):
    dead.kubectl.patch("hap", "default", mode="DryRun", paused=False)
    require_untouched_and_said(dead, "DryRun")


def test_maintenance(dead):
    dead.kubectl.patch("cn", HOST, maintenance=True)
    dead.kubectl.patch("hap", "default", mode="Enforce")
    require_untouched_and_said(dead, "Maintenance")


def test_paused_host(dead):
    """The annotation on one resource does what `paused` does for all."""
    dead.kubectl.must("annotate", "-n", NAMESPACE, "cn", HOST, "vmha.openstack.org/paused=true")
    dead.kubectl.patch("cn", HOST, maintenance=False)
    require_untouched_and_said(dead, "Paused")
