"""BareMetalHosts under the chart's rights: the controller reads them and, once a person orders a fence, writes its annotation. The test plays Metal3's operator.

Without OpenStack and Ceph nothing more can follow, and nothing does.
"""
import json
import sys
from datetime import datetime, timezone

import pytest
from conftest import NAMESPACE, ROOT
from test_running import ACCOUNT, GROUP, POLICY, Process, wait_for

sys.path.insert(0, str(ROOT / "e2e"))
from vmha_e2e import account  # noqa: E402

METAL = "metal3"
ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "baremetalhosts.metal3.io"},
       "spec": {"group": "metal3.io", "scope": "Namespaced", "names": {"plural": "baremetalhosts", "singular": "baremetalhost", "kind": "BareMetalHost"},
                "versions": [{"name": "v1alpha1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": ANY, "status": ANY}}}}]}}
WORKER = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1"}}
HOST = {"apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost", "metadata": {"name": "worker-1", "namespace": METAL}, "spec": {"online": True}}
STATUS = {"status": {"poweredOn": True, "operationalStatus": "OK", "errorMessage": "", "provisioning": {"state": "externally provisioned"},
                     "hardware": {"systemVendor": {"serialNumber": "1"}}}}
NODE = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "ComputeNode", "metadata": {"name": "metal-1", "namespace": NAMESPACE},
        "spec": {"kubernetesNode": "worker-1", "fencing": {"devices": [{"name": "metal", "type": "BareMetalHost", "bareMetalHost": {"name": "worker-1", "namespace": METAL}}]}}}


@pytest.fixture
def process(cluster, helm, tmp_path):
    cluster.must("apply", "-f", "-", stdin=[CRD])
    cluster.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=[
        o for o in helm.template("rbac.bareMetalHostNamespaces={metal3}") if o["kind"] not in ("Pod", "Deployment")])
    cluster.must("apply", "-f", "-", stdin=[HOST, POLICY, WORKER, NODE])
    cluster.must("patch", "-n", METAL, "baremetalhosts.metal3.io", "worker-1", "--subresource=status", "--type=merge", "-p", json.dumps(STATUS))
    one = Process(cluster, helm, tmp_path)
    try:
        yield one
    finally:
        one.stop()
        cluster.must("patch", "-n", NAMESPACE, f"computenodes.{GROUP}", "metal-1", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
        cluster.must("delete", "-n", NAMESPACE, f"computenodes.{GROUP}", "metal-1")
        cluster.must("delete", "node", "worker-1")


def renew(cluster):
    """The kubelet's sign of life: a power controller that reads On meanwhile is the right one."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    cluster.must("apply", "-f", "-", stdin=[{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "worker-1", "namespace": "kube-node-lease"},
                                             "spec": {"holderIdentity": "worker-1", "leaseDurationSeconds": 40, "renewTime": moment}}])


def test_both_rights_are_used_and_nothing_is_refused(process, cluster):
    def used():
        log = cluster.folder / "log" / "audit.log"
        return {key for key in account.allowed(account.audited(log, ACCOUNT)) if key[1] == "metal3.io"}

    def annotations():
        return json.loads(cluster.must("get", "-n", METAL, "baremetalhosts.metal3.io", "worker-1", "-o", "json"))["metadata"].get("annotations", {})
    wait_for("the host is read", lambda: ("get", "metal3.io", "baremetalhosts", METAL) in used())

    def seen_on():
        renew(cluster)
        node = json.loads(cluster.must("get", "-n", NAMESPACE, f"computenodes.{GROUP}", "metal-1", "-o", "json"))
        return any(device.get("seenOn") for device in node.get("status", {}).get("devices", []))
    wait_for("it is read On while the host is alive", seen_on)
    assert not [name for name in annotations() if name.startswith("reboot.metal3.io")], "nobody has ordered anything yet"
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    cluster.must("annotate", "-n", NAMESPACE, f"computenodes.{GROUP}", "metal-1", f"{GROUP}/fence={now}")
    wait_for("the host is ordered off", lambda: any(name.startswith("reboot.metal3.io") for name in annotations()))
    assert used() == {("get", "metal3.io", "baremetalhosts", METAL), ("patch", "metal3.io", "baremetalhosts", METAL)}
    assert not account.refused(account.audited(cluster.folder / "log" / "audit.log", ACCOUNT))
