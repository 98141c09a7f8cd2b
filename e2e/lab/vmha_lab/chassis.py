"""What a power controller says of its host and does to it, honest or not; the same for every protocol it speaks.

Modes are set by bmc.py and read here at each request.
"""
import json
import subprocess
import time

from . import bmc, hosts
from .settings import LAB

SLOW_SECONDS = 8
BRIEF_SECONDS = 3


class Refused(Exception):
    """The controller answers with an error."""


def speaks_of(host):
    """The host that a request to this controller is about: its own, unless another one's controller is at its address."""
    mode, _, other = bmc.mode(host).partition(" ")
    return hosts.find(other) if mode == "other" else host


def delay(host):
    """Called once a request, before anything else."""
    if bmc.mode(host) == "slow":
        time.sleep(SLOW_SECONDS)


def reads_on(host):
    mode = bmc.mode(host)
    if mode == "stale-off" or mode == "brief" and _seconds_since_off(host) < BRIEF_SECONDS:
        return False
    return hosts.is_on(speaks_of(host))


def act(host, *commands):
    """Carries out `on` and `off` in turn, as the mode allows: Refused, or success whether or not anything happened."""
    mode = bmc.mode(host)
    _record(host, mode, commands)
    if mode == "refuses":
        raise Refused("lab: this controller refuses")
    if mode == "brief" and "off" in commands:
        _brief_file(host).touch()
    if mode in ("lies", "brief", "stale-off"):
        return
    for command in commands:
        # an own process: what it starts must outlive the controller
        subprocess.run([str(LAB), "host", speaks_of(host).name, command], check=True, timeout=60)


def actions():
    """Every action that any controller was asked for: [{at, host, mode, commands}], `at` in seconds of this machine's monotonic clock."""
    try:
        return [json.loads(line) for line in _actions_file().read_text().splitlines()]
    except OSError:
        return []


def _record(host, mode, commands):
    with open(_actions_file(), "a") as file:
        file.write(json.dumps({"at": time.monotonic(), "host": host.name, "mode": mode, "commands": commands}) + "\n")


def _actions_file():
    return bmc.FOLDER / "actions"


def _seconds_since_off(host):
    try:
        return time.time() - _brief_file(host).stat().st_mtime
    except OSError:
        return float("inf")


def _brief_file(host):
    return bmc.FOLDER / f"{host.name}.asked-off"
