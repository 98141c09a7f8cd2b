"""Makes the resource documents of the tests: python3 make.py. The texts beside them are what must be shown of them."""
import json
from pathlib import Path

API = "vmha.openstack.org/v1alpha1"
NS = "openstack"


def condition(kind, status, reason, message=""):
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-11-23T10:00:00Z"}


def policy(storm=None, **spec):
    status = {"hosts": {"total": 3, "healthy": 2, "suspect": 0, "fenced": 1, "held": 0}, "instances": {"protected": 2, "unprotected": 1, "recovering": 1, "failed": 0},
              "conditions": [condition("Ready", "True", "Ready"), condition("Held", "True" if storm else "False", "Storm" if storm else "NothingHeld")]}
    if storm:
        status["storm"] = storm
    return {"apiVersion": API, "kind": "HAPolicy", "metadata": {"name": "default", "namespace": NS}, "spec": {"mode": "Enforce", **spec}, "status": status}


def node(name, verdict="Healthy", phase="Healthy", states=("Alive", "Alive", "Alive", "Alive"), conditions=(), spec=None, **status):
    sources = ("NovaService", "KubernetesNode", "StoragePing", "Power")
    details = {"Alive": "heartbeat moves", "Stale": "heartbeat stopped", "Unknown": "not configured", "Off": "bmc reads Off"}
    evidence = [{"source": s, "state": x, "since": "2026-11-23T11:58:00Z", "detail": details[x]} for s, x in zip(sources, states)]
    given = {c["type"]: c for c in conditions}
    ready = [condition("Ready", "True", "Ready"), condition("FencingReady", "True", "Ready"), condition("Held", "False", "NothingHeld"), condition("Conflict", "False", "NoConflict")]
    return {"apiVersion": API, "kind": "ComputeNode", "metadata": {"name": name, "namespace": NS}, "spec": spec or {},
            "status": {"phase": phase, "verdict": {"value": verdict, "since": "2026-11-23T11:58:00Z", "evidence": evidence},
                       "conditions": [given.pop(c["type"], c) for c in ready] + list(given.values()), **status}}


def instance(name, number, host, phase="Protected", recoverable=("True", "Evacuable", ""), recovery=None):
    status = {"phase": phase, "host": host, "vmState": "active", "powerState": "Running", "conditions": [condition("Recoverable", *recoverable)]}
    if recovery:
        status["recovery"] = recovery
    return {"apiVersion": API, "kind": "ProtectedInstance", "metadata": {"name": name, "namespace": NS},
            "spec": {"serverID": f"5b8e0000-0000-4000-8000-{number:012}"}, "status": status}


def lease(endpoint="http://127.0.0.1:8080"):
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "vmha-controller", "namespace": NS, "annotations": {"vmha.openstack.org/endpoint": endpoint}},
            "spec": {"holderIdentity": "vmha-0_1a2b3c4d", "renewTime": "2026-11-23T11:59:58.123456Z"}}


FENCE = {"id": "compute-1-x7k2q", "state": "Fencing", "reason": "Dead: nova-compute, the node's Lease and all guests are silent", "decidedTime": "2026-11-23T11:59:00Z",
         "decidedBy": "vmha-0_1a2b3c4d/7",
         "power": {"state": "Failed", "device": "bmc", "message": "connection refused"},
         "storage": {"state": "Proven", "addresses": ["10.77.0.11"], "osdmapEpoch": 412, "provenTime": "2026-11-23T11:59:05Z", "message": "64 placement groups confirmed it"}}


def write(name, *items):
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)}, indent=1)
    Path(__file__).with_name(name + ".json").write_text(text + "\n")


write("healthy", policy(), node("compute-1"), node("compute-2"), instance("db-0", 1, "compute-1"), lease())

write("fencing", policy(fencing={"require": "Host"}),
      node("compute-1", "Dead", "Fencing", ("Stale", "Stale", "Stale", "Unknown"), fence=FENCE,
           conditions=[condition("HostFenced", "False", "PowerNotProven", "connection refused"), condition("DataFenced", "True", "StorageProven")]),
      node("compute-2"),
      node("compute-3", conditions=[condition("Ready", "False", "FencingNotReady", "no power controller is configured"),
                                    condition("FencingReady", "False", "PowerNotReady", "no power controller is configured")]),
      instance("db-0", 1, "compute-1"), instance("db-1", 2, "compute-2"),
      instance("gpu-0", 3, "compute-1", "Unprotected", ("False", "LocalDisk", "its disk is not in Ceph")),
      instance("web-0", 4, "compute-1", "Waiting", recovery={"fenceID": "compute-1-x7k2q", "attempt": 0, "phase": "Intended", "from": "compute-1",
                                                             "message": "waits for its turn: the policy's budget of evacuations is used up"}),
      instance("web-1", 5, "compute-2", "Recovered", recovery={"fenceID": "compute-1-x7k2q", "attempt": 1, "phase": "Attested", "from": "compute-1", "to": "compute-2"}),
      lease("pod:vmha-system/vmha-0:8080"))

write("storm", policy({"id": "storm-k2j4p", "heldSince": "2026-11-23T11:57:00Z", "reason": "3 of 5 hosts are unhealthy, the budget is 2", "hosts": ["compute-1", "compute-3"]}, paused=True),
      node("compute-1", "Dead", "Held", ("Stale", "Stale", "Stale", "Off"), fence={**FENCE, "state": "Held", "power": {"state": "Pending"}, "storage": {"state": "Pending"}},
           conditions=[condition("Held", "True", "Storm", "3 of 5 hosts are unhealthy, the budget is 2")], spec={"maintenance": True}),
      lease(""))
