"""What the real API server says about good and bad resources, asked with kubectl as a user would.

/usr/bin/python3 -m pytest e2e/crds

A row of BAD is: a name for the test, the resource it is made from, what is changed in it (path -> value, DELETE removes), and the words
the user must get to see.
"""
import copy
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "e2e" / "lab"
NAMESPACE = "openstack"
KINDS = {"HAPolicy": "hap", "ComputeNode": "cn", "ProtectedInstance": "pi"}
KUBECTL_SECONDS = 60
DELETE = object()

POLICY = {"kind": "HAPolicy", "name": "default", "spec": {"mode": "Enforce"}}
NODE = {"kind": "ComputeNode", "name": "compute-1", "spec": {
    "novaHost": "compute-1.example",
    "storage": {"clientAddresses": ["10.77.0.11"]},
    "fencing": {"devices": [{"name": "bmc", "level": 1, "type": "Redfish", "redfish": {
        "endpoint": "https://10.0.0.1", "systemID": "1", "credentialsSecret": {"name": "bmc-1"}}}]}}}
INSTANCE = {"kind": "ProtectedInstance", "name": "db-0", "spec": {"serverID": "5b8e2f0a-94d2-4c0e-8f0e-0a5b6a4c7d21"}}

SELECTOR = "spec.discovery.instanceSelector"
DEVICE = "spec.fencing.devices.0"
REDFISH = f"{DEVICE}.redfish"
IPMI_DEVICE = {"name": "lan", "type": "Ipmi", "ipmi": {"endpoint": "10.0.0.1:623", "credentialsSecret": {"name": "bmc-1"}}}
AGENT_DEVICE = {"name": "pdu", "type": "FenceAgent", "fenceAgent": {"agent": "fence_apc_snmp", "parameters": [
    {"name": "ip", "value": "10.0.0.9"}, {"name": "plug", "value": "7"}], "parametersSecret": {"name": "pdu-1"}}}
METAL_DEVICE = {"name": "metal", "type": "BareMetalHost", "bareMetalHost": {"name": "worker-1", "namespace": "metal3"}}


def node_with(*devices):
    return {**NODE, "spec": {"fencing": {"devices": list(devices)}}}


IPMI_NODE, AGENT_NODE, METAL_NODE = (node_with(device) for device in (IPMI_DEVICE, AGENT_DEVICE, METAL_DEVICE))
IPMI, AGENT, METAL = f"{DEVICE}.ipmi", f"{DEVICE}.fenceAgent", f"{DEVICE}.bareMetalHost"
PARAMETER = f"{AGENT}.parameters.0"
NO_OTHER = "and no other type has it"

