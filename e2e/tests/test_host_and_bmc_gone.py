"""Issue 3, point 2: a host and its power controller are gone together. Storage alone fences, and says that it is only the data."""
import time

from vmha_e2e.checks import last_evacuation, require_evacuated_once, require_intact
from vmha_e2e.lab import run
from vmha_e2e.resources import policy
from vmha_e2e.world import condition, fence, is_recovered, is_true, verdict

HOST = "compute-2"


def test_storage_alone_fences_and_the_instances_are_recovered(world, capsys):
    names = world.boot("gone", HOST, 2)
    world.begin(policy())  # the design's own defaults: stale after 20 s, confirmed for 5
    world.wait_ready(names)
    earlier = last_evacuation(world.lab, HOST)
    at = time.monotonic()
    run("bmc", HOST, "dead")
    run("host", HOST, "off")
    before = world.lab.guests()

    world.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)), 300)
    node = world.recorder.get("cn", HOST)
    dead = world.recorder.first("cn", HOST, at, lambda seen: verdict(seen) == "Dead")
    recovered = world.recorder.first("cn", HOST, at, is_recovered)
    with capsys.disabled():
        print(f"\n{HOST} and its power controller gone: Dead after {dead - at:.1f} s (aim 30 s), recovered after {recovered - at:.1f} s")

    assert is_true(node, "DataFenced"), condition(node, "DataFenced")
    assert condition(node, "HostFenced")["status"] == "False", condition(node, "HostFenced")
    assert fence(node)["storage"]["state"] == "Proven", fence(node)
    assert fence(node)["power"]["state"] != "Proven", fence(node)
    assert world.lab.ceph.is_fenced(world.lab.machines[HOST]["storageAddress"]), world.lab.ceph.blocklist()
    never_powered = world.recorder.first("cn", HOST, at, lambda seen: is_true(seen, "HostFenced"))
    assert never_powered is None, "HostFenced was True although nothing could read the power"

    after = world.lab.guests()
    for name in names:
        assert after[name]["host"] != HOST and after[name]["status"] == "ACTIVE", after[name]
        assert is_true(world.instance(name), "Attested"), condition(world.instance(name), "Attested")
        require_intact(before[name], after[name])
    require_evacuated_once(world.lab, HOST, names, since=earlier)
