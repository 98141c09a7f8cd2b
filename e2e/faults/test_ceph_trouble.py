"""Issue 4, point 7: quorum lost at the moment of the failure, blocklist entries cleared in mid-fence, a Ceph key without rights, an address that
belongs to two hosts. What cannot be proven is held and said, and recovered as soon as it can be."""
import time

from vmha_e2e.checks import OldGuests, last_evacuation, require_intact, require_never, require_recovered, untouched
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import condition, evidence, fence, has_fence, is_recovered, is_true, status, verdict

HOSTS = ("compute-1", "compute-2", "compute-3")
SAID_SECONDS = 90
WATCH_SECONDS = 6


def guests_of(world, names):
    guests = world.lab.guests()
    return {name: guests[name] for name in names}


def said_without_quorum(node):
    """A person sees what is missing, whether or not a fence was begun before the quorum was missed."""
    if not has_fence(node):
        return next(each.get("detail") for each in status(node)["verdict"]["evidence"] if each["source"] == "StoragePing")
    return fence(node)["state"] == "Fencing" and condition(node, "DataFenced").get("message")


def test_quorum_lost_then_entries_cleared(world):
    """The host hangs, its power controller is dead: only storage can fence it."""
    host = "compute-1"
    address = world.lab.machines[host]["storageAddress"]
    names = world.boot("storage", host, 2)
    world.begin(policy(**QUICK))
    world.wait_ready(names)
    earlier, at = last_evacuation(world.lab, host), time.monotonic()
    run("bmc", host, "dead")
    run("host", host, "freeze")
    before = guests_of(world, names)
    old_guests = OldGuests(world.lab, host, names)
    run("mon", "stop")

    world.wait(f"{host} silent", lambda record: evidence(record.get("cn", host), "NovaService") == "Stale", SAID_SECONDS)
    world.wait("said what is missing", lambda record: said_without_quorum(record.get("cn", host)), SAID_SECONDS)
    begun = time.monotonic()
    while time.monotonic() - begun < WATCH_SECONDS:
        world.controller.require_alive()
        assert not any(service["forced_down"] for service in world.lab.services().values())
        assert not is_true(world.recorder.get("cn", host), "DataFenced"), "fenced without quorum"
        time.sleep(0.5)
    assert last_evacuation(world.lab, host) == earlier

    cleared = []

    def clear(seen, _):
        """An administrator clears the list the moment the storage fence is proven."""
        if seen.name == host and not cleared and fence(seen.object).get("storage", {}).get("state") == "Proven":
            cleared.append(time.monotonic())
            world.lab.ceph.clear_blocklist()
    world.recorder.on_change(clear)
    run("mon", "start")
    world.wait(f"{host} recovered", lambda record: is_recovered(record.get("cn", host)), 300)

    assert cleared, "the list was never cleared: this shows nothing"
    lost = world.recorder.first("cn", host, cleared[0], lambda seen: fence(seen)["storage"]["state"] == "Requested")
    assert lost, "nobody noticed that the entry was gone"
    again = world.recorder.first("cn", host, lost, lambda seen: fence(seen)["storage"]["state"] == "Proven")
    assert again and world.lab.ceph.is_fenced(address), world.lab.ceph.blocklist()
    require_never(world, host, at, "HostFenced, although nothing could read its power", lambda seen: is_true(seen, "HostFenced"))
    require_recovered(world, host, before, earlier)

    run("host", host, "thaw")
    old_guests.require_refused()
    for name, guest in guests_of(world, names).items():
        require_intact(before[name], guest)


