"""A Kubernetes API under one folder: etcd and kube-apiserver, no controllers, no scheduler.

What is left in the folder for its users:
  admin.conf         kubeconfig, client certificate given as files (cluster administrator)
  admin-inline.conf  the same with the certificate inside the file
  token.conf         kubeconfig with a token file (cluster administrator)
  admin.token, second.token   two tokens of administrators: for tests in which a token file changes
  nobody.token       a user without any right
  pki/               the authority (ca.crt) and the certificates;  log/ the output of both servers
  log/audit.log      a line a request of a service account, JSON (audit.k8s.io/v1 Event): what it asked for and how that ended
The data of etcd stays in the folder: each server may be stopped or killed and started again alone.
"""
import base64
import json
import random
import secrets
import socket
import ssl
import urllib.request
from pathlib import Path

from . import LabError, certificates, kube_assets
from .processes import Processes, wait_for

SERVICES = ("etcd", "apiserver")
READY_SECONDS = 120
# Who asked for what, without bodies: enough to see which rights are used and what was refused.
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
                "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]}


class Kubernetes:
    def __init__(self, folder, address="127.0.0.1"):
        self.folder = Path(folder).resolve()
        self.address = address
        self.processes = Processes(self.folder)

    def start(self, port=0):
        """Starts what does not run and waits until /readyz answers. Port 0: a free one, the same again after a restart."""
        assets = kube_assets.ensure()
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = self._ports(port)
        self._make_certificates()
        self._make_tokens()
        self._make_kubeconfigs(ports["apiserver"])
        self.start_etcd(assets)
        self.start_apiserver(assets)
        self.wait_ready()

    def start_etcd(self, assets=None):
        ports = self._ports()
        assets = assets or kube_assets.ensure()
        client, peer = (f"http://127.0.0.1:{ports[name]}" for name in ("etcd", "etcd-peer"))
        # Without fsync a write survives kill -9 (the kernel has it) but not a crash of the machine, whose end is the lab's end too.
        self.processes.start("etcd", [
            assets / "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn",
            "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"])

    def start_apiserver(self, assets=None):
        ports = self._ports()
        assets = assets or kube_assets.ensure()
        pki = self.folder / "pki"
        (self.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self.processes.start("apiserver", [
            assets / "kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{ports['etcd']}",
            "--bind-address", self.address, "--advertise-address", self.address, "--secure-port", ports["apiserver"],
            "--tls-cert-file", pki / "apiserver.crt", "--tls-private-key-file", pki / "apiserver.key",
            "--client-ca-file", pki / "ca.crt", "--token-auth-file", self.folder / "tokens.csv",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", pki / "service-account.key",
            "--service-account-signing-key-file", pki / "service-account.key",
            "--service-cluster-ip-range", "10.96.0.0/24", "--authorization-mode", "Node,RBAC",
            "--endpoint-reconciler-type", "none",
            "--audit-policy-file", self.folder / "audit-policy.json", "--audit-log-path", self.folder / "log" / "audit.log",
            "--disable-admission-plugins", "ServiceAccount"])  # it would wait for a controller that is not there

    def wait_ready(self):
        def ready():
            for service in SERVICES:
                self.processes.require_alive(service)
            return self.ask("/readyz").read() == b"ok"
        wait_for("the Kubernetes API", ready, READY_SECONDS)

    def stop(self):
        for service in ("apiserver", "etcd"):
            self.processes.stop(service)

    def ask(self, path, method="GET", body=None, content_type="application/json"):
        """One request as the administrator; returns the response, raises urllib.error.HTTPError."""
        context = ssl.create_default_context(cafile=self.folder / "pki" / "ca.crt")
        context.load_cert_chain(self.folder / "pki" / "admin.crt", self.folder / "pki" / "admin.key")
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": content_type},
                                         data=None if body is None else json.dumps(body).encode())
        return urllib.request.urlopen(request, context=context, timeout=10)

    @property
    def url(self):
        return f"https://{self.address}:{self._ports()['apiserver']}"

    @property
    def etcd_url(self):
        return f"http://127.0.0.1:{self._ports()['etcd']}"

    def _ports(self, wanted=0):
        file = self.folder / "ports.json"
        if file.exists():
            ports = json.loads(file.read_text())
            if wanted in (0, ports["apiserver"]):
                return ports
            raise LabError(f"{self.folder} already serves port {ports['apiserver']}, not {wanted}")
        free = free_ports(3)
        ports = {"apiserver": wanted or free[0], "etcd": free[1], "etcd-peer": free[2]}
        file.write_text(json.dumps(ports))
        return ports

    def _make_certificates(self):
        pki = self.folder / "pki"
        certificates.make_authority(pki, "vmha-lab-kubernetes")
        certificates.make_key(pki / "service-account.key")
        addresses = dict.fromkeys(["127.0.0.1", "10.96.0.1", self.address])
        certificates.issue(pki, "apiserver", "/CN=kube-apiserver",
                           [f"IP:{a}" for a in addresses] + ["DNS:localhost", "DNS:kubernetes.default.svc"])
        certificates.issue(pki, "admin", "/O=system:masters/CN=admin", ["DNS:admin"])

    def _make_tokens(self):
        table = self.folder / "tokens.csv"
        if table.exists():
            return
        lines = []
        for user, group in (("admin", "system:masters"), ("second", "system:masters"), ("nobody", "vmha-lab:nobody")):
            token = secrets.token_hex(16)
            self._write_secret(f"{user}.token", token)
            lines.append(f'{token},{user},{user},"{group}"\n')
        self._write_secret(table.name, "".join(lines))

    def _make_kubeconfigs(self, port):
        pki = self.folder / "pki"
        server = f"https://{self.address}:{port}"
        cluster = {"server": server, "certificate-authority": str(pki / "ca.crt")}
        inline = {"server": server, "certificate-authority-data": _base64(pki / "ca.crt")}
        self._write_kubeconfig("admin.conf", cluster, {"client-certificate": str(pki / "admin.crt"), "client-key": str(pki / "admin.key")})
        self._write_kubeconfig("admin-inline.conf", inline, {"client-certificate-data": _base64(pki / "admin.crt"),
                                                             "client-key-data": _base64(pki / "admin.key")})
        self._write_kubeconfig("token.conf", cluster, {"tokenFile": str(self.folder / "admin.token")})

    def _write_kubeconfig(self, name, cluster, user):
        """A kubeconfig is YAML, and JSON is YAML; but readers of simpler YAML exist, so it is written in block style."""
        lines = ["apiVersion: v1", "kind: Config", "current-context: lab", "clusters:", "- name: lab", "  cluster:"]
        lines += [f"    {key}: {value}" for key, value in cluster.items()]
        lines += ["users:", "- name: lab", "  user:"]
        lines += [f"    {key}: {value}" for key, value in user.items()]
        lines += ["contexts:", "- name: lab", "  context:", "    cluster: lab", "    user: lab", ""]
        self._write_secret(name, "\n".join(lines))

    def _write_secret(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)


def free_ports(count):
    """Ports that are free now, below the range from which the kernel takes the client ends of connections: there, a port could be
    taken by anybody's connection while its server is down for a moment."""
    found = []
    candidates = random.sample(range(20000, 32000), 200)
    while len(found) < count:
        port = candidates.pop()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:  # nobody listens
                found.append(port)
    return found


def _base64(path):
    return base64.b64encode(path.read_bytes()).decode()
