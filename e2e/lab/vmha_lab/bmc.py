"""The hosts' power controllers: a Redfish service each, at an address of its own on the control network, alive while its host is off."""
import socket
from pathlib import Path

from . import LabError, certificates
from .packages import power_controller_python
from .processes import Processes, wait_for
from .settings import HOSTS, STATE

FOLDER = STATE / "bmc"
SERVER = Path(__file__).resolve().parent.parent / "bmc" / "server"
MODES = ("alive", "lies", "refuses", "slow", "dead")
processes = Processes(STATE)


def up():
    certificates.make_authority(FOLDER, "vmha-lab-power-controllers")
    for host in HOSTS.values():
        certificates.issue(FOLDER, host.name, f"/CN={host.name}-bmc", [f"IP:{host.bmc_address}"])
        if mode(host) != "dead":
            _start(host)


def set_mode(host, wanted):
    """alive: honest. lies: says 204 and does nothing. refuses: an error on every action. slow: seconds before each answer.
    dead: connections are refused."""
    if wanted not in MODES:
        raise LabError(f"no mode {wanted}; there are {', '.join(MODES)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    _mode_file(host).write_text(wanted)  # read by the server at each request
    if wanted == "dead":
        processes.stop(_record(host))
    else:
        _start(host)


def mode(host):
    try:
        return _mode_file(host).read_text()
    except OSError:
        return "alive"


def alive(host):
    return processes.alive(_record(host))


def _start(host):
    processes.start(_record(host), [power_controller_python(), SERVER, host.name])
    wait_for(f"the power controller of {host.name}", lambda: processes.require_alive(_record(host)) or _listens(host), 90)


def _listens(host):
    with socket.create_connection((host.bmc_address, 443), timeout=1):
        return True


def _record(host):
    return f"bmc-{host.name}"


def _mode_file(host):
    return FOLDER / f"{host.name}.mode"
