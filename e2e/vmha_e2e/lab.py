"""The lab as a test uses it: faults by the lab's own command, nova and Ceph as their administrators see them."""
import json
import os
import subprocess
import threading
import uuid

from . import ROOT, wait_for

from vmha_lab import bmc, chassis, commands, guests, hosts, network  # noqa: E402  (on the path by the package's __init__)
from vmha_lab.database import DATA  # noqa: E402
from vmha_lab.processes import Processes  # noqa: E402
from vmha_lab.rest import Cloud  # noqa: E402
from vmha_lab.settings import BRIDGES, HOSTS, PLACEMENT_URL, STATE, STORAGE  # noqa: E402

LAB = ROOT / "e2e" / "lab" / "lab"
UP_SECONDS = 1800  # the very first time it builds Kubernetes
FAULT_SECONDS = 180
SERVICE_SECONDS = 180


def run(*arguments, seconds=FAULT_SECONDS):
    done = subprocess.run([LAB, *arguments], capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stderr.strip()[-1500:]}"
    return done.stdout


def up(pace="fast"):
    subprocess.run([LAB, "up", "--pace", pace], check=True, timeout=UP_SECONDS)


def down():
    subprocess.run([LAB, "down"], check=True, timeout=300)


def is_up():
    return subprocess.run([LAB, "status"], capture_output=True, timeout=120).returncode == 0