BAD = [
    # HAPolicy
    ("policy without mode", POLICY, {"spec.mode": DELETE}, "spec.mode: Required value"),
    ("policy without spec", POLICY, {"spec": DELETE}, "spec: Required value"),
    ("unknown mode", POLICY, {"spec.mode": "Observe"}, 'spec.mode: Unsupported value: "Observe": supported values: "Enforce", "DryRun"'),
    ("unknown field", POLICY, {"spec.reservedHosts": {"mode": "None"}}, 'unknown field "spec.reservedHosts"'),
    ("unknown field deep inside", POLICY, {"spec.storm.maxUnhealty": 3}, 'unknown field "spec.storm.maxUnhealty"'),
    ("paused as text", POLICY, {"spec.paused": "yes"}, "spec.paused: Invalid value: \"string\": spec.paused in body must be of type boolean"),
    ("duration with a unit", POLICY, {"spec.detection.pollSeconds": "2s"}, "spec.detection.pollSeconds in body must be of type integer"),
    ("duration with a fraction", POLICY, {"spec.detection.pollSeconds": 1.5}, "spec.detection.pollSeconds in body must be of type integer"),
    ("poll of zero", POLICY, {"spec.detection.pollSeconds": 0},
     "spec.detection.pollSeconds in body should be greater than or equal to 1"),
    ("poll of hours", POLICY, {"spec.detection.pollSeconds": 7200, "spec.detection.novaStaleSeconds": 3600},
     "spec.detection.pollSeconds in body should be less than or equal to 60"),
    ("stale before it is polled", POLICY, {"spec.detection.pollSeconds": 20},
     "pollSeconds must be less than novaStaleSeconds and nodeLeaseStaleSeconds"),
    ("less evidence, less time", POLICY, {"spec.detection.confirmSeconds": 90},
     "confirmWithoutStorageSeconds must not be less than confirmSeconds"),
    ("storm of 0%", POLICY, {"spec.storm.maxUnhealthy": "0%"}, 'must be a number of hosts from 1 to 100000 or a percentage from "1%" to "100%"'),
    ("storm of 101%", POLICY, {"spec.storm.maxUnhealthy": "101%"}, "must be a number of hosts from 1 to 100000 or a percentage"),
    ("storm as text without percent", POLICY, {"spec.storm.maxUnhealthyPerFailureDomain": "4"}, "or a percentage from \"1%\" to \"100%\""),
    ("storm of 0 hosts", POLICY, {"spec.storm.maxUnhealthy": 0}, "must be a number of hosts from 1 to 100000"),
    ("no fence method", POLICY, {"spec.fencing.methods": []}, "spec.fencing.methods in body should have at least 1 items"),
    ("unknown fence method", POLICY, {"spec.fencing.methods": ["Watchdog"]}, 'supported values: "Power", "Storage"'),
    ("fence method twice", POLICY, {"spec.fencing.methods": ["Power", "Power"]}, 'spec.fencing.methods[1]: Duplicate value: "Power"'),
    ("Host without the method Power", POLICY, {"spec.fencing.require": "Host", "spec.fencing.methods": ["Storage"]},
     "require: Host needs the method Power"),
    ("more to one host than to all", POLICY, {"spec.evacuation.maxConcurrentPerDestination": 9},
     "maxConcurrentPerDestination must not be more than maxConcurrent"),
    ("selector that asks nothing", POLICY, {SELECTOR: [{"name": "all"}]},
     "exactly one of metadataKey, serverTag, flavorExtraSpec and projectID must be given"),
    ("selector that asks two things", POLICY, {SELECTOR: [{"name": "both", "serverTag": "ha", "projectID": "p"}]},
     "exactly one of metadataKey, serverTag, flavorExtraSpec and projectID must be given"),
    ("value without its key", POLICY, {SELECTOR: [{"name": "v", "metadataValue": "x", "serverTag": "ha"}]}, "metadataValue needs metadataKey"),
    ("selector name twice", POLICY, {SELECTOR: [{"name": "a", "serverTag": "x"}, {"name": "a", "serverTag": "y"}]},
     'spec.discovery.instanceSelector[1]: Duplicate value: {"name":"a"}'),
    ("too many selectors", POLICY, {SELECTOR: [{"name": f"s{n}", "serverTag": "x"} for n in range(17)]}, "must have at most 16 items"),
    ("empty label", POLICY, {"spec.failureDomainLabel": ""}, "spec.failureDomainLabel in body should be at least 1 chars long"),
    # ComputeNode
    ("node without spec", NODE, {"spec": DELETE}, "spec: Required value"),
    ("node name that does not fit into nova", NODE, {"metadata.name": "n" * 201}, "metadata.name must have at most 200 characters"),
    ("empty nova host", NODE, {"spec.novaHost": ""}, "spec.novaHost in body should be at least 1 chars long"),
    ("policy that cannot exist", NODE, {"spec.policy": "My Policy"}, "spec.policy: Invalid value: \"string\": must be the name of a Kubernetes object"),
    ("node that cannot exist", NODE, {"spec.kubernetesNode": "Worker_1"}, "must be the name of a Kubernetes object: lower case letters, digits"),
    ("client address twice", NODE, {"spec.storage.clientAddresses": ["10.0.0.1", "10.0.0.1"]}, 'Duplicate value: "10.0.0.1"'),
    ("client address with a port", NODE, {"spec.storage.clientAddresses": ["10.0.0.1:0"]}, "must be an IP address or a range as in 10.77.0.0/24, without a port"),
    ("client address that is none", NODE, {"spec.storage.clientAddresses": ["10.0.0.256"]}, "must be an IP address or a range"),
    ("client range that is none", NODE, {"spec.storage.clientAddresses": ["10.0.0.0/33"]}, "must be an IP address or a range"),
    ("client address by name", NODE, {"spec.storage.clientAddresses": ["ceph-client"]}, "must be an IP address or a range"),
    ("too many client addresses", NODE, {"spec.storage.clientAddresses": [f"10.0.0.{n}" for n in range(65)]}, "must have at most 64 items"),
    ("device without type", NODE, {f"{DEVICE}.type": DELETE}, "spec.fencing.devices[0].type: Required value"),
    ("device of an unknown type", NODE, {f"{DEVICE}.type": "Ssh"},
     'Unsupported value: "Ssh": supported values: "Redfish", "Ipmi", "FenceAgent", "BareMetalHost"'),
    ("device without its section", NODE, {REDFISH: DELETE}, "type: Redfish needs the section redfish (endpoint, systemID, credentialsSecret)"),
    ("device with the section of another type", NODE, {IPMI: IPMI_DEVICE["ipmi"]}, f"type: Ipmi needs the section ipmi (endpoint, credentialsSecret), {NO_OTHER}"),
    ("device whose type was changed alone", IPMI_NODE, {f"{DEVICE}.type": "Redfish"}, f"(endpoint, systemID, credentialsSecret), {NO_OTHER}"),
    ("ipmi without its section", IPMI_NODE, {IPMI: DELETE}, "type: Ipmi needs the section ipmi (endpoint, credentialsSecret)"),
    ("ipmi without a port", IPMI_NODE, {f"{IPMI}.endpoint": "10.0.0.1"}, "must be a host and a port, as in 10.0.0.1:623"),
    ("ipmi as a URL", IPMI_NODE, {f"{IPMI}.endpoint": "lan://10.0.0.1:623"}, "must be a host and a port"),
    ("ipmi host that looks like an option", IPMI_NODE, {f"{IPMI}.endpoint": "-f:623"}, "must be a host and a port"),
    ("ipmi credentials missing", IPMI_NODE, {f"{IPMI}.credentialsSecret": DELETE}, "ipmi.credentialsSecret: Required value"),
    ("ipmi password in the open", IPMI_NODE, {f"{IPMI}.password": "x"}, 'unknown field "spec.fencing.devices[0].ipmi.password"'),
    ("one ipmi endpoint under two names", node_with(IPMI_DEVICE, {**IPMI_DEVICE, "name": "b"}), {}, "two devices have the same ipmi endpoint"),
    ("agent without its section", AGENT_NODE, {AGENT: DELETE}, "type: FenceAgent needs the section fenceAgent (agent, parameters)"),
    ("agent without a name", AGENT_NODE, {f"{AGENT}.agent": DELETE}, "fenceAgent.agent: Required value"),
    ("agent by path", AGENT_NODE, {f"{AGENT}.agent": "/usr/sbin/fence_apc"}, "must be the name of a fence agent, as in fence_apc_snmp, and no path"),
    ("agent with arguments", AGENT_NODE, {f"{AGENT}.agent": "fence_apc -v"}, "must be the name of a fence agent"),
    ("agent that is another program", AGENT_NODE, {f"{AGENT}.agent": "sh"}, "must be the name of a fence agent"),
    ("agent that fences no power", AGENT_NODE, {f"{AGENT}.agent": "fence_scsi"}, "does not switch the power of a host: its off would prove nothing"),
    ("parameter that vmha sets", AGENT_NODE, {f"{PARAMETER}.name": "action"}, "is set by vmha itself"),
    ("parameter that runs a program", AGENT_NODE, {f"{PARAMETER}.name": "password_script"}, "or would have the agent run or write something else"),
    ("parameter that writes a file", AGENT_NODE, {f"{PARAMETER}.name": "debug-file"}, "or would have the agent run or write something else"),
    ("password in the open", AGENT_NODE, {f"{PARAMETER}.name": "password"}, "is a secret: put it into the Secret that parametersSecret names"),
    ("parameter with an equals sign", AGENT_NODE, {f"{PARAMETER}.name": "ip=1"}, "must be letters, digits, '_' and '-'"),
    ("parameter of two lines", AGENT_NODE, {f"{PARAMETER}.value": "1\naction=off"}, "must be one line without control characters"),
    ("parameter without a value", AGENT_NODE, {f"{PARAMETER}.value": DELETE}, "parameters[0].value: Required value"),
    ("parameter twice", AGENT_NODE, {f"{AGENT}.parameters": AGENT_DEVICE["fenceAgent"]["parameters"][:1] * 2}, 'Duplicate value: {"name":"ip"}'),
    ("too many parameters", AGENT_NODE, {f"{AGENT}.parameters": [{"name": f"p{n}", "value": ""} for n in range(33)]}, "must have at most 32 items"),
    ("one outlet under two names", node_with(AGENT_DEVICE, {**AGENT_DEVICE, "name": "b"}), {}, "two devices name the same agent with the same parameters"),
    ("metal without its section", METAL_NODE, {METAL: DELETE}, "type: BareMetalHost needs the section bareMetalHost (name, namespace)"),
    ("metal without a namespace", METAL_NODE, {f"{METAL}.namespace": DELETE}, "bareMetalHost.namespace: Required value"),
    ("metal that cannot exist", METAL_NODE, {f"{METAL}.name": "Worker 1"}, "must be the name of a Kubernetes object"),
    ("one metal host under two names", node_with(METAL_DEVICE, {**METAL_DEVICE, "name": "b"}), {}, "two devices name the same BareMetalHost"),
    ("device name twice", NODE, {"spec.fencing.devices": NODE["spec"]["fencing"]["devices"] * 2}, 'Duplicate value: {"name":"bmc"}'),
    ("device level", NODE, {f"{DEVICE}.level": 0}, "spec.fencing.devices[0].level in body should be greater than or equal to 1"),
    ("one system under two names", NODE, {"spec.fencing.devices": NODE["spec"]["fencing"]["devices"] + [
        {**NODE["spec"]["fencing"]["devices"][0], "name": "pdu"}]}, "two devices name the same system of the same endpoint"),
    ("endpoint without TLS", NODE, {f"{REDFISH}.endpoint": "http://10.0.0.1"}, "must be https:// with a host and an optional port"),
    ("endpoint with a path", NODE, {f"{REDFISH}.endpoint": "https://10.0.0.1/redfish/v1"}, "nothing after it, as in https://10.0.0.1:8443"),
    ("endpoint with a password", NODE, {f"{REDFISH}.endpoint": "https://root:calvin@10.0.0.1"}, "must be https:// with a host"),
    ("endpoint missing", NODE, {f"{REDFISH}.endpoint": DELETE}, "spec.fencing.devices[0].redfish.endpoint: Required value"),
    ("system missing", NODE, {f"{REDFISH}.systemID": DELETE}, "spec.fencing.devices[0].redfish.systemID: Required value"),
    ("credentials missing", NODE, {f"{REDFISH}.credentialsSecret": DELETE}, "redfish.credentialsSecret: Required value"),
    ("credentials in the open", NODE, {f"{REDFISH}.password": "calvin"}, 'unknown field "spec.fencing.devices[0].redfish.password"'),
    ("secret of another namespace", NODE, {f"{REDFISH}.credentialsSecret.namespace": "other"}, "credentialsSecret.namespace"),
    ("secret that cannot exist", NODE, {f"{REDFISH}.credentialsSecret.name": "BMC 1"}, "must be the name of a Kubernetes object"),
    ("authority that is ignored", NODE, {f"{REDFISH}.caSecret": {"name": "ca"}, f"{REDFISH}.insecureSkipVerify": True},
     "insecureSkipVerify: true would ignore caSecret; give only one of them"),
    # ProtectedInstance
    ("instance without server", INSTANCE, {"spec.serverID": DELETE}, "spec.serverID: Required value"),
    ("server by name", INSTANCE, {"spec.serverID": "db-0"}, "must be the UUID of a server in lower case"),
    ("server in upper case", INSTANCE, {"spec.serverID": "5B8E2F0A-94D2-4C0E-8F0E-0A5B6A4C7D21"}, "must be the UUID of a server in lower case"),
    ("priority below", INSTANCE, {"spec.priority": -1}, "spec.priority in body should be greater than or equal to 0"),
    ("priority above", INSTANCE, {"spec.priority": 1001}, "spec.priority in body should be less than or equal to 1000"),
    ("unknown action", INSTANCE, {"spec.recovery.onHostFailure": "Restart"}, 'supported values: "Evacuate", "Leave"'),
    ("a step that is not there yet", INSTANCE, {"spec.recovery.onInstanceFailure": ["Restart"]}, 'unknown field "spec.recovery.onInstanceFailure"'),
    ("allowed and avoided", INSTANCE, {"spec.placement": {"allowedHosts": ["a", "b"], "avoidHosts": ["b"]}},
     "a host is in both allowedHosts and avoidHosts; take it out of one of them"),
    ("depends on itself", INSTANCE, {"spec.dependsOn": [{"name": "dns-0"}, {"name": INSTANCE["name"]}]}, "spec.dependsOn names the instance itself; take it out"),
    ("depends on one twice", INSTANCE, {"spec.dependsOn": [{"name": "dns-0"}] * 2}, 'Duplicate value: {"name":"dns-0"}'),
    ("depends on too many", INSTANCE, {"spec.dependsOn": [{"name": f"i{n}"} for n in range(17)]}, "must have at most 16 items"),
    ("depends on nobody", INSTANCE, {"spec.dependsOn": [{}]}, "spec.dependsOn[0].name: Required value"),
    ("depends on a name that cannot exist", INSTANCE, {"spec.dependsOn": [{"name": "DNS 0"}]}, "must be the name of a Kubernetes object"),
    ("too many hosts", INSTANCE, {"spec.placement.avoidHosts": [f"h{n}" for n in range(65)]}, "must have at most 64 items"),
]

