#!/usr/bin/env python3
"""Records real answers of keystone and nova for the tests beside it, from the lab: e2e/lab/lab up; eval "$(e2e/lab/lab env)"; ./record.py

Makes servers named rec-*, takes nova-compute of compute-3 down and up again, and deletes what it made. Tokens are never written; what is
written of keystone has no secret in it. Takes two to three minutes.
"""
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAB = HERE.parents[2] / "e2e" / "lab" / "lab"
HOST, AGENT = "compute-3", "nova-compute@compute-3"
MICROVERSION = "2.93"


def send(method, url, body=None, token=None, microversion=MICROVERSION):
    headers = {"Content-Type": "application/json", "Accept": "application/json", "OpenStack-API-Version": f"compute {microversion}"}
    if token:
        headers["X-Auth-Token"] = token
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


class Recorder:
    def __init__(self):
        cloud = json.loads(Path(os.environ["OS_CLIENT_CONFIG_FILE"]).read_text())["clouds"]["lab-admin"]["auth"]
        self.keystone = cloud["auth_url"]
        user = {"name": cloud["username"], "domain": {"name": cloud["user_domain_name"]}, "password": cloud["password"]}
        scope = {"project": {"name": cloud["project_name"], "domain": {"name": cloud["project_domain_name"]}}}
        status, headers, body = self.authenticate(user, scope)
        assert status == 201, body
        self.token = headers["X-Subject-Token"]
        catalog = {s["type"]: s["endpoints"][0]["url"] for s in json.loads(body)["token"]["catalog"]}
        self.nova, self.glance = catalog["compute"], catalog["image"]
        self.save("token", body)
        status, headers, body = self.authenticate({**user, "password": "wrong"}, scope)
        self.save_error("keystone_401", status, headers, body)

    def authenticate(self, user, scope):
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        return send("POST", f"{self.keystone}/auth/tokens", body)

    def save(self, name, body):
        assert self_has_no_secret(body)
        (HERE / f"{name}.json").write_text(json.dumps(json.loads(body), indent=1) + "\n")
        print("recorded", name, flush=True)

    def save_error(self, name, status, headers, body):
        kept = {k.lower(): v for k, v in headers.items() if k.lower() in ("x-compute-request-id", "x-openstack-request-id")}
        self.save(name, json.dumps({"status": status, "headers": kept, "body": body}))

    def ask(self, method, path, body=None, **options):
        return send(method, self.nova + path, body, options.pop("token", self.token), **options)

    def must(self, method, path, body=None):
        status, _, text = self.ask(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {text[:300]}")
        return json.loads(text) if text else None

    def record(self, name, path):
        status, _, text = self.ask("GET", path)
        assert status == 200, text
        self.save(name, text)

    def refuse(self, name, method, path, body, **options):
        status, headers, text = self.ask(method, path, body, **options)
        print(f"{name}: {status} {text[:150]}")
        assert status >= 400
        self.save_error(name, status, headers, text)

    def act(self, server, body):
        self.must("POST", f"/servers/{server}/action", body)

    def server(self, server):
        return self.must("GET", f"/servers/{server}")["server"]

    def wait_server(self, server, wanted, seconds=120):
        return wait(f"{server} to become {wanted}", lambda: self.server(server)["status"] == wanted, seconds)

    def service(self):
        return self.must("GET", f"/os-services?binary=nova-compute&host={HOST}")["services"][0]


def self_has_no_secret(text):
    return "gAAAA" not in text and '"password":' not in text and '"secret":' not in text


def wait(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"waited {seconds} s for {what}")


def lab(*arguments):
    subprocess.run([str(LAB), *arguments], check=True)


def boot(r, name, flavor, group=None, pinned=True):
    image = json.loads(send("GET", f"{r.glance}/v2/images?status=active", token=r.token)[2])["images"][0]["id"]
    server = {"name": name, "imageRef": image, "flavorRef": flavor, "networks": "none", "metadata": {"HA_Enabled": "True", "tier": "db"}}
    if pinned:
        server["availability_zone"] = f"nova:{HOST}"
    body = {"server": server}
    if group:
        body["os:scheduler_hints"] = {"group": group}
    return r.must("POST", "/servers", body)["server"]["id"]


def follow(r, server, prefix, action):
    """Acts, then records each new migration status and each new (status, task_state) of the server until the migration ends."""
    known = {m["id"] for m in r.must("GET", f"/os-migrations?instance_uuid={server}")["migrations"]}
    r.act(server, action)
    seen = set()

    def ended():
        shown = r.ask("GET", f"/servers/{server}")[2]
        migrations = r.ask("GET", f"/os-migrations?instance_uuid={server}&limit=500")[2]
        now = json.loads(shown)["server"]
        task = now["OS-EXT-STS:task_state"]
        if (now["status"], task) not in seen:
            seen.add((now["status"], task))
            r.save(f"{prefix}_server_{now['status'].lower()}_{task or 'none'}", shown)
        fresh = [m for m in json.loads(migrations)["migrations"] if m["id"] not in known]
        for migration in fresh:
            if migration["status"] not in seen:
                seen.add(migration["status"])
                r.save(f"{prefix}_migrations_{re.sub('[^a-z]', '_', migration['status'])}", migrations)
        return fresh and fresh[0]["status"] in ("done", "completed", "error", "failed") and not task
    wait(f"the end of {prefix}", ended, 180)


def record_while_up(r, made):
    group = r.must("POST", "/os-server-groups", {"server_group": {"name": "rec", "policy": "affinity"}})["server_group"]["id"]
    made.append(f"/os-server-groups/{group}")
    r.must("POST", "/flavors", {"flavor": {"id": "rec", "name": "rec", "ram": 64, "vcpus": 1, "disk": 0}})
    r.must("POST", "/flavors", {"flavor": {"id": "rec-huge", "name": "rec-huge", "ram": 10_000_000, "vcpus": 1, "disk": 0}})
    made += ["/flavors/rec", "/flavors/rec-huge"]
    r.must("POST", "/flavors/rec/os-extra_specs", {"extra_specs": {"vmha:protect": "true"}})
    ids = {name: boot(r, f"rec-{name}", "rec", group if name in ("active", "paused") else None) for name in ("active", "stopped", "paused", "live")}
    ids["error"] = boot(r, "rec-error", "rec-huge", pinned=False)
    made[:0] = [f"/servers/{i}" for i in ids.values()]
    for name in ("active", "stopped", "paused", "live"):
        r.wait_server(ids[name], "ACTIVE")
    r.must("PUT", f"/servers/{ids['active']}/tags", {"tags": ["blue", "ha"]})
    r.act(ids["active"], {"lock": {"locked_reason": "vmha: recording"}})
    r.act(ids["stopped"], {"os-stop": None})
    r.act(ids["paused"], {"pause": None})
    r.wait_server(ids["stopped"], "SHUTOFF")
    r.wait_server(ids["paused"], "PAUSED")
    r.wait_server(ids["error"], "ERROR")
    wait("its fault", lambda: r.server(ids["error"]).get("fault"))  # nova saves it a moment after the status
    r.record("versions", "/")
    r.record("services_up", "/os-services?binary=nova-compute")
    r.record("servers", "/servers/detail?all_tenants=1&name=rec-&limit=500")
    r.record("servers_page", "/servers/detail?all_tenants=1&name=rec-&limit=2")
    r.record("server", f"/servers/{ids['active']}")
    r.record("server_error", f"/servers/{ids['error']}")
    record_refusals(r, ids)
    follow(r, ids["live"], "live", {"os-migrateLive": {"host": "compute-2", "block_migration": "auto"}})
    return ids


def record_refusals(r, ids):
    evacuate = {"evacuate": {}}
    r.refuse("evacuate_400_source_up", "POST", f"/servers/{ids['stopped']}/action", evacuate)
    r.refuse("evacuate_409_paused", "POST", f"/servers/{ids['paused']}/action", evacuate)
    r.refuse("evacuate_404_host", "POST", f"/servers/{ids['stopped']}/action", {"evacuate": {"host": "no-such-host"}})
    r.refuse("server_404", "GET", "/servers/00000000-0000-0000-0000-000000000000", None)
    r.refuse("nova_401", "GET", "/os-services", None, token="not-a-token")
    r.refuse("nova_406", "GET", "/os-services", None, microversion="2.999")
    r.refuse("marker_400", "GET", "/os-migrations?limit=1&marker=00000000-0000-0000-0000-000000000000", None)


def record_while_down(r, ids):
    service = r.service()["id"]
    lab("service", AGENT, "stop")
    try:
        wait("the service to look down", lambda: r.service()["state"] == "down")
        r.record("services_down", "/os-services?binary=nova-compute")
        r.must("PUT", f"/os-services/{service}", {"forced_down": True})
        r.must("PUT", f"/os-services/{service}", {"status": "disabled", "disabled_reason": "vmha: compute-3-x7k2q"})
        r.record("services_fenced", "/os-services?binary=nova-compute")
        follow(r, ids["stopped"], "evacuation", {"evacuate": {}})
        # its server group keeps it on the host of the paused one, which is disabled: no valid host
        follow(r, ids["active"], "no_host", {"evacuate": {}})
        wait("its fault", lambda: r.server(ids["active"]).get("fault"))
        r.record("no_host_server_error_fault", f"/servers/{ids['active']}")
        r.refuse("unforce_400", "PUT", f"/os-services/{service}", {"forced_down": False})
    finally:
        lab("service", AGENT, "start")
        done = f"/os-migrations?source_compute={HOST}&migration_type=evacuation&status=done"
        wait("nova-compute to settle its evacuations", lambda: not r.must("GET", done)["migrations"])
        r.must("PUT", f"/os-services/{service}", {"forced_down": False})
        wait("the service to be up", lambda: r.service()["state"] == "up")
        r.must("PUT", f"/os-services/{service}", {"status": "enabled"})
    r.record("migrations_page", "/os-migrations?limit=1")
    r.record("migrations_from", f"/os-migrations?source_compute={HOST}&limit=500")


def main():
    r = Recorder()
    made = []
    try:
        record_while_down(r, record_while_up(r, made))
    finally:
        for path in made:
            status, _, text = r.ask("DELETE", path)
            print("deleted", path, status, text[:100])
            if path.startswith("/servers/"):
                wait("the end of " + path, lambda p=path: r.ask("GET", p)[0] == 404)


if __name__ == "__main__":
    sys.exit(main())
