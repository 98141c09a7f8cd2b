"""What the chart renders, what it refuses, and what a real API server says about it.

/usr/bin/python3 -m pytest e2e/chart
"""
import json
import re

import pytest
import yaml
from conftest import CHART, EVERYTHING, NAMESPACE, ROOT, controller, must, run

METAL = "rbac.bareMetalHostNamespaces={metal3}"
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())

# A name for the test, the setting (as after --set), and what the user gets to see: the value's path and the reason.
REFUSED = [
    ("unknown value", "replicas=2", "at '': additional properties 'replicas' not allowed"),
    ("misspelt value deep inside", "image.tagg=x", "at '/image': additional properties 'tagg' not allowed"),
    ("replicas as text", "replicaCount=two", "at '/replicaCount': got string, want integer"),
    ("too many replicas", "replicaCount=6", "at '/replicaCount': maximum: got 6, want 5"),
    ("two processes without election", "leaderElection.enabled=false", "at '/replicaCount': maximum: got 2, want 1"),
    ("unknown log level", "log.level=loud", "at '/log/level': value must be one of 'debug', 'info', 'warn', 'error'"),
    ("unknown log format", "log.format=xml", "at '/log/format': value must be one of 'json', 'text'"),
    ("unknown pull policy", "image.pullPolicy=Sometimes", "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'"),
    ("no image", "image.repository=", "at '/image/repository': minLength: got 0, want 1"),
    ("no cloud", "openstack.cloud=", "at '/openstack/cloud': minLength: got 0, want 1"),
    ("unknown interface", "openstack.interface=private", "at '/openstack/interface': value must be one of '', 'public', 'internal', 'admin'"),
    ("Secret that cannot exist", "openstack.secretName=My Secret", "at '/openstack/secretName': 'My Secret' does not match pattern"),
    ("Ceph user with its type", "ceph.user=client.vmha", "at '/ceph/user': 'not' failed"),
    ("pools as text", "ceph.volumePools=volumes", "at '/ceph/volumePools': got string, want array"),
    ("port out of range", "port=70000", "at '/port': maximum: got 70,000, want 65,535"),
    ("root", "podSecurityContext.runAsUser=0", "at '/podSecurityContext/runAsUser': minimum: got 0, want 1"),
    ("too little time to stop", "terminationGracePeriodSeconds=10", "at '/terminationGracePeriodSeconds': minimum: got 10, want 60"),
    ("host network as text", "hostNetwork=yes", "at '/hostNetwork': got string, want boolean"),
    ("interval without a unit", "serviceMonitor.interval=15", "at '/serviceMonitor/interval': got number, want string"),
    ("disruption budget that is none", "podDisruptionBudget.minAvailable=all", "at '/podDisruptionBudget/minAvailable': 'anyOf' failed"),
    ("namespace that cannot exist", "watchNamespace=Open_Stack", "at '/watchNamespace': 'Open_Stack' does not match pattern"),
    ("labels as a list", "serviceMonitor.labels={a}", "at '/serviceMonitor/labels': got array, want object"),
]

# Ways in which people install it; the API server must take all of it.
WAYS = {
    "defaults": [],
    "everything": [*EVERYTHING, METAL, "rbac.secretNames={bmc-1,bmc-ca}", "podLabels.team=cloud", "podAnnotations.note=x", "nodeSelector.role=infra",
                   "tolerations[0].operator=Exists", "imagePullSecrets[0].name=registry", "serviceAccount.annotations.a=b"],
    "host network": ["hostNetwork=true", "nodeSelector.node-role\\.kubernetes\\.io/control-plane="],
    "one process": ["replicaCount=1", "leaderElection.enabled=false"],
    "closed in": ["networkPolicy.enabled=true", "networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.name=monitoring",
                  "networkPolicy.egress[0].to[0].ipBlock.cidr=10.0.0.0/8"],
    "volumes": ["extraVolumes[0].name=ca", "extraVolumes[0].configMap.name=ca", "extraVolumeMounts[0].name=ca", "extraVolumeMounts[0].mountPath=/ca",
                "extraEnv[0].name=A", "extraEnv[0].value=b", "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
                "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key=a",
                "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].operator=Exists"],
    "own account": ["serviceAccount.create=false", "serviceAccount.name=mine", "rbac.create=false", "crds.enabled=false", "priorityClassName="],
}


def test_lint_is_clean(helm):
    done = helm.run("lint", "--strict", CHART, *(part for setting in EVERYTHING for part in ("--set", setting)))
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout and "[ERROR]" not in done.stdout


@pytest.mark.parametrize("setting, message", [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_a_wrong_value_is_refused_by_its_name(helm, setting, message):
    done = helm.run("template", "vmha", CHART, "--set", setting)
    assert done.returncode != 0, "helm took it"
    assert message in done.stderr


def test_an_account_must_be_named(helm):
    done = helm.run("template", "vmha", CHART, "--set", "serviceAccount.create=false")
    assert "serviceAccount.name: name the ServiceAccount to use" in done.stderr


@pytest.mark.parametrize("settings", [pytest.param(settings, id=name) for name, settings in WAYS.items()])
def test_the_api_server_takes_it(helm, cluster, settings):
    objects = helm.template(*settings)
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=objects)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert len(done.stdout.splitlines()) == len(objects)


def test_crds_are_those_of_the_repository_and_are_kept(helm):
    rendered = {o["metadata"]["name"]: o for o in helm.template() if o["kind"] == "CustomResourceDefinition"}
    files = [yaml.safe_load(file.read_text()) for file in (ROOT / "crds").glob("*.yaml")]
    assert set(rendered) == {crd["metadata"]["name"] for crd in files}
    for crd in files:
        annotations = rendered[crd["metadata"]["name"]]["metadata"].pop("annotations")
        assert annotations.pop("helm.sh/resource-policy") == "keep"
        assert annotations == crd["metadata"].pop("annotations", {})
        assert rendered[crd["metadata"]["name"]] == crd
    assert all("annotations" not in o["metadata"] for o in helm.template("crds.keep=false") if o["kind"] == "CustomResourceDefinition")
    assert not [o for o in helm.template("crds.enabled=false") if o["kind"] == "CustomResourceDefinition"]


def test_the_packed_chart_is_the_same(helm, tmp_path):
    packed = helm.run("package", CHART, "--destination", tmp_path)
    assert packed.returncode == 0, packed.stderr
    rendered = [helm.run("template", "vmha", chart, "--namespace", NAMESPACE) for chart in (CHART, tmp_path / "vmha-0.1.0.tgz")]
    assert rendered[0].stdout == rendered[1].stdout and "kind: CustomResourceDefinition" in rendered[1].stdout


def test_pods_have_no_rights_on_their_node(helm):
    for pod in (helm.one("Deployment")["spec"]["template"]["spec"], helm.one("Pod")["spec"]):
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] >= 1000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True,
                                                    "capabilities": {"drop": ["ALL"]}}