BAD_STATUS = [
    ("unknown verdict", NODE, {"verdict": {"value": "Alive"}}, 'status.verdict.value: Unsupported value: "Alive"'),
    ("message too long", NODE, {"devices": [{"name": "bmc", "message": "x" * 513}]}, "Too long: may not be more than 512"),
    ("one source twice", NODE, {"verdict": {"value": "Dead", "evidence": [{"source": "Power", "state": "Off"}] * 2}}, "source"),
    ("condition without reason", INSTANCE, {"conditions": [
        {"type": "Ready", "status": "True", "message": "", "lastTransitionTime": "2026-11-22T07:37:02Z"}]}, "status.conditions[0].reason: Required value"),
    ("time that is none", INSTANCE, {"recovery": {"fenceID": "a-1", "phase": "Intended", "startedTime": "yesterday"}},
     "status.recovery.startedTime: Invalid value: \"yesterday\""),
    ("unknown step", INSTANCE, {"recovery": {"fenceID": "a-1", "phase": "Rebuilding"}}, 'status.recovery.phase: Unsupported value: "Rebuilding"'),
]

IMMUTABLE = [
    ("novaHost changed", NODE, {"spec.novaHost": "compute-2.example"}, "novaHost is immutable"),
    ("novaHost taken away", NODE, {"spec.novaHost": DELETE}, "novaHost is immutable"),
    ("serverID changed", INSTANCE, {"spec.serverID": "00000000-94d2-4c0e-8f0e-0a5b6a4c7d21"}, "serverID is immutable"),
]

