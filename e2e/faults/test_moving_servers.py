"""Issue 4, point 4: a host dies with servers in many states, some of them on the move; a destination dies in the middle of an evacuation.

Each server ends as the protocol says, with the reason in status, and none keeps the others or the end of the host's recovery waiting.
"""
import time

import pytest

from vmha_e2e import wait_for
from vmha_e2e.checks import last_evacuation, require_evacuated_once, require_intact
from vmha_e2e.lab import run
from vmha_e2e.moving import SecondClient, go_on, migrate_and_stall, migrations
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import condition, fence, is_recovered, is_true, phase, recovery, status

HOST = "compute-1"
NAMES = [f"many-{number}" for number in range(1, 13)]
PLAIN, SHARED, STOPPED, LOCKED, BROKEN, HALTING, PAUSED, RESIZED, DELETED, LEAVING, SHELVED, RESCUED = NAMES
COMING = "coming"  # on compute-3
STAYING = (PAUSED, RESIZED, SHELVED, RESCUED)
MOVED = (PLAIN, SHARED, STOPPED, LOCKED, BROKEN, HALTING, LEAVING)
SECONDS = 300
QUIET = {"evacuation": {"maxConcurrent": 4}, "return": {"powerOn": False}}


class Loss:
    """compute-1 with twelve servers and one on its way to it loses its power."""

    def __init__(self, world):
        self.world, self.lab = world, world.lab
        world.boot("many", HOST, len(NAMES))
        world.boot(COMING, "compute-3")
        self.ids = {name: server["id"] for name, server in self.lab.servers().items()}

    def happen(self):
        world = self.world
        with SecondClient(self.ids[SHARED]) as self.second:
            world.begin(policy(**QUICK, **QUIET))
            world.wait_ready([*NAMES, COMING], 180)
            world.wait("the second client recorded", lambda _: self._watched(SHARED), 120)
            self._put_into_states()
            self.recoverable = {name: condition(world.instance(name), "Recoverable") for name in NAMES}
            self.evacuations_before = last_evacuation(self.lab, HOST)
            coming, leaving = migrate_and_stall(self.lab, COMING, HOST), migrate_and_stall(self.lab, LEAVING, "compute-2")
            self.lab.act(self.ids[HALTING], "os-stop")  # nova-compute asks the guest first, for two seconds
            self.at = time.monotonic()
            self.lab.power_off(HOST)
            self.halting = self.lab.servers()[HALTING]["OS-EXT-STS:task_state"]
            self.before = self.lab.guests()
            go_on(leaving)
            go_on(coming)
            world.wait("the fence proven", lambda record: fence(record.get("cn", HOST)).get("state") == "Proven", SECONDS)
            self.lab.cloud.ask("DELETE", self._url(DELETED))
            world.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)), SECONDS)
            self.took = time.monotonic() - self.at
            world.wait("each moved one Recovered", lambda _: all(phase(world.instance(name)) == "Recovered" for name in MOVED), 60)
            wait_for("guests that write again", self._all_write, 120)
            self.after = self.lab.guests()

    def _url(self, name):
        from vmha_lab.settings import NOVA_URL
        return f"{NOVA_URL}/servers/{self.ids[name]}"

    def _watched(self, name):
        disks = status(self.world.instance(name)).get("disks", [])
        return any(watcher.startswith(f"{self.second.address}:") for disk in disks for watcher in disk.get("watchers", []))

    def _put_into_states(self):
        lab, ids = self.lab, self.ids
        lab.act(ids[PAUSED], "pause")
        lab.act(ids[LOCKED], "lock", {"locked_reason": "mine"})
        lab.act(ids[BROKEN], "os-resetState", {"state": "error"})
        lab.shut_off(STOPPED)
        for name, state in {RESIZED: "resized", SHELVED: "shelved", RESCUED: "rescued"}.items():
            lab.mark(ids[name], state)
        told = {**dict.fromkeys(STAYING, "ServerState"), BROKEN: "ServerError"}
        self.world.wait("what would stop a recovery is said beforehand", lambda _: all(
            condition(self.world.instance(name), "Recoverable").get("reason") == reason for name, reason in told.items()), 90)

    def _all_write(self):
        guests = self.lab.guests()
        return all(guests[name].get("boot", 0) > self.before[name]["boot"] for name in MOVED if name != STOPPED)


@pytest.fixture(scope="module")
def loss(shared_world):
    loss = Loss(shared_world)
    loss.happen()
    return loss


def test_what_would_stop_a_recovery_was_said_beforehand(loss):
    states = {PAUSED: "paused", RESIZED: "resized", SHELVED: "shelved", RESCUED: "rescued"}
    for name, words in {**{name: f"a server that is {state}" for name, state in states.items()}, BROKEN: "it is in ERROR"}.items():
        assert loss.recoverable[name]["status"] == "False" and words in loss.recoverable[name]["message"], loss.recoverable[name]
    assert loss.recoverable[PLAIN]["status"] == "True", loss.recoverable[PLAIN]


@pytest.mark.parametrize("name", MOVED)
def test_ends_elsewhere_once_and_attested(loss, name):
    guest, instance = loss.after[name], loss.world.instance(name)
    assert guest["host"] != HOST and guest["status"] == ("SHUTOFF" if name == STOPPED else "ACTIVE") and not guest["task"], guest
    assert is_true(instance, "Attested"), condition(instance, "Attested")
    require_intact(loss.before[name], guest)
    if name != STOPPED:
        assert guest["boot"] == loss.before[name]["boot"] + 1, f"{name} was not booted exactly once"
    if name != LEAVING:
        require_evacuated_once(loss.lab, HOST, [name], since=loss.evacuations_before)