def test_two_processes_stay_apart_and_one_stays_through_drains(helm):
    deployment = helm.one("Deployment")
    pod = deployment["spec"]["template"]["spec"]
    labels = deployment["spec"]["selector"]["matchLabels"]
    term = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
    assert deployment["spec"]["replicas"] == 2 and term == {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}
    budget = helm.one("PodDisruptionBudget")["spec"]
    assert budget == {"minAvailable": 1, "selector": {"matchLabels": labels}}
    assert labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert not [o for o in helm.template("replicaCount=1") if o["kind"] == "PodDisruptionBudget"], "it would stop every drain"
    assert helm.one("Deployment", "hostNetwork=true")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_what_is_read_at_start_only_rolls_the_pods(helm):
    def checksum(*settings):
        return helm.one("Deployment", *settings)["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    assert checksum() == checksum("openstack.cloud=other")
    assert len({checksum(*setting) for setting in ([], ["port=1"], ["watchNamespace=x"], ["leaderElection.leaseName=y"])}) == 4


@pytest.mark.parametrize("settings", [[], ["openstack.region=one", "openstack.interface=internal", "ceph.volumePools={a,b}", "log.level=debug",
                                           "log.format=text", "watchNamespace=cloud", "ceph.user=x.y"], ["ceph.volumePools=null"]])
def test_the_controller_understands_its_configuration(helm, tmp_path, settings):
    file = tmp_path / "vmha.yaml"
    file.write_text(helm.one("ConfigMap", *settings)["data"]["vmha.yaml"])
    done = run(controller(), "--config", file, "--kubeconfig", tmp_path / "none")
    assert done.returncode == 2 and done.stderr == f"vmha-controller: cannot read {tmp_path}/none\n"
    file.write_text(file.read_text().replace("cloud:", "clout:"))
    assert "openstack.clout: unknown field" in run(controller(), "--config", file, "--kubeconfig", tmp_path / "none").stderr


def test_every_file_the_configuration_names_is_mounted(helm):
    config = yaml.safe_load(helm.one("ConfigMap")["data"]["vmha.yaml"])
    pod = helm.one("Deployment")["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    assert secrets[mounts["/etc/openstack"]] == "vmha-openstack" and config["openstack"]["cloudsFile"] == "/etc/openstack/clouds.yaml"
    assert secrets[mounts["/etc/ceph"]] == "vmha-ceph"
    assert (config["ceph"]["confFile"], config["ceph"]["keyringFile"]) == ("/etc/ceph/ceph.conf", "/etc/ceph/keyring")


def test_the_chart_has_the_version_of_the_program():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f"project(vmha VERSION {chart['appVersion']} " in (ROOT / "CMakeLists.txt").read_text()
    assert must(controller(), "--version") == f"vmha-controller {chart['appVersion']}\n"


def test_manifests_and_the_table_of_values_are_up_to_date():
    must(ROOT / "scripts" / "chart-generate", "--check")


def test_manifests_can_be_applied_with_their_crds(cluster):
    built = cluster.must("kustomize", ROOT / "manifests")
    objects = [o for o in yaml.load_all(built, yaml.CSafeLoader) if o]
    assert sum(o["kind"] == "CustomResourceDefinition" for o in objects) == 3
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=built)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(objects)
    assert "Helm" not in built and "helm.sh" not in built
    assert cluster.must("apply", "--dry-run=client", "-f", ROOT / "crds").count("\n") == 3, "crds/ alone is applicable, too"


def test_alert_rules_are_in_the_chart_as_they_are(helm):
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    assert helm.one("PrometheusRule", "prometheusRule.enabled=true")["spec"] == rules
    moved = helm.one("PrometheusRule", "prometheusRule.enabled=true", "prometheusRule.runbookURL=https://wiki.example/vmha")["spec"]
    assert {rule["annotations"]["runbook_url"].split("#")[0] for rule in moved["groups"][0]["rules"]} == {"https://wiki.example/vmha"}


def test_the_dashboard_is_in_the_chart_as_it_is(helm):
    found = helm.one("ConfigMap", "grafanaDashboard.enabled=true", name="vmha-dashboard")
    assert json.loads(found["data"]["vmha.json"]) == DASHBOARD and found["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_each_alert_is_tested_and_fires(promtool, tmp_path):
    for file in (CHART / "files" / "alerts.yaml", ROOT / "e2e" / "chart" / "alerts_test.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    must(promtool, "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "alerts.yaml")
    must(promtool, "test", "rules", tmp_path / "alerts_test.yaml")
    rules = {rule["alert"] for rule in yaml.safe_load((tmp_path / "alerts.yaml").read_text())["groups"][0]["rules"]}
    tests = [case for test in yaml.safe_load((tmp_path / "alerts_test.yaml").read_text())["tests"] for case in test["alert_rule_test"]]
    assert rules == {case["alertname"] for case in tests if case.get("exp_alerts")}, "each must be seen firing"
    assert rules - {"VmhaNoLeader"} <= {case["alertname"] for case in tests if not case.get("exp_alerts")}, "and silent"


def test_panels_are_whole():
    seen = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24 and panel["targets"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & seen, f"{panel['title']} lies on another panel"
        seen |= cells
        for target in panel["targets"]:
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                assert re.search(rf"by \([^)]*\b{label}\b", target["expr"]), f"{panel['title']}: {label} is not in {target['expr']}"
