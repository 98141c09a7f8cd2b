"""The lab, vmha's resources in it, and vmha-controller: what a test starts from and is reset to."""
import json

from . import NAMESPACE, ROOT, account, resources, wait_for
from .controller import Controller
from .kubectl import Kubectl
from .lab import Lab
from .record import Recorder

READY_SECONDS = 120
FINALIZERS_OFF = json.dumps({"metadata": {"finalizers": None}})


class World:
    def __init__(self):
        self.lab = Lab()
        self.kubectl = Kubectl(self.lab.env)
        self.controller = Controller(self.lab)
        self.recorder = None
        self._dirty = True
        self.kubectl.must("apply", "-f", str(ROOT / "crds"))
        self.kubectl.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})

    def reset(self):
        """No vmha, no resources of it, no servers, no faults, no fences: whatever the test before has left."""
        if not self._dirty:
            return
        self._end_vmha()
        self._delete_resources()
        self.lab.heal()
        self._dirty = False

    def begin(self, policy, ceph_key=""):
        """vmha runs with this policy on all hosts, and with this one of the lab's Ceph keys. Afterwards a reset has something to do."""
        self._dirty = True
        self.recorder = Recorder(self.kubectl)
        self.recorder.start()
        self.kubectl.apply(policy, *resources.hosts(self.lab.machines, self.lab.env))
        self.start_controller(ceph_key)

    def use_account(self):
        """From its next start on vmha-controller has the rights of manifests/ and no other; before, those of the lab's administrator."""
        self.controller.kubeconfig = account.make_kubeconfig(self.kubectl, self.lab.folder)

    def start_controller(self, ceph_key=""):
        self.controller.ceph_key = ceph_key
        self.controller.start()
        self.controller.wait_leading()

    def boot(self, name, host, count=1):
        self._dirty = True
        return self.lab.boot(name, host, count)

    def wait(self, what, condition, seconds):
        """Until condition(recorder) is true, as long as the controller lives."""
        return self.recorder.wait(what, condition, seconds, alive=self.controller.require_alive)

    def wait_ready(self, servers, seconds=READY_SECONDS):
        """All is well: each host is healthy and ready to be fenced, each of these servers is protected, and guests answer the storage ping."""
        homes = {server["OS-EXT-SRV-ATTR:host"] for name, server in self.lab.servers().items() if name in servers}

        def ready(record):
            nodes = record.all("cn")
            hosts_ready = len(nodes) == len(self.lab.machines) and all(
                verdict(node) == "Healthy" and is_true(node, "FencingReady") for node in nodes.values())
            inventories = hosts_ready and all(status(nodes[home]).get("storageClients", {}).get("addresses") and
                                              evidence(nodes[home], "StoragePing") == "Alive" for home in homes)
            return inventories and all(phase(self.instance(name)) == "Protected" for name in servers)
        return self.wait(f"all hosts healthy and {', '.join(servers)} protected", ready, seconds)

    def instance(self, server):
        """The ProtectedInstance of a server; None while there is none."""
        identity = self._server_ids(server)
        return next((pi for pi in self.recorder.all("pi").values() if pi["spec"]["serverID"] == identity), None)

    def instances(self, servers):
        return [self.instance(name) for name in servers]

    def _server_ids(self, name):
        known = getattr(self, "_ids", {})
        if name not in known:
            self._ids = {each: server["id"] for each, server in self.lab.servers().items()}
        return self._ids.get(name)

    def end(self):
        self._end_vmha()

    def _end_vmha(self):
        self._ids = {}
        if self.controller.is_alive():
            self.controller.kill()
        if self.recorder:
            self.recorder.stop()
            self.recorder = None

    def _delete_resources(self):
        for node in self.kubectl.list("cn"):
            if node["metadata"].get("finalizers"):
                self.kubectl.must("patch", "-n", NAMESPACE, "cn", node["metadata"]["name"], "--type", "merge", "-p", FINALIZERS_OFF)
        self.kubectl.must("delete", "-n", NAMESPACE, "cn,pi,hap,lease,secret", "--all", "--wait=false")
        wait_for("no resources of vmha", lambda: not any(self.kubectl.list(kind) for kind in ("cn", "pi", "hap")), 60)


# ---- reading resources

def status(resource):
    return (resource or {}).get("status", {})


def phase(resource):
    return status(resource).get("phase")


def verdict(node):
    return status(node).get("verdict", {}).get("value")


def evidence(node, source):
    """Alive, Stale, Off or Unknown."""
    return next((each["state"] for each in status(node).get("verdict", {}).get("evidence", []) if each["source"] == source), "Unknown")


def fence(node):
    return status(node).get("fence", {})


def has_fence(node):
    return bool(fence(node)) and fence(node)["state"] not in ("Lifted", "Withdrawn")


def condition(resource, kind):
    return next((each for each in status(resource).get("conditions", []) if each["type"] == kind), {})


def is_true(resource, kind):
    return condition(resource, kind).get("status") == "True"


def recovery(resource):
    return status(resource).get("recovery", {})


def is_recovered(node):
    return is_true(node, "Recovered") and "finishedTime" in recovery(node)
