"""Issue 4, point 9: kubectl vmha explain and status say why nothing happens, while all is well, while a fence is held up, and afterwards."""
import json
import os
import socket
from pathlib import Path

from vmha_e2e import NAMESPACE, ROOT, wait_for
from vmha_e2e.lab import run
from vmha_e2e.resources import QUICK, QUICK_RETURN, policy
from vmha_e2e.world import fence, is_recovered, is_true, phase

from vmha_lab.settings import CONTROL  # on the path by the package vmha_e2e

HOST = "compute-1"
SAID_SECONDS = 120


class Plugin:
    """kubectl with kubectl-vmha on its PATH."""

    def __init__(self, world):
        folder = Path(os.environ.get("VMHA_BUILD", ROOT / "build")) / "cli"
        assert os.access(folder / "kubectl-vmha", os.X_OK), f"no {folder}/kubectl-vmha: make build"
        self._kubectl = type(world.kubectl)({**world.lab.env, "PATH": f"{folder}:{world.lab.env['PATH']}"})

    def run(self, *arguments):
        return self._kubectl.run("vmha", *arguments, "-n", NAMESPACE)

    def text(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert "\033" not in done.stdout, "colours without a terminal"
        return done.stdout

    def explain(self, host=HOST):
        return json.loads(self.text("explain", f"cn/{host}", "-o", "json"))

    def status(self):
        return json.loads(self.text("status", "-o", "json"))


def reasons(page):
    return [hold["reason"] for hold in page["explanation"].get("holds", [])]


def source(page, name):
    return next(each for each in page["explanation"]["evidence"] if each["source"] == name)


def require_all_is_well(plugin, names):
    page = plugin.explain()
    assert page["source"] == "Leader", page
    assert page["explanation"]["answeredBy"].startswith(page["leader"] + "/"), page
    assert page["explanation"]["verdict"]["value"] == "Healthy", page["explanation"]
    assert page["explanation"]["next"] == "nothing: all is well"
    assert reasons(page) == [], page["explanation"]["holds"]
    assert page["explanation"]["step"] == "no fence"
    for name in ("NovaService", "StoragePing"):
        assert source(page, name)["state"] == "Alive" and source(page, name)["provenAliveSecondsAgo"] < 30, source(page, name)
    assert source(page, "Power").get("provenAliveSecondsAgo") is None, "On proves no life"
    assert sorted(each["name"] for each in page["instances"]) == sorted(names), page["instances"]
    assert all(each["recoverable"]["status"] == "True" for each in page["instances"])
    report = plugin.status()
    assert [(each["name"], each["verdict"], each["fenced"]) for each in report["hosts"]] == [(f"compute-{n}", "Healthy", "no") for n in (1, 2, 3)]
    assert report["fences"] == report["recoveries"] == report["notReady"] == report["unreadable"] == [], report
    assert "policy default: Enforce" in plugin.text("status")


def require_held_back_by_power(plugin, world):
    """Storage is proven, the policy wants the power off, and nothing answers there."""
    def said():
        page = plugin.explain()
        return page if "PowerNotProven" in reasons(page) and page["explanation"]["evidence"] and page["fence"]["storage"]["state"] == "Proven" else None
    page = wait_for("explain names the power that is not proven", said, SAID_SECONDS, pause=1)
    assert page["source"] == "Leader"
    assert page["explanation"]["verdict"]["value"] == "Dead" and page["explanation"]["verdict"]["confirmed"]
    assert page["explanation"]["step"] == "2-3 power and storage are being proven", page["explanation"]
    assert page["explanation"]["next"].startswith("once power is proven off"), page["explanation"]
    hold = next(each for each in page["explanation"]["holds"] if each["reason"] == "PowerNotProven")
    assert "fencing.require of the policy is Host" in hold["message"], hold
    text = plugin.text("explain", f"cn/{HOST}")
    assert "PowerNotProven" in text and "Held back by:" in text, text
    report = plugin.status()
    assert [each["host"] for each in report["fences"]] == [HOST], report
    assert report["fences"][0]["storage"]["state"] == "Proven" and report["fences"][0]["power"]["state"] != "Proven"
    overview = plugin.text("status")
    assert "Fences (1)" in overview and len(overview.splitlines()) < 40, overview
    assert not world.lab.services()[HOST]["forced_down"], "nova was told before the policy's proof"
    return text


def test_why_nothing_happens_before_during_and_after_a_fence(world, capsys):
    names = world.boot("why", HOST, 2)
    world.begin(policy(**QUICK, **QUICK_RETURN, fencing={"require": "Host"}))
    world.wait_ready(names)
    plugin = Plugin(world)
    pis = [world.instance(name)["metadata"]["name"] for name in names]
    require_all_is_well(plugin, pis)

    run("bmc", HOST, "dead")
    run("host", HOST, "off")
    text = require_held_back_by_power(plugin, world)
    with capsys.disabled():
        print(f"\n{text}")

    run("bmc", HOST, "alive")
    world.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)), 300)
    assert is_true(world.recorder.get("cn", HOST), "HostFenced")
    assert plugin.explain()["explanation"]["step"].split()[0] in ("9-10", "10", "no")
    world.wait("each instance Recovered", lambda _: all(phase(each) == "Recovered" for each in world.instances(names)), SAID_SECONDS)
    world.wait(f"{HOST} in service again", lambda record: fence(record.get("cn", HOST)).get("state") == "Lifted", 300)
    page = wait_for("all is well again", lambda: (found := plugin.explain())["explanation"]["step"] == "no fence" and not reasons(found) and found, SAID_SECONDS)
    assert page["explanation"]["verdict"]["value"] == "Healthy" and page["instances"] == [], page

    world.controller.kill()  # its Lease, and the endpoint on it, stay behind
    page = plugin.explain()
    assert page["source"] == "Resources" and "the leader" in page["why"], page
    assert "provenAliveSecondsAgo" not in source(page, "NovaService")
    assert "the leader could not be asked" in plugin.text("explain", f"cn/{HOST}")


def test_a_leader_in_a_pod_is_asked_through_the_api_server(world):
    """A Pod object that names an address of the lab: the API server's proxy is the real one, kubelet and container are not needed for it."""
    address = CONTROL
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "vmha-0", "namespace": NAMESPACE},
           "spec": {"automountServiceAccountToken": False, "nodeName": "worker-1", "containers": [{"name": "vmha", "image": "vmha"}]}}
    world.kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}}, pod)
    try:
        world.kubectl.must("patch", "-n", NAMESPACE, "pod", "vmha-0", "--subresource", "status", "--type", "merge", "-p",
                           json.dumps({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}))
        world.controller.settings = {"listen": f"{address}:{port}", "advertise": f"pod:{NAMESPACE}/vmha-0:{port}"}
        world.begin(policy(**QUICK))
        world.wait_ready([])
        plugin = Plugin(world)
        page = plugin.explain()
        assert page["source"] == "Leader", page
        assert page["explanation"]["verdict"]["value"] == "Healthy"
        unknown = plugin.run("explain", "cn/compute-9")
        assert unknown.returncode == 3 and "compute-1" in unknown.stderr, unknown
        assert plugin.run("explain", "pi/why").returncode == 2
        assert plugin.run("status", "--context", "nobody").returncode == 1
    finally:
        world.controller.settings = {}
        world.kubectl.must("delete", "-n", NAMESPACE, "pod", "vmha-0", "--force", "--grace-period=0")
