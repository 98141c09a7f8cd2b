"""A small client of the lab's own cloud."""
import json
import urllib.error
import urllib.request

from . import LabError
from .settings import KEYSTONE_URL, NOVA_URL, PASSWORD

MICROVERSION = "2.93"  # the highest of Zed


class Cloud:
    """As the administrator, or as another user of the project `admin`."""

    def __init__(self, user="admin"):
        self._user = user
        self._token = None
        self._user_id = None

    def ask(self, method, url, body=None, accept=(200, 201, 202, 204)):
        """One request; the decoded answer. A status that is not in `accept` is a LabError."""
        headers = {"Content-Type": "application/json", "OpenStack-API-Version": f"compute {MICROVERSION}", "X-Auth-Token": self.token()}
        data = body
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/octet-stream"
        elif body is not None:
            data = json.dumps(body).encode()
        status, answer, _ = _send(method, url, data, headers)
        if status not in accept:
            raise LabError(f"{method} {url}: {status} {answer.decode(errors='replace')[:300]}")
        return json.loads(answer) if answer[:1] in (b"{", b"[") else None

    def nova(self, method, path, body=None):
        return self.ask(method, NOVA_URL + path, body)

    def servers(self):
        return self.nova("GET", "/servers/detail?all_tenants=1&limit=1000")["servers"]

    def compute_services(self):
        return {s["host"]: s for s in self.nova("GET", "/os-services?binary=nova-compute")["services"]}

    def token(self):
        if not self._token:
            user = {"name": self._user, "domain": {"name": "Default"}, "password": PASSWORD}
            body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                             "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}}}}
            status, answer, headers = _send("POST", f"{KEYSTONE_URL}/auth/tokens", json.dumps(body).encode(),
                                            {"Content-Type": "application/json"})
            if status != 201:
                raise LabError(f"keystone gives no token: {status} {answer[:300]}")
            self._token = headers["X-Subject-Token"]
            self._user_id = json.loads(answer)["token"]["user"]["id"]
        return self._token

    def user_id(self):
        self.token()
        return self._user_id


def answers(url):
    """Whether an HTTP service answers at all; a refusal for lack of a token is an answer."""
    try:
        return _send("GET", url, None, {}, seconds=5)[0] < 500
    except OSError:
        return False


def _send(method, url, data, headers, seconds=60):
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers
