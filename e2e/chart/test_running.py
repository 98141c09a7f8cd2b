"""The real controller with the configuration, the account and the rights of the chart, against a real API server; without OpenStack and Ceph.

What it may do is asked of the API server, what it does is seen: no request of it is refused. The whole protocol under these rights needs the lab.
"""
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
import yaml
import chart_tools
from conftest import CHART, NAMESPACE, controller, must, run

DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:vmha"
GROUP = "vmha.openstack.org"
POLICY = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "HAPolicy", "metadata": {"name": "default", "namespace": NAMESPACE}, "spec": {"mode": "Enforce"}}
NODE = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "ComputeNode", "metadata": {"name": "compute-1", "namespace": NAMESPACE},
        "spec": {"fencing": {"devices": [{"name": "bmc", "type": "Redfish", "redfish": {
            "endpoint": "https://127.0.0.1:1", "systemID": "1", "credentialsSecret": {"name": "bmc-1"}}}]}}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bmc-1", "namespace": NAMESPACE}, "stringData": {"username": "u", "password": "p"}}

MAY = [  # verb, resource, subresource or name, namespace
    *((verb, f"{kind}.{GROUP}", NAMESPACE) for kind in ("computenodes", "protectedinstances") for verb in ("list", "watch", "create", "delete")),
    ("list", f"hapolicies.{GROUP}", NAMESPACE), ("watch", f"hapolicies.{GROUP}", NAMESPACE), ("patch", f"computenodes.{GROUP}", NAMESPACE),
    *(("patch", f"{kind}.{GROUP}/status", NAMESPACE) for kind in ("hapolicies", "computenodes", "protectedinstances")),
    ("create", "leases.coordination.k8s.io", NAMESPACE), ("get", "leases.coordination.k8s.io/vmha-controller", NAMESPACE),
    ("patch", "leases.coordination.k8s.io/vmha-controller", NAMESPACE), ("create", "events.events.k8s.io", NAMESPACE),
    ("patch", "events.events.k8s.io", NAMESPACE), ("get", "secrets/bmc-1", NAMESPACE), ("list", "nodes", None), ("watch", "nodes", None),
    ("list", "leases.coordination.k8s.io", "kube-node-lease"), ("watch", "leases.coordination.k8s.io", "kube-node-lease"),
    ("get", "baremetalhosts.metal3.io", "metal3"), ("patch", "baremetalhosts.metal3.io", "metal3")]
MAY_NOT = [
    ("list", "secrets", NAMESPACE), ("watch", "secrets", NAMESPACE), ("get", "secrets/bmc-1", "kube-system"), ("create", "secrets", NAMESPACE),
    ("get", "secrets/other", NAMESPACE), ("patch", f"hapolicies.{GROUP}", NAMESPACE), ("delete", f"hapolicies.{GROUP}", NAMESPACE),
    ("patch", f"protectedinstances.{GROUP}", NAMESPACE), ("update", f"computenodes.{GROUP}", NAMESPACE), ("list", f"computenodes.{GROUP}", "default"),
    ("patch", "leases.coordination.k8s.io/other", NAMESPACE), ("delete", "leases.coordination.k8s.io/vmha-controller", NAMESPACE),
    ("patch", "leases.coordination.k8s.io/worker-1", "kube-node-lease"), ("patch", "nodes", None), ("create", "pods", NAMESPACE),
    ("delete", "baremetalhosts.metal3.io", "metal3"), ("create", "customresourcedefinitions.apiextensions.k8s.io", None)]


def wait_for(what, look, seconds=90):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def installed(helm, cluster):
    """The chart as it is, applied; pods come from nowhere (no controller-manager runs here)."""
    objects = helm.template("rbac.secretNames={bmc-1}", "rbac.bareMetalHostNamespaces={metal3}")
    objects = [o for o in objects if o["kind"] != "Pod"]
    cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=[o for o in objects if o["kind"] == "CustomResourceDefinition"])
    cluster.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=[o for o in objects if o["kind"] != "CustomResourceDefinition"])
    return cluster