class Lab:
    def __init__(self):
        script = f'eval "$("{LAB}" env)" && env -0'
        listed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
        self.env = dict(entry.split("=", 1) for entry in listed.split("\0") if "=" in entry)
        self.env[Processes.MEMBER] = str(STATE)  # `lab down` ends also what was left behind here
        self.folder = STATE
        self.storage_address = STORAGE  # of the monitor and the OSDs
        self.machines = {machine["name"]: machine for machine in json.loads(self.env["VMHA_LAB_HOSTS"])}
        self.cloud = Cloud()
        self.ceph = CephAdmin(self.env)

    # ---- what there is

    def servers(self):
        """name -> nova's view of the server."""
        return {server["name"]: server for server in self.cloud.servers()}

    def services(self):
        return self.cloud.compute_services()

    def evacuations(self, host):
        """Nova's evacuation records from a host, newest last."""
        listed = self.cloud.nova("GET", f"/os-migrations?source_compute={host}&migration_type=evacuation")["migrations"]
        return sorted(listed, key=lambda record: record["id"])

    def guests(self):
        """name -> what the lab knows of a server and what its guest has written."""
        return {guest["name"]: guest for guest in guests.report()}

    def is_on(self, host):
        return hosts.is_on(HOSTS[host])

    def power_actions(self, since):
        """What power controllers were asked to do since an instant of the monotonic clock: [{at, host, mode, commands}]."""
        return [action for action in chassis.actions() if action["at"] >= since]

    def console(self, host, server):
        """What a server's guest has printed on this host: "B" booted, "." written, "E" its write was refused. Empty if it never ran there."""
        path = HOSTS[host].folder / "instances" / server / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- what is done to it

    def boot(self, name, host, count=1):
        run("boot", name, "--host", host, "--count", str(count))
        return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]

    def act(self, server, action, body=None):
        self.cloud.nova("POST", f"/servers/{server}/action", {action: body})

    def power_off(self, host):
        """As the lab's command does it, at once."""
        hosts.power_off(HOSTS[host])

    def shut_off(self, name):
        self.act(self.servers()[name]["id"], "os-stop")
        wait_for(f"{name} shut off", lambda: self.servers()[name]["status"] == "SHUTOFF", 120)

    def set_enabled(self, host, enabled):
        """As an administrator does it; a host that is not enabled gets no new instances."""
        body = {"status": "enabled"} if enabled else {"status": "disabled", "disabled_reason": "by the test"}
        self.cloud.nova("PUT", f"/os-services/{self.services()[host]['id']}", body)

    def mark(self, server, vm_state):
        """As nova shows a server that is resized and not confirmed, shelved or in rescue: the lab has no ssh between hosts and no image service to write to."""
        commands.run("mariadb", "--no-defaults", "-uroot", "-S", DATA / "mysql.sock", data=f"UPDATE nova.instances SET vm_state='{vm_state}' WHERE uuid='{server}'")

    def take_memory(self, host):
        """All memory that placement could still give on this host goes to consumers that nova does not know and leaves alone."""
        provider = self._provider(host)
        inventory = self.cloud.ask("GET", f"{PLACEMENT_URL}/resource_providers/{provider}/inventories")["inventories"]["MEMORY_MB"]
        used = self.cloud.ask("GET", f"{PLACEMENT_URL}/resource_providers/{provider}/usages")["usages"]["MEMORY_MB"]
        left = int((inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"]) - used
        for url in _fillers(host):
            taken = min(left, inventory["max_unit"])
            if taken > 0:
                self.cloud.ask("PUT", url, {"allocations": [{"resource_provider": {"uuid": provider}, "resources": {"MEMORY_MB": taken}}]})
            left -= taken
        assert left <= 0, f"{host} has {left} MB left"

    def give_memory(self, host):
        for url in _fillers(host):
            self.cloud.ask("DELETE", url, accept=(204, 404))

    def _provider(self, host):
        listed = self.cloud.ask("GET", f"{PLACEMENT_URL}/resource_providers")["resource_providers"]
        return next(each["uuid"] for each in listed if each["name"].split(".")[0] == host)

    def migrate_live(self, name, destination):
        self.act(self.servers()[name]["id"], "os-migrateLive", {"host": destination, "block_migration": "auto"})

        def moved():
            server = self.servers()[name]
            return server["OS-EXT-SRV-ATTR:host"] == destination and server["status"] == "ACTIVE" and not server["OS-EXT-STS:task_state"]
        wait_for(f"{name} on {destination}", moved, 180)

    def heal(self):
        """Takes back every fault and every fence, whoever made it, and deletes all servers."""
        self._heal_services()
        fenced = {name for name, machine in self.machines.items() if self.ceph.is_fenced(machine["storageAddress"])}
        for host in HOSTS.values():  # as the lab's command does it, but without eighteen starts of Python
            bmc.set_mode(host, "alive")
            for net in BRIDGES:
                network.heal(host, net)
            if hosts.is_on(host):
                hosts.thaw(host)
            if host.name in fenced:
                hosts.power_off(host)  # a guest that was refused by the storage would go on wrongly once the entry is gone
            hosts.start_agent(host)
            hosts.power_on(host, hosts.remembered_pace())
        self.ceph.clear_blocklist()
        for name in self.machines:
            self.give_memory(name)
            self._bring_back(name)
        guests.delete()

    def _heal_services(self):
        for line in subprocess.run([LAB, "status"], capture_output=True, text=True, timeout=120).stdout.splitlines():
            name, state = line.split()[:2]
            if state == "DOWN" and name not in self.machines and not name.startswith("bmc"):
                run("service", name, "start")

    def _bring_back(self, host):
        """As nova wants it: first its clean-up of what was evacuated, then un-forced, then up, then enabled."""
        def unforced():
            service = self.services()[host]
            if not service["forced_down"]:
                return True
            try:
                self.cloud.nova("PUT", f"/os-services/{service['id']}", {"forced_down": False})
            except Exception:  # refused while evacuations are `done` and not yet `completed`
                return False
            return True
        wait_for(f"{host} not forced down", unforced, SERVICE_SECONDS, pause=1)
        heartbeat = self.services()[host]["updated_at"]  # one more, for the last may be of the time before it was switched off

        def up():
            service = self.services()[host]
            return service["state"] == "up" and service["updated_at"] != heartbeat
        wait_for(f"nova-compute of {host} up", up, SERVICE_SECONDS, pause=0.5)
        service = self.services()[host]
        if service["status"] != "enabled":
            self.cloud.nova("PUT", f"/os-services/{service['id']}", {"status": "enabled"})


def _fillers(host):
    """Where placement keeps what take_memory took: fixed names, so that whoever comes later finds them."""
    return [f"{PLACEMENT_URL}/allocations/{uuid.uuid5(uuid.NAMESPACE_DNS, f'{host}-{number}')}" for number in range(3)]


class CephAdmin:
    """Ceph's administrator, one connection for all tests."""

    def __init__(self, env):
        self._env = env
        self._lock = threading.Lock()
        self._cluster = None

    def blocklist(self):
        """Addresses as Ceph prints them: "10.78.0.11:0/0", "10.78.0.12:0/1234"."""
        text = self._command("osd blocklist ls")
        found, decoder, at = [], json.JSONDecoder(), 0
        while at < len(text):  # two arrays, one after the other
            part, end = decoder.raw_decode(text, at)
            found += [entry["addr"] for entry in part]
            at = end + len(text[end:]) - len(text[end:].lstrip())
        return found

    def is_fenced(self, address):
        """Whether the whole address is refused, not only one client of it."""
        return any(entry in (f"{address}:0/0", f"{address}:0/32", f"{address}/32") for entry in self.blocklist())

    def is_answering(self):
        """Whether there is quorum."""
        try:
            return bool(self._command("quorum_status", seconds=3))
        except Exception:
            return False

    def clear_blocklist(self):
        self._command("osd blocklist clear")
        assert not self.blocklist(), "entries are left in the blocklist"

    def _command(self, prefix, seconds=30):
        with self._lock:
            if self._cluster is None:
                self._cluster = self._connect()
            code, out, said = self._cluster.mon_command(json.dumps({"prefix": prefix, "format": "json"}), b"", timeout=seconds)
        assert code == 0, f"ceph {prefix}: {said}"
        return out.decode().strip()

    def _connect(self):
        import rados  # Debian's bindings; there once the lab was up
        cluster = rados.Rados(rados_id="admin", conffile=self._env["CEPH_CONF"],
                              conf={"keyring": self._env["VMHA_CEPH_ADMIN_KEYRING"], "client_mount_timeout": "15"})
        cluster.connect()
        return cluster


def clean_environment():
    """Settings of the caller's own cloud and cluster must not reach what is started here."""
    from vmha_lab.settings import clean_environment as clean
    clean()
    os.environ.pop("KUBECONFIG", None)
