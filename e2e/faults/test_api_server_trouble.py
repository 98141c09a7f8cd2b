"""Issue 4, point 8: the API server goes away in the middle of a recovery, forgets its history, and at last its memory: etcd is restored to before the
fence. One loss, one story; whatever happens, each server is evacuated once and the host does not come back before its time.
"""
import time

import pytest

from vmha_e2e import wait_for
from vmha_e2e.checks import last_evacuation, require_evacuated_once, require_intact
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import fence, has_fence, is_recovered, is_true, phase, verdict

HOST = "compute-2"
AWAY_SECONDS = 90
SECONDS = 240


class Story:
    def __init__(self, world):
        self.world, self.lab = world, world.lab
        self.names = world.boot("story", HOST, 3)
        world.begin(policy(**QUICK, evacuation={"maxConcurrent": 1, "maxConcurrentPerDestination": 1}, **{"return": {"powerOn": False, "healthySeconds": 5}}))
        world.wait_ready(self.names)
        run("kube", "backup")
        self.earlier = last_evacuation(self.lab, HOST)

    def again(self):
        """As kubelet would: a controller that lost its lease ends, and the next one is started."""
        if not self.world.controller.is_alive():
            self.world.controller.start()

    def wait(self, what, condition):
        return self.world.recorder.wait(what, condition, SECONDS, alive=self.again)

    def lose(self):
        run("host", HOST, "off")
        self.before = self.lab.guests()
        wait_for("the first evacuation", lambda: last_evacuation(self.lab, HOST) > self.earlier, SECONDS, pause=0.1)
        run("kube", "stop")
        self.requested = len(self._records())
        time.sleep(AWAY_SECONDS)  # this long is what is to be survived
        self.in_the_dark = len(self._records()) - self.requested
        run("kube", "start")
        self.again()
        run("kube", "compact")
        self.again()

    def _records(self):
        return [record for record in self.lab.evacuations(HOST) if record["id"] > self.earlier]

    def restore(self):
        run("kube", "restore")
        self.again()


@pytest.fixture(scope="module")
def story(shared_world):
    return Story(shared_world)


def require_recovered(story):
    world = story.world
    wait_for("all write", lambda: all(guest.get("boot", 0) > story.before[name]["boot"] for name, guest in story.lab.guests().items()), 120)
    after = story.lab.guests()
    for name in story.names:
        assert after[name]["host"] != HOST and after[name]["status"] == "ACTIVE" and not after[name]["task"], after[name]
        assert after[name]["boot"] == story.before[name]["boot"] + 1, f"{name} was not booted exactly once"
        require_intact(story.before[name], after[name])
    require_evacuated_once(world.lab, HOST, story.names, since=story.earlier)


def require_fenced(story):
    service = story.lab.services()[HOST]
    assert service["forced_down"] and service["disabled_reason"] == story.reason, service
    assert story.lab.ceph.is_fenced(story.lab.machines[HOST]["storageAddress"]), story.lab.ceph.blocklist()


def test_away_in_the_middle_of_a_recovery(story):
    story.lose()
    assert story.in_the_dark <= 1, f"{story.in_the_dark} evacuations were asked for while no intent could be stored"
    world = story.world
    story.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)))
    story.wait("each Recovered", lambda _: all(phase(each) == "Recovered" for each in world.instances(story.names)))
    assert all(is_true(each, "Attested") for each in world.instances(story.names))
    story.reason = f"vmha: {fence(world.recorder.get('cn', HOST))['id']}"
    require_recovered(story)
    require_fenced(story)


def test_status_of_before_the_fence(story):
    """Nova's mark and the blocklist entry are all that is left of the fence: it stands, and nothing is done a second time."""
    story.restore()
    world = story.world
    story.wait("the fence adopted", lambda _: has_fence(world.kubectl.get("cn", HOST)))
    require_fenced(story)
    story.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)))
    require_fenced(story)
    require_recovered(story)


def test_the_host_returns_at_last(story):
    world = story.world
    world.kubectl.patch("hap", "default", **{"return": {"powerOn": True}})
    story.wait(f"{HOST} in service again", lambda record: verdict(record.get("cn", HOST)) == "Healthy" and not has_fence(record.get("cn", HOST)))
    service = story.lab.services()[HOST]
    assert (service["forced_down"], service["status"]) == (False, "enabled"), service
    assert not story.lab.ceph.is_fenced(story.lab.machines[HOST]["storageAddress"]), story.lab.ceph.blocklist()
    require_recovered(story)