class Process:
    """vmha-controller as its pod would run it: the ConfigMap's file, the account's token; only the address to listen on is another."""

    def __init__(self, cluster, helm, folder, config=None):
        admin = yaml.safe_load((cluster.folder / "admin.conf").read_text())
        admin["users"] = [{"name": "lab", "user": {"tokenFile": str(folder / "token")}}]
        (folder / "token").write_text(cluster.must("create", "token", "-n", NAMESPACE, "vmha").strip())
        (folder / "kubeconfig").write_text(yaml.safe_dump(admin))
        (folder / "vmha.yaml").write_text(config or helm.one("ConfigMap")["data"]["vmha.yaml"])
        self.log = folder / "log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([controller(), "--config", folder / "vmha.yaml", "--kubeconfig", folder / "kubeconfig", "--listen", "127.0.0.1:0"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        started = wait_for("Started", lambda: self.said("Started"))
        self.url = f"http://127.0.0.1:{started[0]['port']}"

    def said(self, message):
        assert self.process.poll() is None, self.log.read_text()
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if line["msg"] == message]

    def ask(self, path):
        return urllib.request.urlopen(self.url + path, timeout=10).read().decode()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture(scope="module")
def process(installed, helm, tmp_path_factory):
    installed.must("apply", "-f", "-", stdin=[SECRET, POLICY, NODE])
    one = Process(installed, helm, tmp_path_factory.mktemp("vmha"))
    try:
        wait_for("it leads", lambda: one.said("Leading"))
        yield one
    finally:
        code = one.stop()
    assert code == 0, one.log.read_text()


def can(cluster, verb, what, namespace):
    target, _, rest = what.partition("/")
    resource, _, group = target.partition(".")
    asked = {"verb": verb, "group": group, "resource": resource, "namespace": namespace or "", **({"subresource": rest} if rest == "status" else {"name": rest})}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": ACCOUNT, "resourceAttributes": asked}}
    return json.loads(cluster.must("create", "-f", "-", "-o", "json", stdin=[review]))["status"]["allowed"]


@pytest.mark.parametrize("verb, what, namespace", MAY, ids=lambda part: part or "cluster")
def test_the_account_may(installed, verb, what, namespace):
    assert can(installed, verb, what, namespace)


@pytest.mark.parametrize("verb, what, namespace", MAY_NOT, ids=lambda part: part or "cluster")
def test_the_account_may_not(installed, verb, what, namespace):
    assert not can(installed, verb, what, namespace)


def test_roles_grant_nothing_that_is_not_listed_here(helm):
    granted = set()
    for role in helm.template("rbac.secretNames={bmc-1}", "rbac.bareMetalHostNamespaces={metal3}"):
        for rule in role.get("rules", []) if role["kind"] in ("Role", "ClusterRole") else []:
            granted |= {(verb, group, resource.split("/")[0], resource.partition("/")[2]) for verb in rule["verbs"] for group in rule["apiGroups"]
                        for resource in rule["resources"]}
    listed = set()
    for verb, what, _ in MAY:
        target, _, rest = what.partition("/")
        resource, _, group = target.partition(".")
        listed.add((verb, group, resource, "status" if rest == "status" else ""))
    assert granted == listed


def test_it_works_under_these_rights_and_is_refused_nothing(process, installed):
    def phase():
        node = json.loads(installed.must("get", f"computenodes.{GROUP}", "-n", NAMESPACE, "compute-1", "-o", "json"))
        return node.get("status", {}).get("phase")
    wait_for("a status of the node", phase)
    wait_for("a status of the policy", lambda: json.loads(installed.must("get", f"hapolicies.{GROUP}", "-n", NAMESPACE, "default", "-o", "json")).get("status"))
    wait_for("the power controller was asked for, with its Secret", lambda: re.search(r'vmha_client_requests_total{[^}]*system="redfish"', process.ask("/metrics")))
    requests = re.findall(r"rest_client_requests_total{(.*)} (\d+)", process.ask("/metrics"))
    assert requests and not [labels for labels, _ in requests if 'code="403"' in labels or 'code="401"' in labels]
    holder = json.loads(installed.must("get", "lease", "-n", NAMESPACE, "vmha-controller", "-o", "json"))["spec"]["holderIdentity"]
    assert holder == process.said("Leading")[0]["identity"]


def test_probes_answer(process, helm):
    container = helm.one("Deployment")["spec"]["template"]["spec"]["containers"][0]
    for probe in ("livenessProbe", "readinessProbe"):
        assert process.ask(container[probe]["httpGet"]["path"]) == "ok\n"


def test_metrics_are_clean(process, promtool):
    done = run(promtool, "check", "metrics", stdin=process.ask("/metrics"))
    assert done.returncode == 0 and done.stderr == "", done.stderr + done.stdout


def metric_names(text):
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def used(expression):
    return set(re.findall(r"\b((?:vmha|leader_election|workqueue|controller_runtime|rest_client)_\w+)", expression))


