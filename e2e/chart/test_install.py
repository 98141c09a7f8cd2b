"""helm install, upgrade and uninstall against a real API server; nothing runs the pods there."""
import json

import pytest
from conftest import CHART, NAMESPACE

NODE = {"apiVersion": "vmha.openstack.org/v1alpha1", "kind": "ComputeNode", "metadata": {"name": "kept", "namespace": NAMESPACE}, "spec": {}}
CRD = "computenodes.vmha.openstack.org"


@pytest.fixture(scope="module")
def release(helm, cluster):
    def do(*arguments):
        done = helm.run(*arguments, "--namespace", NAMESPACE, cluster=cluster)
        assert done.returncode == 0, done.stderr
        return done.stdout
    do.installed = do("install", "vmha", CHART, "--take-ownership")
    cluster.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    return do


def short_names(cluster):
    return json.loads(cluster.must("get", "crd", CRD, "-o", "json"))["spec"]["names"].get("shortNames", [])


def test_notes_say_what_to_do_next(release, helm, cluster):
    notes = release.installed.split("NOTES:")[1]
    for words in ("create secret generic vmha-openstack", "create secret generic vmha-ceph", "helm -n openstack test vmha", "mode: DryRun", "FENCED=True",
                  "No alerts are installed"):
        assert words in notes
    assert "WARNING" not in notes
    one = helm.run("upgrade", "vmha", CHART, "--namespace", NAMESPACE, "--dry-run=server", "--set", "replicaCount=1", cluster=cluster)
    assert "WARNING: with one process" in one.stdout, one.stderr


def test_an_upgrade_brings_the_crds_of_its_version(release, cluster):
    cluster.must("patch", "crd", CRD, "--type=json", "-p", '[{"op": "remove", "path": "/spec/names/shortNames"}]')
    assert short_names(cluster) == []
    release("upgrade", "vmha", CHART, "--set", "openstack.cloud=other")
    assert short_names(cluster) == ["cn"]
    assert 'cloud: "other"' in cluster.must("get", "configmap", "-n", NAMESPACE, "vmha", "-o", "yaml")


def test_what_is_recorded_outlives_the_release_and_the_next_one_takes_it_over(release, cluster):
    cluster.must("apply", "-f", "-", stdin=[NODE])
    said = release("uninstall", "vmha")
    assert CRD in said, "helm tells what it keeps"
    assert not cluster.must("get", "deployment,role,rolebinding,configmap", "-n", NAMESPACE, "-l", "app.kubernetes.io/instance=vmha", "-o", "name")
    assert cluster.must("get", CRD, "-n", NAMESPACE, "kept", "-o", "name")
    release("install", "vmha", CHART)
    assert cluster.must("get", CRD, "-n", NAMESPACE, "kept", "-o", "name")
    release("uninstall", "vmha")
    cluster.must("delete", CRD, "-n", NAMESPACE, "kept")
