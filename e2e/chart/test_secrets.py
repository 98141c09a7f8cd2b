"""No secret ever appears in a log, an event, a status or a metric: each credential is marked, each client is answered by somebody who repeats what it was sent."""
import base64
import hashlib
import http.server
import json
import ssl
import sys
import threading
from pathlib import Path

import pytest
import yaml
from conftest import LAB, NAMESPACE
from test_running import GROUP, POLICY, Process, wait_for

sys.path.insert(0, str(LAB))
from vmha_lab import certificates  # noqa: E402

MARK = "Ma4k3d"
SECRETS = {kind: f"{MARK}-{kind}-s3cret" for kind in ("keystone", "redfish", "ipmi", "agent", "token")}
CEPH_KEY = base64.b64encode(bytes.fromhex("0100") + bytes(8) + bytes.fromhex("1000") + hashlib.md5(MARK.encode()).digest()).decode()


class Parrot(http.server.BaseHTTPRequestHandler):
    """Answers every request with an error that repeats all of it, as a careless server or proxy does."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        said = json.dumps({"error": {"message": f"I do not like {self.requestline} {dict(self.headers)} {body}", "code": 401}}).encode()
        self.server.heard.append(dict(self.headers).get("Authorization", "") + body)
        self.send_response(401)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


def parrot(pki=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    server.heard = []
    if pki:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "redfish.crt", pki / "redfish.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def secret(name, **values):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "stringData": values}


def node(name, device):
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "ComputeNode", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"fencing": {"devices": [{"name": "one", **device}]}}}


@pytest.fixture(scope="module")
def parrots(tmp_path_factory):
    pki = tmp_path_factory.mktemp("pki")
    certificates.make_authority(pki, "marked")
    certificates.issue(pki, "redfish", "/CN=redfish", ["IP:127.0.0.1"])
    servers = {"openstack": parrot(), "redfish": parrot(pki)}
    servers["redfish"].authority = (pki / "ca.crt").read_text()
    yield servers
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def marked(cluster, helm, parrots, tmp_path_factory):
    """vmha-controller with the rights of the chart, at its most talkative, with marked credentials of every kind."""
    settings = ["log.level=debug"]
    cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=[o for o in helm.template(*settings) if o["kind"] not in ("Pod", "Deployment")])
    cluster.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    ports = {name: server.server_address[1] for name, server in parrots.items()}
    cluster.must("apply", "-f", "-", stdin=[
        POLICY, secret("redfish", username="operator", password=SECRETS["redfish"]), secret("ipmi", username="operator", password=SECRETS["ipmi"]),
        secret("agent", password=SECRETS["agent"], username="operator"), secret("ca", **{"ca.crt": parrots["redfish"].authority}),
        node("marked-redfish", {"type": "Redfish", "redfish": {"endpoint": f"https://127.0.0.1:{ports['redfish']}", "systemID": "1",
                                                              "credentialsSecret": {"name": "redfish"}, "caSecret": {"name": "ca"}}}),
        node("marked-ipmi", {"type": "Ipmi", "ipmi": {"endpoint": "127.0.0.1:9", "credentialsSecret": {"name": "ipmi"}}}),
        node("marked-agent", {"type": "FenceAgent", "fenceAgent": {"agent": "fence_redfish", "parametersSecret": {"name": "agent"}, "parameters": [
            {"name": "ip", "value": "127.0.0.1"}, {"name": "ipport", "value": str(ports["redfish"])}, {"name": "ssl_insecure", "value": "1"}, {"name": "systems_uri", "value": "/redfish/v1/Systems/1"}]}})])
    folder = tmp_path_factory.mktemp("marked")
    config = yaml.safe_load(helm.one("ConfigMap", *settings)["data"]["vmha.yaml"])
    (folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"openstack": {"auth": {
        "auth_url": f"http://127.0.0.1:{ports['openstack']}/v3", "username": "vmha", "password": SECRETS["keystone"], "project_name": "admin", "user_domain_name": "Default",
        "project_domain_name": "Default"}}}}))
    (folder / "keyring").write_text(f"[client.vmha]\nkey = {CEPH_KEY}\n")
    (folder / "ceph.conf").write_text("[global]\nmon_host = 127.0.0.1:9\nlog_to_stderr = true\nerr_to_stderr = true\n")
    config["openstack"]["cloudsFile"] = str(folder / "clouds.yaml")
    config["ceph"].update(confFile=str(folder / "ceph.conf"), keyringFile=str(folder / "keyring"))
    process = Process(cluster, helm, folder, config=yaml.safe_dump(config))
    try:
        yield process
    finally:
        process.stop()


def test_no_credential_leaves_the_program_but_to_its_own_system(marked, parrots, cluster):
    wait_for("keystone was asked with the password", lambda: any(SECRETS["keystone"] in heard for heard in parrots["openstack"].heard))
    wait_for("Redfish was asked with the password", lambda: any(SECRETS["redfish"] in unbasic(heard) for heard in parrots["redfish"].heard))

    def says(name, *words):
        text = json.dumps(json.loads(cluster.must("get", f"computenodes.{GROUP}", "-n", NAMESPACE, name, "-o", "json")).get("status", {}))
        return all(word in text for word in words)
    for name in ("marked-redfish", "marked-ipmi", "marked-agent"):
        wait_for(f"{name} is judged", lambda name=name: says(name, "FencingReady", "PowerNotReady"))
    wait_for("Ceph was tried", lambda: "ceph" in marked.log.read_text().lower())
    token = Path(marked.log.parent / "token").read_text()
    texts = {"log": marked.log.read_text(), "metrics": marked.ask("/metrics"),
             "resources": cluster.must("get", f"computenodes.{GROUP},hapolicies.{GROUP},protectedinstances.{GROUP},events.events.k8s.io,leases", "-A", "-o", "yaml")}
    assert len(texts["log"]) > 1000 and "marked-agent" in texts["resources"]
    for where, text in texts.items():
        for form in forms([*SECRETS.values(), CEPH_KEY, token, token.split(".")[2]]):
            assert form not in text, f"a secret is in {where}: ...{text[max(0, text.index(form) - 200):text.index(form) + len(form)]}"
    # The marks can be found where they are: the same search finds them in what the servers heard.
    heard = " ".join(parrots["openstack"].heard + parrots["redfish"].heard)
    assert any(form in heard for form in forms([SECRETS["keystone"]])) and any(form in heard for form in forms([f"operator:{SECRETS['redfish']}"]))


def unbasic(header):
    kind, _, rest = header.partition(" ")
    return base64.b64decode(rest).decode(errors="replace") if kind == "Basic" else header


def forms(secrets):
    """As it is, and as HTTP and Kubernetes write it."""
    for each in secrets:
        yield each
        yield base64.b64encode(each.encode()).decode()
    yield base64.b64encode(f"operator:{SECRETS['redfish']}".encode()).decode()
