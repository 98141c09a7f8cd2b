"""The hosts' power controllers, at addresses of their own on the control network, alive while their hosts are off: Redfish services
(bmc/server), and a real IPMI 2.0 one, OpenIPMI's ipmi_sim, which calls bmc/chassis."""
import shutil
import socket
from pathlib import Path

from . import LabError, certificates
from .commands import run
from .packages import power_controller_python
from .processes import Processes, wait_for
from .settings import BMC_PASSWORD, BMC_USER, HOSTS, IPMI_PORT, STATE

FOLDER = STATE / "bmc"
PROGRAMS = Path(__file__).resolve().parent.parent / "bmc"
MODES = {
    "alive": "honest", "dead": "refuses connections", "lies": "says yes to every action and does nothing", "refuses": "an error on each action",
    "slow": "8 s before each answer", "brief": "an off does nothing, but it reads Off for 3 s and then On again",
    "stale-off": "reads Off and does nothing, whatever the host does", "other": "is the controller of HOST2: its state, UUID and power"}
processes = Processes(STATE)

IPMI_CONFIG = """\
name "{name}"
set_working_mc 0x20
  startlan 1
    addr {address} {port}
    priv_limit admin
    allowed_auths_callback none
    allowed_auths_user none
    allowed_auths_operator none
    allowed_auths_admin none
    guid {guid}
  endlan
  chassis_control "{program} {name}"
  user 1 false "" "" user 10 none
  user 2 true "{user}" "{password}" admin 10 none md5 straight
"""
# one management controller with a chassis device
IPMI_EMULATION = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
"""


def up():
    certificates.make_authority(FOLDER, "vmha-lab-power-controllers")
    for host in HOSTS.values():
        certificates.issue(FOLDER, host.name, f"/CN={host.name}-bmc", [f"IP:{host.bmc_address}"])
        if mode(host) != "dead":
            _start(host)


def set_mode(host, wanted, other=None):
    """One of MODES, effective from the next request on; `other` names the host whose controller answers in mode other."""
    if wanted not in MODES:
        raise LabError(f"no mode {wanted}; there are {', '.join(MODES)}")
    if (wanted == "other") != (other is not None):
        raise LabError("the mode other, and no other mode, needs a second host")
    FOLDER.mkdir(parents=True, exist_ok=True)
    before, now = mode(host), f"{wanted} {other}" if other else wanted
    _mode_file(host).write_text(now)  # read by chassis.py at each request
    if wanted == "dead" or before != now and "Ipmi" in host.bmc_types and (before + now).count("other"):
        for kind in host.bmc_types:
            processes.stop(_record(host, kind))
    if wanted != "dead":
        _start(host)


def mode(host):
    try:
        return _mode_file(host).read_text()
    except OSError:
        return "alive"


def alive(host):
    return all(processes.alive(_record(host, kind)) for kind in host.bmc_types)


def access(host):
    """How to reach it: what `lab env` says of it."""
    if "Ipmi" in host.bmc_types:
        return {"bmcType": "Ipmi", "ipmi": f"{host.bmc_address}:{IPMI_PORT}"}
    return {"bmcType": "Redfish", "bmc": f"https://{host.bmc_address}", "bmcSystemID": "1"}


def records(host):
    """The names of the host's controllers among the processes."""
    return [_record(host, kind) for kind in host.bmc_types]


def _start(host):
    for kind in host.bmc_types:
        {"Redfish": _start_redfish, "Ipmi": _start_ipmi}[kind](host, _record(host, kind))


def _start_redfish(host, record):
    processes.start(record, [power_controller_python(), PROGRAMS / "server", host.name])

    def listens():
        processes.require_alive(record)
        with socket.create_connection((host.bmc_address, 443), timeout=1):
            return True
    wait_for(f"the power controller of {host.name}", listens, 90)


def _start_ipmi(host, record):
    folder = FOLDER / f"{host.name}-ipmi"
    if not processes.alive(record):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "lan.emu").write_text(IPMI_EMULATION)
        (folder / "lan.conf").write_text(IPMI_CONFIG.format(
            name=host.name, address=host.bmc_address, port=IPMI_PORT, guid=_guid(host), program=PROGRAMS / "chassis",
            user=BMC_USER, password=BMC_PASSWORD))
        (folder / "lan.conf").chmod(0o600)
    processes.start(record, ["ipmi_sim", "-c", folder / "lan.conf", "-f", folder / "lan.emu", "-s", folder / "state", "-n"])
    wait_for(f"the IPMI controller of {host.name}", lambda: processes.require_alive(record) or ipmi(host, "mc", "guid"), 30)


def ipmi(host, *command):
    """What ipmitool says after it did this at the host's controller. Cipher suite 3 is the best that ipmi_sim has."""
    return run("ipmitool", "-I", "lanplus", "-C", "3", "-N", "1", "-R", "1", "-H", host.bmc_address, "-p", IPMI_PORT,
                    "-U", BMC_USER, "-P", BMC_PASSWORD, *command)


def _guid(host):
    """The system UUID as 16 bytes in SMBIOS order, first three fields little-endian, as most real controllers report it."""
    from . import chassis
    return chassis.speaks_of(host).uuid.bytes_le.hex()


def _record(host, kind):
    return f"bmc-{host.name}" if kind == "Redfish" else f"bmc-{host.name}-{kind.lower()}"


def _mode_file(host):
    return FOLDER / f"{host.name}.mode"