def test_dashboard_and_alerts_use_only_metrics_and_label_values_that_exist(process):
    wait_for("a snapshot with the node", lambda: 'vmha_compute_node_verdict{node="compute-1"' in process.ask("/metrics"))
    text = process.ask("/metrics")
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"]
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [rule["expr"] for rule in rules]
    expressions += [variable["query"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
    wanted = set().union(*map(used, expressions))
    assert len(wanted) > 15 and wanted <= metric_names(text), wanted - metric_names(text)
    assert {name for name in metric_names(text) if name.startswith("vmha_") and not name.endswith(("_sum", "_count"))} <= wanted, "a metric that nothing shows"
    for expression in expressions:  # label values, too: what an alert waits for must be able to come
        for metric, labels in re.findall(r"(\w+){([^}]*)}", expression):
            for label, values in re.findall(r'(\w+)=~?"([^"$]+)"', labels):
                for value in values.split("|"):
                    assert re.search(rf'^{metric}{{[^}}]*{label}="{value}"', text, re.MULTILINE), f"{metric}: no {label}={value}"


def test_helm_test_passes_and_fails(process, helm):
    pod = helm.one("Pod")
    container = pod["spec"]["containers"][0]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    command = container["command"] + container["args"]
    settings = {each["name"]: each["value"] for each in container["env"]}
    assert settings["VMHA_URL"] == f"http://vmha.{NAMESPACE}.svc:8080"
    env = {**os.environ, **settings, "VMHA_URL": process.url}
    assert must(*command, env=env) == "vmha 0.1.0 answers and leads\n"
    assert "another version than 9 answers" in run(*command, env={**env, "VMHA_VERSION": "9"}).stderr
    refused = run(*command, env={**env, "VMHA_URL": "http://127.0.0.1:1", "VMHA_WAIT_SECONDS": "0"})
    assert refused.returncode != 0 and "http://127.0.0.1:1" in refused.stderr


class Prometheus:
    """Debian's Prometheus with the chart's alert rules, scraping one address each second."""

    def __init__(self, program, folder, address):
        (folder / "alerts.yaml").write_text((CHART / "files" / "alerts.yaml").read_text())
        (folder / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["alerts.yaml"],
            "scrape_configs": [{"job_name": "vmha", "static_configs": [{"targets": [address]}]}]}))
        self.log = folder / "prometheus.log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([program, "--config.file", folder / "prometheus.yml", "--storage.tsdb.path", folder / "data", "--web.listen-address",
                                             "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def wait_until_ready(self):
        wait_for("Prometheus is ready", lambda: "Server is ready" in self.log.read_text())
        self.url = "http://" + re.search(r'msg="Listening on" address=(\S+)', self.log.read_text())[1]

    def ask(self, path, **parameters):
        answer = json.load(urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=10))
        assert answer["status"] == "success"
        return answer["data"]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def prometheus(process, tmp_path_factory):
    one = Prometheus(chart_tools.ensure() / "prometheus", tmp_path_factory.mktemp("prometheus"), process.url.removeprefix("http://"))
    try:
        one.wait_until_ready()
        yield one
    finally:
        one.stop()


def expressions_of_the_dashboard():
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], re.sub(r"\$__\w+", "1m", target["expr"]).replace("$namespace", ".*")


def test_a_real_prometheus_scrapes_it(prometheus):
    wait_for("three good scrapes", lambda: prometheus.ask("query", query="sum_over_time(up[1m]) >= 3")["result"])
    target, = prometheus.ask("targets")["activeTargets"]
    assert target["health"] == "up" and target["lastError"] == ""
    verdicts = prometheus.ask("query", query='vmha_compute_node_verdict{node="compute-1"} == 1')["result"]
    assert len(verdicts) == 1, "a host has one verdict"
    assert prometheus.ask("metadata", metric="vmha_fence_duration_seconds")["vmha_fence_duration_seconds"][0]["type"] == "histogram"


def test_it_evaluates_each_alert_and_each_panel(prometheus):
    def rules():
        return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    wait_for("all rules were evaluated", lambda: rules() and all(rule["health"] != "unknown" for rule in rules()))
    assert {rule["name"] for rule in rules() if rule["health"] == "ok"} == {rule["name"] for rule in rules()} != set()
    # The host of this test has a power controller that nobody answers for, and no OpenStack and no Ceph: that is seen.
    expected = {"VmhaFencingNotReady", "VmhaEvidenceSourceLost"}
    wait_for("alerts begin", lambda: expected <= {rule["name"] for rule in rules() if rule["state"] in ("pending", "firing")})
    for title, expression in expressions_of_the_dashboard():
        assert "$" not in expression, f"{title}: {expression}"
        prometheus.ask("query", query=expression)  # an error is an HTTP error
