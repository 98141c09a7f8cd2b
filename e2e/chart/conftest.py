"""What the tests of the chart share: helm and promtool, and a real API server with CRDs of the Prometheus operator."""
import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import chart_tools  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "vmha"
LAB = ROOT / "e2e" / "lab"
NAMESPACE = "openstack"
SECONDS = 60
EVERYTHING = ["serviceMonitor.enabled=true", "prometheusRule.enabled=true", "grafanaDashboard.enabled=true", "networkPolicy.enabled=true"]


def run(*command, stdin=None, env=None):
    return subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, timeout=SECONDS, env=env)


def must(*command, **more):
    done = run(*command, **more)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def controller():
    given = os.environ.get("VMHA_CONTROLLER")
    return Path(given) if given else Path(os.environ.get("VMHA_BUILD", ROOT / "build")) / "controller" / "vmha-controller"


class Helm:
    def __init__(self, folder):
        self.programs = chart_tools.ensure()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": "/dev/null"}
        self.rendered = {}

    def run(self, *arguments, cluster=None):
        env = self.env if cluster is None else {**self.env, "KUBECONFIG": cluster.env["KUBECONFIG"]}
        return run(self.programs / "helm", *arguments, env=env)

    def template(self, *settings):
        """The rendered objects."""
        if settings not in self.rendered:
            done = self.run("template", "vmha", CHART, "--namespace", NAMESPACE, *(part for setting in settings for part in ("--set", setting)))
            assert done.returncode == 0, done.stderr
            self.rendered[settings] = [document for document in yaml.load_all(done.stdout, yaml.CSafeLoader) if document]
        return copy.deepcopy(self.rendered[settings])

    def one(self, kind, *settings, name=None):
        found = [o for o in self.template(*settings) if o["kind"] == kind and name in (None, o["metadata"]["name"])]
        assert len(found) == 1, f"{len(found)} objects of kind {kind}"
        return found[0]


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.kubectl_program = Path(must(LAB / "kube-assets").strip()) / "kubectl"
        self.env = {**os.environ, "KUBECONFIG": str(folder / "admin.conf"), "HOME": str(folder)}

    def kubectl(self, *arguments, stdin=None):
        text = stdin if stdin is None or isinstance(stdin, str) else yaml.dump_all(stdin, Dumper=yaml.CSafeDumper)
        return run(self.kubectl_program, *arguments, stdin=text, env=self.env)

    def must(self, *arguments, stdin=None):
        done = self.kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def helm(tmp_path_factory):
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def promtool():
    return chart_tools.ensure() / "promtool"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kube")
    must(LAB / "kube-start", folder)
    try:
        one = Cluster(folder)
        for namespace in (NAMESPACE, "metal3"):
            one.must("create", "namespace", namespace)
        for file in chart_tools.operator_definitions():
            one.must("create", "-f", file)
        one.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield one
    finally:
        must(LAB / "kube-stop", folder)