GOOD = [
    ("policy with the least", POLICY, {}),
    ("dry run", POLICY, {"spec.mode": "DryRun"}),
    ("storm by number", POLICY, {"spec.storm.maxUnhealthy": 3}),
    ("storm of everything", POLICY, {"spec.storm.maxUnhealthy": "100%"}),
    ("selector with an empty value", POLICY, {SELECTOR: [{"name": "e", "metadataKey": "ha", "metadataValue": ""}]}),
    ("as many selectors as there may be", POLICY, {SELECTOR: [{"name": f"s{n}", "serverTag": "x"} for n in range(16)]}),
    ("node with the least", NODE, {"spec": {}}),
    ("longest node name", NODE, {"metadata.name": "n" * 200}),
    ("ranges and both families", NODE, {"spec.storage.clientAddresses": ["10.77.0.0/24", "fd00::1", "fd00:1::/64", "::ffff:10.0.0.1"]}),
    ("as many addresses as there may be", NODE, {"spec.storage.clientAddresses": [f"10.0.0.{n}" for n in range(64)]}),
    ("endpoint with port", NODE, {f"{REDFISH}.endpoint": "https://bmc-1.example:8443/"}),
    ("endpoint of IPv6", NODE, {f"{REDFISH}.endpoint": "https://[fd00::1]:8443"}),
    ("two systems of one endpoint", NODE, {"spec.fencing.devices": NODE["spec"]["fencing"]["devices"] + [
        {"name": "b", "type": "Redfish", "redfish": {**NODE["spec"]["fencing"]["devices"][0]["redfish"], "systemID": "2"}}]}),
    ("every type of device", node_with(NODE["spec"]["fencing"]["devices"][0], IPMI_DEVICE, AGENT_DEVICE, METAL_DEVICE), {}),
    ("ipmi by IPv6", IPMI_NODE, {f"{IPMI}.endpoint": "[fd00::1]:623"}),
    ("agent with the least", AGENT_NODE, {f"{AGENT}.parameters": DELETE, f"{AGENT}.parametersSecret": DELETE}),
    ("as many parameters as there may be", AGENT_NODE, {f"{AGENT}.parameters": [{"name": f"p{n}", "value": ""} for n in range(32)]}),
    ("two power supplies on one switch", node_with(AGENT_DEVICE, {**AGENT_DEVICE, "name": "b", "fenceAgent": {
        **AGENT_DEVICE["fenceAgent"], "parameters": [{"name": "ip", "value": "10.0.0.9"}, {"name": "plug", "value": "8"}]}}), {}),
    ("instance with the least", INSTANCE, {}),
    ("as many dependencies as there may be", INSTANCE, {"spec.dependsOn": [{"name": f"i{n}"} for n in range(16)]}),
    ("placement", INSTANCE, {"spec.placement": {"allowedHosts": ["a"], "avoidHosts": ["b"]}, "spec.priority": 0}),
]


