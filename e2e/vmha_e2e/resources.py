"""The resources a user of the lab's cloud writes: one policy, three hosts, their power controllers' Secrets."""
import copy
from pathlib import Path

from . import NAMESPACE

API = "vmha.openstack.org/v1alpha1"
CA_SECRET = "bmc-ca"

# Detection in seconds instead of tens of seconds, for tests whose point is something else.
QUICK = {"detection": {"pollSeconds": 1, "novaStaleSeconds": 8, "nodeLeaseStaleSeconds": 8, "confirmSeconds": 3,
                       "confirmWithoutStorageSeconds": 8}}
QUICK_RETURN = {"return": {"healthySeconds": 5}}


def policy(**spec):
    """The policy `default`; everything that is not said has the design's default."""
    chosen = {"mode": "Enforce", "discovery": {"instanceSelector": [{"name": "tagged", "metadataKey": "HA_Enabled", "metadataValue": "True"}]}}
    return {"apiVersion": API, "kind": "HAPolicy", "metadata": {"name": "default", "namespace": NAMESPACE}, "spec": {**chosen, **copy.deepcopy(spec)}}


def hosts(machines, env):
    """ComputeNodes of all machines with their Secrets. Client addresses are left out: vmha learns them while the hosts are healthy."""
    made = [_secret(CA_SECRET, {"ca.crt": Path(env["VMHA_BMC_CA"]).read_text()})]
    for machine in machines.values():
        name = machine["name"]
        made.append(_secret(f"bmc-{name}", {"username": env["VMHA_BMC_USER"], "password": env["VMHA_BMC_PASSWORD"]}))
        spec = {"fencing": {"devices": [{"name": "bmc", "level": 1, **_controller(machine)}]}}
        if machine["kubernetesNode"]:
            spec["kubernetesNode"] = machine["kubernetesNode"]
        made.append({"apiVersion": API, "kind": "ComputeNode", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
    return made


def _controller(machine):
    credentials = {"name": f"bmc-{machine['name']}"}
    if machine["bmcType"] == "Ipmi":
        return {"type": "Ipmi", "ipmi": {"endpoint": machine["ipmi"], "credentialsSecret": credentials}}
    return {"type": "Redfish", "redfish": {"endpoint": machine["bmc"], "systemID": machine["bmcSystemID"], "credentialsSecret": credentials,
                                           "caSecret": {"name": CA_SECRET}}}


def _secret(name, values):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "stringData": values}