def test_a_key_without_rights_to_the_blocklist(world):
    """Said before the disaster; power does the work."""
    host = "compute-2"
    names = world.boot("weak", host, 2)
    world.begin(policy(**QUICK), ceph_key="NO_LIFT")

    def not_ready(record, text):
        ready = condition(record.get("cn", host), "FencingReady")
        return (ready.get("status"), ready.get("reason")) == ("False", "StorageNotReady") and text in ready["message"]
    world.wait("FencingReady False: may not remove", lambda record: not_ready(record, "blocklist rm"), SAID_SECONDS)
    world.controller.kill()
    world.start_controller("NO_BLOCKLIST")
    world.wait("FencingReady False: may not add", lambda record: not_ready(record, "blocklist add"), SAID_SECONDS)
    world.wait(f"{host} healthy and its power controller known",
               lambda record: verdict(record.get("cn", host)) == "Healthy" and status(record.get("cn", host))["devices"][0].get("ready") and
               evidence(record.get("cn", host), "StoragePing") == "Alive" and
               all(status(world.instance(name)).get("phase") == "Protected" for name in names), SAID_SECONDS)
    earlier, at = last_evacuation(world.lab, host), time.monotonic()
    run("host", host, "freeze")
    before = guests_of(world, names)

    world.wait(f"{host} recovered", lambda record: is_recovered(record.get("cn", host)), 300)
    node = world.recorder.get("cn", host)
    assert is_true(node, "HostFenced") and fence(node)["power"]["state"] == "Proven", fence(node)
    assert fence(node)["storage"]["state"] != "Proven" and "blocklist" in fence(node)["storage"]["message"], fence(node)["storage"]
    assert [action for action in world.lab.power_actions(at) if action["host"] == host]
    require_recovered(world, host, before, earlier)


def test_an_address_of_two_hosts(world):
    """First of two compute hosts, then of a host and a monitor."""
    host, other = "compute-1", "compute-2"
    address, monitor = world.lab.machines[host]["storageAddress"], world.lab.storage_address
    names = world.boot("shared", host)
    world.boot("innocent", other)
    world.begin(policy(**QUICK))
    world.wait_ready([*names, "innocent"])
    for each in (host, other):
        world.kubectl.patch("cn", each, storage={"clientAddresses": [address]})

    def in_conflict(record, name, with_host):
        conflict = condition(record.get("cn", name), "Conflict")
        return conflict.get("status") == "True" and address in conflict["message"] and with_host in conflict["message"] and not is_true(record.get("cn", name), "Ready")
    world.wait("both in Conflict", lambda record: in_conflict(record, host, other) and in_conflict(record, other, host), SAID_SECONDS)

    earlier, at = last_evacuation(world.lab, host), time.monotonic()
    run("host", host, "freeze")
    before, innocent = guests_of(world, names), guests_of(world, ["innocent"])["innocent"]
    world.wait(f"{host} Dead and held", lambda record: verdict(record.get("cn", host)) == "Dead" and
               condition(record.get("cn", host), "Held").get("reason") == "Conflict", SAID_SECONDS)
    begun = time.monotonic()
    while time.monotonic() - begun < WATCH_SECONDS:
        world.controller.require_alive()
        assert not untouched(world, HOSTS), untouched(world, HOSTS)
        time.sleep(1)

    world.kubectl.patch("cn", other, storage=None)
    world.kubectl.patch("cn", host, storage={"clientAddresses": [address, monitor]})
    world.wait(f"{host} recovered", lambda record: is_recovered(record.get("cn", host)), 300)
    node = world.recorder.get("cn", host)
    storage = fence(node)["storage"]
    assert storage["state"] == "Skipped" and "SharedAddress" in storage["message"] and monitor in storage["message"], storage
    assert is_true(node, "HostFenced"), fence(node)["power"]
    require_never(world, host, at, "proven by storage", lambda seen: fence(seen).get("storage", {}).get("state") == "Proven")
    assert not world.lab.ceph.is_fenced(monitor) and not world.lab.ceph.is_fenced(address), world.lab.ceph.blocklist()
    require_recovered(world, host, before, earlier)
    now = world.lab.guests()["innocent"]
    assert (now["host"], now["nonce"]) == (other, innocent["nonce"]) and now["counter"] > innocent["counter"], now