def changed(base, changes):
    """The resource as kubectl takes it, with the changes made."""
    resource = {"apiVersion": "vmha.openstack.org/v1alpha1", "kind": base["kind"],
                "metadata": {"name": base["name"], "namespace": NAMESPACE}, "spec": copy.deepcopy(base["spec"])}
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = resource
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if value is DELETE:
            del place[last]
        else:
            place[last] = copy.deepcopy(value)
    return resource


class Cluster:
    def __init__(self, folder):
        assets = subprocess.run([LAB / "kube-assets"], check=True, capture_output=True, text=True).stdout.strip()
        self.kubectl = Path(assets) / "kubectl"
        self.environment = {**os.environ, "KUBECONFIG": str(folder / "admin.conf"), "HOME": str(folder)}

    def run(self, *arguments, stdin=None):
        text = None if stdin is None else json.dumps(stdin)
        return subprocess.run([self.kubectl, *arguments], input=text, capture_output=True, text=True, env=self.environment, timeout=KUBECTL_SECONDS)

    def must(self, *arguments, stdin=None):
        result = self.run(*arguments, stdin=stdin)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def create(self, resource, *more):
        return self.run("create", "--validate=strict", "-f", "-", *more, stdin=resource)

    def get(self, kind, name):
        return json.loads(self.must("get", "-n", NAMESPACE, kind, name, "-o", "json"))

    def apply_status(self, resource, status):
        body = {**resource, "status": status}
        body.pop("spec", None)
        return self.run("apply", "--server-side", "--subresource=status", "--field-manager=vmha-test", "--validate=strict", "-f", "-", stdin=body)

    def delete_all(self):
        self.must("delete", "-n", NAMESPACE, "hap,cn,pi", "--all", "--wait=false")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kube")
    subprocess.run([LAB / "kube-start", folder], check=True)
    try:
        one = Cluster(folder)
        one.must("apply", "-f", str(ROOT / "crds"))
        one.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        one.must("create", "namespace", NAMESPACE)
        yield one
    finally:
        subprocess.run([LAB / "kube-stop", folder], check=True)


