"""Issue 3, point 5: the host of test_host_loss.py comes back."""
import pytest

from vmha_e2e.world import fence, phase, verdict

RETURN_SECONDS = 240


@pytest.fixture(scope="module")
def returned(lost_host):
    """The same loss, once its host is in service again."""
    world = lost_host.world
    world.wait(f"{lost_host.host} in service again",
               lambda record: fence(record.get("cn", lost_host.host)).get("state") == "Lifted"
               and verdict(record.get("cn", lost_host.host)) == "Healthy", RETURN_SECONDS)
    return lost_host


def when(loss, condition):
    return loss.world.recorder.first("cn", loss.host, loss.at, condition)


def test_it_was_switched_on_only_once_its_instances_were_safe(returned):
    assert returned.world.lab.is_on(returned.host)
    history = [seen.object for seen in returned.world.recorder.history if (seen.kind, seen.name) == ("cn", returned.host) and seen.at > returned.at]
    states = [fence(node).get("state") for node in history if fence(node)]
    order = list(dict.fromkeys(states))
    assert order == ["Fencing", "Proven", "Lifting", "Lifted"], order
    lifting = next(node for node in history if fence(node).get("state") == "Lifting")
    assert lifting["status"]["recovery"]["finishedTime"], "the fence was lifted before the recovery was finished"


def test_fence_is_lifted_everywhere(returned):
    lab = returned.world.lab
    assert not lab.ceph.is_fenced(lab.machines[returned.host]["storageAddress"]), lab.ceph.blocklist()
    service = lab.services()[returned.host]
    assert (service["forced_down"], service["status"], service["state"]) == (False, "enabled", "up"), service
    assert not service["disabled_reason"], service


def test_it_was_enabled_only_after_it_was_healthy_for_long_enough(returned):
    lifting = when(returned, lambda node: fence(node).get("state") == "Lifting")
    lifted = when(returned, lambda node: fence(node).get("state") == "Lifted")
    assert lifted - lifting >= 10, f"enabled {lifted - lifting:.1f} s after lifting began; healthySeconds is 10"


def test_nova_has_cleaned_up(returned):
    left = [record["status"] for record in returned.world.lab.evacuations(returned.host) if record["status"] in ("accepted", "pre-migrating", "done")]
    assert not left, f"evacuations left: {left}"


def test_phase_says_so(returned):
    assert phase(returned.world.recorder.get("cn", returned.host)) == "Healthy"


def test_new_instances_run_there(returned):
    name, = returned.world.boot("fresh", returned.host)
    assert returned.world.lab.servers()[name]["OS-EXT-SRV-ATTR:host"] == returned.host


def test_evacuated_disks_are_untouched_by_the_return(returned):
    now = returned.world.lab.guests()
    for name in returned.names:
        then = returned.after[name]
        assert now[name]["host"] == then["host"] and now[name]["status"] == then["status"], now[name]
        assert now[name]["boot"] == then["boot"], f"{name} was booted again"
        assert now[name]["writers"][-1]["nonce"] == then["writers"][-1]["nonce"], f"{name}: another copy wrote: {now[name]['writers']}"
        assert not any(stretch["missing"] for stretch in now[name]["writers"]), now[name]["writers"]
    for name in returned.running:
        assert now[name]["counter"] > returned.after[name]["counter"], f"{name} has stopped writing"