@pytest.mark.parametrize("name", STAYING)
def test_what_nova_cannot_evacuate_stays_with_the_reason_in_status(loss, name):
    instance = loss.world.instance(name)
    assert loss.after[name]["host"] == HOST
    assert recovery(instance)["phase"] == "Skipped" and "nova cannot evacuate a server that is" in recovery(instance)["message"], recovery(instance)
    assert not loss.lab.servers()[name]["locked"]


def test_a_server_deleted_by_its_tenant_in_the_middle_is_no_failure(loss):
    instance = loss.world.instance(DELETED)
    assert instance is None or phase(instance) == "Gone" or recovery(instance).get("phase") == "Skipped", status(instance)


def test_the_tenants_own_lock_is_left_and_ours_is_not(loss):
    servers = loss.lab.servers()
    assert servers[LOCKED]["locked"] and servers[LOCKED]["locked_reason"] == "mine", servers[LOCKED]
    assert not any(server["locked"] for name, server in servers.items() if name != LOCKED)


def test_a_client_recorded_beside_the_guest_is_expected(loss):
    assert any(watcher.startswith(f"{loss.second.address}:") for watcher in loss.after[SHARED]["watchers"]), loss.after[SHARED]["watchers"]


def test_a_live_migration_that_died_with_its_source_does_not_keep_the_server(loss):
    """Nova may try its destination first, where what was made ready for the migration is still in the way: that attempt ends before the next one."""
    (kind, source, destination, status_), *evacuations = migrations(loss.lab, loss.ids[LEAVING])
    assert (kind, source, destination) == ("live-migration", HOST, "compute-2"), kind
    assert status_ not in ("completed", "failed", "error"), f"it was {status_}: this shows nothing"
    assert all(each[0] == "evacuation" for each in evacuations), evacuations
    assert [each[3] in ("done", "completed") for each in evacuations] == [False] * (len(evacuations) - 1) + [True], evacuations


def test_a_task_that_died_with_its_host_does_not_keep_the_server(loss):
    assert loss.halting == "powering-off", f"it was {loss.halting}: this shows nothing"
    assert loss.after[HALTING]["status"] == "ACTIVE", "not the state it had"


def test_a_server_on_its_way_to_the_dead_host_stays_where_it_runs(loss):
    guest = loss.after[COMING]
    assert (guest["host"], guest["status"], guest["task"], guest["boot"]) == ("compute-3", "ACTIVE", None, 1), guest
    assert not any(kind == "evacuation" for kind, *_ in migrations(loss.lab, loss.ids[COMING]))
    assert loss.lab.guests()[COMING]["counter"] > loss.before[COMING]["counter"], "it does not write"


def test_none_kept_the_end_of_the_recovery_waiting(loss, capsys):
    node = loss.world.recorder.get("cn", HOST)
    with capsys.disabled():
        print(f"\n{HOST} lost with {len(NAMES)} servers in many states: recovered after {loss.took:.0f} s: {recovery(node)}")
    assert recovery(node)["recovered"] == len(MOVED) and recovery(node).get("failed", 0) == 0, recovery(node)


def test_destination_dies_in_mid_evacuation(world):
    """The attempt ends by the proven fence of its destination, the next one goes to the third host. Both are Kubernetes nodes, and there is no other:
    that the first one's Lease is silent is no riddle, as it is fenced."""
    first, second, third = "compute-1", "compute-2", "compute-3"
    name, = world.boot("twice", first)
    world.begin(policy(**QUICK, **QUIET, storm={"maxUnhealthy": "100%"}))
    world.wait_ready([name])
    instance = world.instance(name)["metadata"]["name"]
    world.kubectl.patch("pi", instance, placement={"allowedHosts": [second, third]})
    earlier = last_evacuation(world.lab, first)
    run("host", first, "off")
    before = world.lab.guests()[name]
    server = before["id"]

    def on_its_way():
        record = migrations(world.lab, server)[-1:]
        return record and record[0][0] == "evacuation" and record[0][3] == "pre-migrating" and record[0][2] == second
    wait_for(f"nova at work on {second}", on_its_way, SECONDS, pause=0.02)
    world.lab.power_off(second)
    assert world.lab.servers()[name]["OS-EXT-SRV-ATTR:host"] == first, "nova was too fast: this shows nothing"

    world.wait(f"{name} recovered", lambda _: phase(world.instance(name)) == "Recovered", SECONDS)
    wait_for(f"{name} writes", lambda: world.lab.guests()[name].get("boot", 0) > before["boot"], 120)
    guest = world.lab.guests()[name]
    assert (guest["host"], guest["status"], guest["task"]) == (third, "ACTIVE", None), guest
    require_intact(before, guest)
    records = [record for record in world.lab.evacuations(first) if record["id"] > earlier]
    assert [record["dest_compute"] for record in records] == [second, third], records
    assert is_true(world.instance(name), "Attested"), status(world.instance(name))
    assert not world.lab.servers()[name]["locked"]
    for host in (first, second):
        world.wait(f"{host} recovered", lambda record, host=host: is_recovered(record.get("cn", host)), 60)
