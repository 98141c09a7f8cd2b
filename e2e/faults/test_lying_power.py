"""Issue 4, point 6: power controllers that lie. Nobody innocent is powered off, no proof is taken from a lie, and the storage fence does the
work where the policy allows it."""
import time

from vmha_e2e import wait_for
from vmha_e2e.checks import OldGuests, last_evacuation, require_never, require_recovered
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import condition, fence, is_recovered, is_true

SAID_SECONDS = 60
LIES, BRIEFS = 2, 2  # how often each lie is told


def wait_not_ready(world, host, text):
    def said(record):
        ready = condition(record.get("cn", host), "FencingReady")
        return (ready.get("status"), ready.get("reason")) == ("False", "WrongDevice") and text in ready["message"]
    world.wait(f"{host}: FencingReady False, WrongDevice, {text}", said, SAID_SECONDS)


def require_still_running(world, host, before):
    """The host of an innocent guest was not touched: the same boot writes on."""
    assert world.lab.is_on(host)
    now = world.lab.guests()[before["name"]]
    assert (now["host"], now["nonce"]) == (host, before["nonce"]) and now["counter"] > before["counter"], now


def test_a_controller_that_lies_about_a_living_host_proves_nothing_when_it_dies(world):
    """compute-3 has no Kubernetes node that would tell its system UUID: what its controller showed at first is all there is to compare with."""
    host, other = "compute-3", "compute-2"
    names = world.boot("lied", host, 2)
    world.boot("innocent", other)
    world.begin(policy(**QUICK))
    world.wait_ready([*names, "innocent"])
    earlier, at = last_evacuation(world.lab, host), time.monotonic()

    run("bmc", host, "other", other)
    wait_not_ready(world, host, world.lab.machines[other]["systemUUID"])
    run("bmc", host, "stale-off")
    wait_not_ready(world, host, "reads Off while the host is alive")
    require_never(world, host, at, "a fence of a living host", lambda seen: "fence" in seen.get("status", {}))

    run("host", host, "freeze")
    guests = world.lab.guests()
    before, old_guests = {name: guests[name] for name in names}, OldGuests(world.lab, host, names)
    world.wait(f"{host} recovered", lambda record: is_recovered(record.get("cn", host)), 300)
    require_never(world, host, at, "HostFenced by a lie", lambda seen: is_true(seen, "HostFenced"))
    assert fence(world.recorder.get("cn", host))["storage"]["state"] == "Proven"
    require_recovered(world, host, before, earlier)
    assert not world.lab.power_actions(at), "a controller that was known to lie was given orders"
    require_still_running(world, other, guests["innocent"])
    run("host", host, "thaw")
    old_guests.require_refused()  # whatever they had in flight, too


def require_held_back(world, host, names):
    """Still Fencing; nova knows of nothing."""
    world.controller.require_alive()
    service = world.lab.services()[host]
    assert not service["forced_down"] and service["status"] == "enabled", service
    node = world.recorder.get("cn", host)
    assert fence(node)["state"] == "Fencing", fence(node)
    fenced = condition(node, "HostFenced")
    assert fenced["status"] == "False" and fenced["message"], f"nobody is told why it waits: {fenced}"
    for name, server in world.lab.servers().items():
        assert name not in names or (server["OS-EXT-SRV-ATTR:host"] == host and not server["OS-EXT-STS:task_state"]), server


def test_a_controller_that_lies_in_mid_fence_leaves_it_to_storage_if_the_policy_allows(world):
    host, other = "compute-1", "compute-3"
    names = world.boot("lied", host, 2)
    world.boot("innocent", other)
    fencing = {"require": "Host", "powerTimeoutSeconds": 5}
    world.begin(policy(**QUICK, fencing=fencing))
    world.wait_ready([*names, "innocent"])
    earlier, at = last_evacuation(world.lab, host), time.monotonic()
    run("bmc", host, "lies")
    run("host", host, "freeze")
    guests = world.lab.guests()
    before, old_guests = {name: guests[name] for name in names}, OldGuests(world.lab, host, names)

    def told(mode):
        return [action for action in world.lab.power_actions(at) if action["mode"] == mode]

    # It answers every order with success and does nothing.
    wait_for("orders to a controller that does nothing", lambda: len(told("lies")) >= LIES, 120)
    world.wait("the storage fence beside it", lambda record: fence(record.get("cn", host))["storage"]["state"] == "Proven", 60)
    world.wait("power given up for now", lambda record: fence(record.get("cn", host))["power"]["state"] == "Failed", 60)
    require_held_back(world, host, names)

    # It reads Off for 3 s, and then On again.
    run("bmc", host, "brief")
    wait_for("orders to a controller that reads Off for a moment", lambda: len(told("brief")) >= BRIEFS, 120)
    lied_at = told("brief")[BRIEFS - 1]["at"]
    wait_for("the end of its last lie", lambda: time.monotonic() > lied_at + 4, 10)
    require_held_back(world, host, names)

    # It has become the controller of a host that is well.
    run("bmc", host, "other", other)
    world.wait("said whose controller it is", lambda record: world.lab.machines[other]["systemUUID"] in condition(record.get("cn", host), "HostFenced")["message"], 60)
    require_held_back(world, host, names)
    require_still_running(world, other, guests["innocent"])
    assert not told(f"other {other}"), "an innocent host was given an order"

    world.kubectl.patch("hap", "default", fencing={"require": "Data"})
    world.wait(f"{host} recovered", lambda record: is_recovered(record.get("cn", host)), 300)
    require_never(world, host, at, "HostFenced by a lie", lambda seen: is_true(seen, "HostFenced"))
    require_recovered(world, host, before, earlier)
    assert world.lab.is_on(host) and not told(f"other {other}")
    require_still_running(world, other, guests["innocent"])
    run("host", host, "thaw")
    old_guests.require_refused()  # whatever they had in flight, too
