"""Everything the lab needs from outside: Debian packages, and the power controllers' Python packages in an own environment."""
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from . import LabError
from .commands import run
from .kube_assets import cache_folder

DEBIAN = """
    ceph-mon ceph-osd ceph-mgr ceph-common python3-rbd python3-rados
    qemu-system-x86 qemu-utils qemu-block-extra seabios ipxe-qemu nasm
    libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients python3-libvirt
    keystone placement-api glance-api neutron-server nova-api nova-conductor nova-scheduler python3-nova
    mariadb-server python3-pymysql rabbitmq-server uwsgi-core uwsgi-plugin-python3
    openipmi ipmitool
    iproute2 openssl ca-certificates python3-venv
""".split()
# Not nova-compute: that package brings a running hypervisor along; its program is in python3-nova.

APT = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=600"]  # another apt may be at work
SUSHY_TOOLS = "2.2.0"
POLICY = Path("/usr/sbin/policy-rc.d")  # asked by package scripts before they start a service; 101 means no


def install_debian():
    missing = [name for name in DEBIAN if not _installed(name)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise LabError("the lab must be run as root")
    apt_env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_service_starts():
        run(*APT, "update", seconds=600, env=apt_env)
        run(*APT, "install", "-y", "--no-install-recommends", *missing, seconds=3600, env=apt_env)


def debian_versions():
    """One text that changes when a package of the lab does."""
    return run("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *DEBIAN)


def _installed(name):
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", name], capture_output=True, text=True)
    return asked.stdout == "installed"


@contextmanager
def _no_service_starts():
    """Package scripts must not start databases and buses of their own beside the lab's."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def power_controller_python():
    """The interpreter of the environment that has sushy-tools; made once in the cache folder."""
    folder = cache_folder() / f"sushy-tools-{SUSHY_TOOLS}"
    python = folder / "bin" / "python3"
    if not (folder / "complete").exists():
        run("/usr/bin/python3", "-m", "venv", "--clear", folder, seconds=300)
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", f"sushy-tools=={SUSHY_TOOLS}", seconds=600)
        (folder / "complete").touch()
    return python