@pytest.fixture
def empty(cluster):
    cluster.delete_all()
    return cluster


def rows(table):
    return [pytest.param(*row[1:], id=row[0]) for row in table]


@pytest.mark.parametrize("base, changes, message", rows(BAD))
def test_bad_resource_is_refused_with_a_clear_message(cluster, base, changes, message):
    result = cluster.create(changed(base, changes), "--dry-run=server")
    assert result.returncode != 0, "the API server took it"
    assert message in result.stderr


@pytest.mark.parametrize("base, changes", rows(GOOD))
def test_good_resource_is_accepted(cluster, base, changes):
    result = cluster.create(changed(base, changes), "--dry-run=server")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("base, changes, message", rows(IMMUTABLE))
def test_what_an_object_stands_for_does_not_change(empty, base, changes, message):
    assert empty.create(changed(base, {})).returncode == 0
    result = empty.run("replace", "--validate=strict", "-f", "-", stdin=changed(base, changes))
    assert result.returncode != 0
    assert message in result.stderr


def test_nova_host_cannot_be_added_later(empty):
    assert empty.create(changed(NODE, {"spec.novaHost": DELETE})).returncode == 0
    result = empty.run("replace", "-f", "-", stdin=changed(NODE, {}))
    assert result.returncode != 0 and "novaHost is immutable" in result.stderr


