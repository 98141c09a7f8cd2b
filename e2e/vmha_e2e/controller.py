"""vmha-controller as a process of its own, as a person would start it beside a cluster."""
import json
import os
import signal
import subprocess
from pathlib import Path

from . import NAMESPACE, ROOT, wait_for

STOP_SECONDS = 30


def binary():
    given = os.environ.get("VMHA_CONTROLLER")
    if given:
        return Path(given)
    return Path(os.environ.get("VMHA_BUILD", ROOT / "build")) / "controller" / "vmha-controller"


class Controller:
    """One process at a time; a second start() is a new process with a new identity."""

    def __init__(self, lab):
        self._lab = lab
        self._process = None
        self.logs = []
        self.kubeconfig = lab.env["KUBECONFIG"]  # World.use_account() gives it another one
        self.settings = {}  # over what is written into its file
        self.ceph_key = ""  # which of the lab's keys of vmha it uses, by the end of the variable's name: NO_BLOCKLIST, NO_LIFT

    def start(self):
        assert not self.is_alive(), "it runs already"
        program = binary()
        assert os.access(program, os.X_OK), f"no {program}: make build"
        log = self._lab.folder / "log" / f"vmha-controller-{len(list((self._lab.folder / 'log').glob('vmha-controller-*'))) + 1}.log"
        with open(log, "wb") as out:
            self._process = subprocess.Popen([program, "--config", self._write_config()], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                             env={**self._lab.env, "KUBECONFIG": str(self.kubeconfig)}, start_new_session=True)
        self.logs.append(log)

    def is_alive(self):
        return self._process is not None and self._process.poll() is None

    def require_alive(self):
        assert self.is_alive(), f"vmha-controller has ended with {self._process.returncode}:\n{self.tail(30)}"

    def kill(self):
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def freeze(self):
        """SIGSTOP: from its next instruction on it does nothing, and knows nothing of the time that passes."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def wait_ended(self, seconds):
        """Its exit code; it must end by itself."""
        return self._process.wait(seconds)

    def log_size(self):
        return self.logs[-1].stat().st_size

    def calls_since(self, size):
        """The calls that change something outside and that its log tells after that many bytes."""
        lines = self.logs[-1].read_bytes()[size:].decode(errors="replace").splitlines()
        return [line for line in lines if '"msg":"A call was made"' in line]

    def stop(self):
        """SIGTERM; it must end by itself."""
        if not self.is_alive():
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"vmha-controller does not end within {STOP_SECONDS} s of SIGTERM:\n{self.tail(30)}") from None
        assert code == 0, f"vmha-controller ended with {code} after SIGTERM:\n{self.tail(30)}"

    def wait_leading(self, seconds=60):
        def leading():
            self.require_alive()
            return '"msg":"Leading"' in self.logs[-1].read_text(errors="replace")
        wait_for("vmha-controller leads", leading, seconds, pause=0.1)

    def tail(self, lines=60):
        return "\n".join(self.logs[-1].read_text(errors="replace").splitlines()[-lines:]) if self.logs else "(never started)"

    def _write_config(self):
        env = self._lab.env
        key = f"_{self.ceph_key}" if self.ceph_key else ""
        config = {"watchNamespace": NAMESPACE, "listen": "127.0.0.1:0", "log": {"level": os.environ.get("VMHA_LOG_LEVEL", "info"), "format": "json"},
                  "openstack": {"cloudsFile": env["OS_CLIENT_CONFIG_FILE"], "cloud": env["OS_CLOUD"]},
                  "ceph": {"confFile": env["CEPH_CONF"], "keyringFile": env[f"VMHA_CEPH_KEYRING{key}"], "user": env[f"VMHA_CEPH_USER{key}"],
                           "ephemeralPool": "vms", "volumePools": ["volumes"]}}
        path = self._lab.folder / "vmha-controller.yaml"
        path.write_text(json.dumps({**config, **self.settings}, indent=2))  # JSON is YAML
        return path
