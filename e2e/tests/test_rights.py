"""Issue 6, point 1: least privilege, by the API server's own audit log. From the loss of a host on vmha-controller runs under the account of manifests/; here
every right is used at least once, and no request of it so far was refused.

Needs the loss of a host (the finalizer, the fence's events) and discovery (objects that come and go).
"""
import json

from vmha_e2e import NAMESPACE, account, wait_for
from vmha_e2e.lab import run
from vmha_e2e.resources import API, QUICK, policy

SECONDS = 120
FOUND = "compute-3"  # discovery makes its ComputeNode again
GHOST = {"apiVersion": API, "kind": "ComputeNode", "metadata": {"name": "ghost", "namespace": NAMESPACE, "labels": {"vmha.openstack.org/discovered": "true"}}, "spec": {}}


def objects_come_and_go(world):
    world.boot("rights", "compute-2")
    world.begin(policy(**QUICK))
    world.kubectl.apply(GHOST)
    world.wait("the server has its ProtectedInstance", lambda _: world.instance("rights"), SECONDS)
    world.wait("the ComputeNode of a host that nova does not know is deleted", lambda _: world.kubectl.get("cn", "ghost") is None, SECONDS)
    uid = world.kubectl.get("cn", FOUND)["metadata"]["uid"]
    world.kubectl.must("delete", "-n", NAMESPACE, "cn", FOUND)
    world.wait("the ComputeNode of a host that nova knows comes back", lambda _: (world.kubectl.get("cn", FOUND) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid, SECONDS)
    name = world.instance("rights")["metadata"]["name"]
    run("delete", "rights")
    world.wait("the ProtectedInstance of a deleted server is deleted", lambda _: world.kubectl.get("pi", name) is None, SECONDS)


def events_repeat(world):
    """The same event of the same object again within minutes is a patch of its series."""
    for _ in range(2):
        run("bmc", "compute-2", "dead")
        world.wait("compute-2 is not ready to be fenced", lambda record: ready_to_fence(record) == "False", SECONDS)
        run("bmc", "compute-2", "alive")
        world.wait("compute-2 is ready to be fenced", lambda record: ready_to_fence(record) == "True", SECONDS)


def ready_to_fence(record):
    conditions = record.get("cn", "compute-2").get("status", {}).get("conditions", [])
    return next((each["status"] for each in conditions if each["type"] == "FencingReady"), None)


def test_each_right_is_used_and_nothing_is_refused(lost_host, world):
    assert lost_host.after, "the loss has not been seen to its end"
    objects_come_and_go(world)
    events_repeat(world)
    log = world.lab.folder / "kube" / "log" / "audit.log"
    granted = account.granted(account.manifests())

    def unused():
        # A right for the whole cluster is used wherever it was asked for.
        asked = account.allowed(account.audited(log))
        return sorted(right for right in granted if right not in asked and (right[3] or not any(key[:3] == right[:3] for key in asked)))
    wait_for(f"each right is used; not so far: {json.dumps(unused())}", lambda: not unused(), SECONDS)
    asked = account.audited(log)
    assert not account.refused(asked), "a right is missing"
    assert {key[:3] for key in asked} <= {right[:3] for right in granted}, "what the account of every pod may do, too, is no need of vmha"