def test_other_fields_may_change(empty):
    assert empty.create(changed(NODE, {})).returncode == 0
    empty.must("replace", "--validate=strict", "-f", "-", stdin=changed(NODE, {"spec.maintenance": True, "spec.storage": DELETE}))


@pytest.mark.parametrize("base, status, message", rows(BAD_STATUS))
def test_bad_status_is_refused(empty, base, status, message):
    resource = changed(base, {})
    assert empty.create(resource).returncode == 0
    result = empty.apply_status(resource, status)
    assert result.returncode != 0, "the API server took it"
    assert message in result.stderr


@pytest.mark.parametrize("file", ["policy", "compute_node", "protected_instance"])
def test_what_vmha_encodes_is_accepted_and_kept_whole(empty, file):
    """api/testdata is what the C++ codec is proven to write (api/codec_test.cc)."""
    written = json.loads((ROOT / "api" / "testdata" / f"{file}.json").read_text())
    resource = {key: written[key] for key in ("apiVersion", "kind", "spec")}
    resource["metadata"] = {key: written["metadata"][key] for key in ("name", "namespace")}
    assert empty.create(resource).returncode == 0
    result = empty.apply_status(resource, written["status"])
    assert result.returncode == 0, result.stderr
    kept = empty.get(KINDS[written["kind"]], resource["metadata"]["name"])
    assert kept["spec"] == written["spec"]
    assert kept["status"] == written["status"]


