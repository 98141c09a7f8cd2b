"""Issue 4, point 5: no room anywhere, priorities, dependsOn.

Placement says that the other hosts have no memory left. Six instances of three priorities wait, are asked for in their order, and are recovered when
room appears; one of them waits for another one; a name that does not exist and a circle hold nobody.
"""
import pytest

from vmha_e2e import wait_for
from vmha_e2e.checks import require_intact
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import condition, is_recovered, is_true, phase, recovery

HOST, OTHERS = "compute-1", ("compute-2", "compute-3")
NAMES = [f"room-{number}" for number in range(1, 7)]
PRIORITIES = dict(zip(NAMES, (900, 900, 500, 500, 100, 100)))
DEPENDENT, NEEDED = "room-3", "room-4"
CIRCLE = ("room-5", "room-6")
WAITING = [name for name in NAMES if name != DEPENDENT]
SECONDS = 240


@pytest.fixture(scope="module")
def cloud(shared_world):
    world = shared_world
    world.boot("room", HOST, len(NAMES))
    world.begin(policy(**QUICK, evacuation={"maxConcurrent": 1, "maxConcurrentPerDestination": 1}, **{"return": {"powerOn": False}}))
    world.wait_ready(NAMES)
    named = {name: world.instance(name)["metadata"]["name"] for name in NAMES}
    needs = {DEPENDENT: [named[NEEDED], "nobody"], CIRCLE[0]: [named[CIRCLE[1]]], CIRCLE[1]: [named[CIRCLE[0]]]}
    for name in NAMES:
        world.kubectl.patch("pi", named[name], priority=PRIORITIES[name], dependsOn=[{"name": each} for each in needs.get(name, [])])
    world.named = named
    return world


def first_requests(world):
    """Names in the order of their first evacuation record."""
    names = {server["id"]: name for name, server in world.lab.servers().items()}
    order = [names[record["instance_uuid"]] for record in world.lab.evacuations(HOST) if record["instance_uuid"] in names]
    return list(dict.fromkeys(order))


def test_a_dependency_that_is_none_is_said(cloud):
    def said(name, reason):
        return condition(cloud.instance(name), "Ready").get("reason") == reason
    cloud.wait("what cannot be waited for is said", lambda _: said(DEPENDENT, "DependencyNotFound")
               and all(said(name, "DependencyCircle") for name in CIRCLE), 60)


def test_without_room_all_wait_and_say_why(cloud):
    for host in OTHERS:
        cloud.lab.take_memory(host)
    run("host", HOST, "off")
    cloud.before = cloud.lab.guests()
    told = set()

    def all_told(_):
        for name in WAITING:
            if "no valid host" in recovery(cloud.instance(name)).get("message", ""):
                told.add(name)
        return len(told) == len(WAITING)
    cloud.wait(f"{', '.join(WAITING)} wait for room", all_told, SECONDS)
    waiting = recovery(cloud.instance(DEPENDENT))
    assert phase(cloud.instance(DEPENDENT)) == "Waiting" and f"waits for {cloud.named[NEEDED]}" in waiting["message"], waiting
    assert all(server["OS-EXT-SRV-ATTR:host"] == HOST for server in cloud.lab.servers().values())


def test_the_higher_priority_was_asked_for_first(cloud):
    order = first_requests(cloud)
    assert sorted(order) == sorted(WAITING), f"{DEPENDENT} was asked for before what it depends on: {order}"
    assert [PRIORITIES[name] for name in order] == sorted((PRIORITIES[name] for name in order), reverse=True), order


def test_they_are_recovered_when_room_appears(cloud):
    cloud.kubectl.patch("hap", "default", evacuation={"maxConcurrent": 8, "maxConcurrentPerDestination": 2})
    for host in OTHERS:
        cloud.lab.give_memory(host)
    cloud.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)), SECONDS)
    cloud.wait("each Recovered", lambda _: all(phase(each) == "Recovered" for each in cloud.instances(NAMES)), 60)
    for name in NAMES:
        instance = cloud.instance(name)
        assert is_true(instance, "Attested"), f"{name}: {instance['status']}"
        assert recovery(instance)["attempt"] == 1, f"{name}: to find no room is no failed attempt: {recovery(instance)}"
    wait_for("all write", lambda: all(guest.get("boot", 0) > cloud.before[name]["boot"] for name, guest in cloud.lab.guests().items()), 120)
    after = cloud.lab.guests()
    for name in NAMES:
        assert after[name]["host"] != HOST and after[name]["status"] == "ACTIVE", after[name]
        require_intact(cloud.before[name], after[name])


def test_the_dependent_one_began_after_the_needed_one_was_attested(cloud):
    def attested(seen):
        return recovery(seen).get("phase") == "Attested"

    def begun(seen):
        return recovery(seen).get("phase") == "Intended" and phase(seen) == "Recovering"
    needed = cloud.recorder.first("pi", cloud.named[NEEDED], 0, attested)
    dependent = cloud.recorder.first("pi", cloud.named[DEPENDENT], 0, begun)
    assert needed and dependent and dependent > needed, (needed, dependent)