def test_defaults_are_those_of_the_design(empty):
    for base in (POLICY, changed_node_without_spec(), INSTANCE):
        assert empty.create(changed(base, {})).returncode == 0
    assert empty.get("hap", "default")["spec"] == {
        "paused": False, "mode": "Enforce",
        "discovery": {"computeNodes": "Automatic", "instances": "Automatic"},
        "detection": {"pollSeconds": 2, "novaStaleSeconds": 20, "nodeLeaseStaleSeconds": 20, "storageMissedPings": 3, "confirmSeconds": 5,
                      "storageEvidence": "Preferred", "confirmWithoutStorageSeconds": 60},
        "response": {"onIsolated": "Leave", "onStorageLost": "Fence", "onStorageLostAfterSeconds": 140},
        "fencing": {"require": "Data", "methods": ["Power", "Storage"], "powerTimeoutSeconds": 30},
        "storm": {"maxUnhealthy": "40%", "maxUnhealthyPerFailureDomain": "100%", "cooldownSeconds": 60, "maxConcurrentFences": 8},
        "evacuation": {"maxConcurrent": 8, "maxConcurrentPerDestination": 2, "timeoutSeconds": 900, "maxAttempts": 5, "includeStopped": True, "dependencyTimeoutSeconds": 300},
        "return": {"mode": "Automatic", "powerOn": True, "healthySeconds": 60},
        "failureDomainLabel": "topology.kubernetes.io/rack"}
    assert empty.get("cn", "compute-1")["spec"] == {"policy": "default", "maintenance": False}
    assert empty.get("pi", "db-0")["spec"] == {
        "serverID": INSTANCE["spec"]["serverID"], "policy": "default", "priority": 500, "recovery": {"onHostFailure": "Evacuate"}}


def changed_node_without_spec():
    return {**NODE, "spec": {}}


def test_a_user_cannot_write_status_through_the_object(empty):
    resource = changed(NODE, {})
    resource["status"] = {"phase": "Healthy"}
    assert empty.create(resource).returncode == 0
    assert "status" not in empty.get("cn", "compute-1")


def test_a_second_apply_takes_away_what_is_gone(empty):
    resource = changed(NODE, {})
    assert empty.create(resource).returncode == 0
    fence = {"id": "compute-1-x7k2q", "state": "Held", "power": {"state": "Pending"}, "storage": {"state": "Pending"}}
    assert empty.apply_status(resource, {"phase": "Held", "fence": fence}).returncode == 0
    assert empty.apply_status(resource, {"phase": "Healthy"}).returncode == 0
    assert empty.get("cn", "compute-1")["status"] == {"phase": "Healthy"}


def test_tables_of_kubectl(empty):
    for file in ("policy", "compute_node", "protected_instance"):
        written = json.loads((ROOT / "api" / "testdata" / f"{file}.json").read_text())
        resource = {key: written[key] for key in ("apiVersion", "kind", "spec")}
        resource["metadata"] = {key: written["metadata"][key] for key in ("name", "namespace")}
        assert empty.create(resource).returncode == 0
        assert empty.apply_status(resource, written["status"]).returncode == 0
    tables = {short: [line.split() for line in empty.must("get", "-n", NAMESPACE, short).splitlines()] for short in KINDS.values()}
    assert tables["hap"][0] == ["NAME", "MODE", "PAUSED", "HELD", "AGE"]
    assert tables["hap"][1][:4] == ["default", "Enforce", "true", "True"]
    assert tables["cn"][0] == ["NAME", "VERDICT", "PHASE", "FENCED", "RECOVERED", "READY", "AGE"]
    assert tables["cn"][1][:6] == ["compute-1", "Dead", "Recovering", "True", "9/12", "False"]
    assert tables["pi"][0] == ["NAME", "HOST", "STATE", "PHASE", "RECOVERABLE", "PRIORITY", "AGE"]
    assert tables["pi"][1][:4] == ["db-0", "compute-2", "active", "Attesting"]
    listed = empty.must("get", "vmha", "-n", NAMESPACE)
    assert all(name in listed for name in ("default", "compute-1", "db-0"))


def test_kubectl_explains_the_fields(cluster):
    assert "pollSeconds" in cluster.must("explain", "hap.spec.detection")
    assert "heartbeat has not moved" in cluster.must("explain", "hapolicy.spec.detection.novaStaleSeconds")


def test_the_table_is_large_enough():
    assert len(BAD) >= 25
    names = [row[0] for row in BAD + BAD_STATUS + IMMUTABLE]
    assert len(names) == len(set(names))
