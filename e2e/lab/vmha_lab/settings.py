"""The lab's fixed names, addresses, ports and folders: the one place that knows them."""
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

STATE = Path(os.environ.get("LAB_DIR", "/tmp/vmha-lab"))  # short: Ceph's socket paths end at 107 characters
LAB = Path(__file__).resolve().parent.parent / "lab"

CONTROL = "10.77.0.1"  # this machine on the control network: Kubernetes, OpenStack, message bus
STORAGE = "10.78.0.1"  # this machine on the storage network: Ceph
STORAGE_NETWORK = "10.78.0.0/24"
BRIDGES = {"control": ("vmha-ctl", CONTROL), "storage": ("vmha-sto", STORAGE)}

KUBERNETES_PORT = 6443
CEPH_MON_PORT = 3300  # msgr2's own port: libvirt writes a bare host:port into the guest's XML, which then is read as v2
DATABASE_PORT = 13306
BUS_PORT, BUS_DISTRIBUTION_PORT, BUS_EPMD_PORT = 25670, 25671, 14369
KEYSTONE_PORT, PLACEMENT_PORT, GLANCE_PORT, NEUTRON_PORT, NOVA_PORT = 15000, 18778, 19292, 19696, 18774

KEYSTONE_URL = f"http://{CONTROL}:{KEYSTONE_PORT}/v3"
PLACEMENT_URL = f"http://{CONTROL}:{PLACEMENT_PORT}"
GLANCE_URL = f"http://{CONTROL}:{GLANCE_PORT}"
NEUTRON_URL = f"http://{CONTROL}:{NEUTRON_PORT}"
NOVA_URL = f"http://{CONTROL}:{NOVA_PORT}/v2.1"

PASSWORD = "lab"  # of every service user: the lab listens on its own bridges only
REGION = "RegionOne"
BMC_USER, BMC_PASSWORD = "admin", "lab-bmc"
IPMI_PORT = 623
LIBVIRT_SECRET = "6d2f3b0e-52c1-4b8a-9d27-0f1f6f2a7c11"  # how libvirt names the key of client.nova

EPHEMERAL_POOL, VOLUME_POOL, IMAGE_POOL = "vms", "volumes", "images"


@dataclass(frozen=True)
class Pace:
    """How often the parts of the cloud say that they live."""
    nova_report_seconds: int
    nova_down_seconds: int
    lease_seconds: int


PACES = {"fast": Pace(1, 4, 2), "defaults": Pace(10, 60, 10)}  # the second: nova's and kubelet's own values


@dataclass(frozen=True)
class Host:
    number: int
    kubernetes_node: str | None
    bmc_types: tuple = ("Redfish",)  # the protocols its power controller speaks

    @property
    def name(self):
        return f"compute-{self.number}"

    @property
    def folder(self):
        return STATE / "hosts" / self.name

    @property
    def control_address(self):
        return f"10.77.0.{10 + self.number}"

    @property
    def storage_address(self):
        return f"10.78.0.{10 + self.number}"

    @property
    def bmc_address(self):
        return f"10.77.0.{20 + self.number}"

    @property
    def system_uuid(self):
        """What the firmware and the power controller both call this machine."""
        return f"4c4c4544-0000-4000-8000-00000000000{self.number}"

    @property
    def uuid(self):
        return uuid.UUID(self.system_uuid)

    def link(self, network):
        """The host's plug on a network's bridge."""
        return f"vm{network[0]}-{self.name}"


HOSTS = {host.name: host for host in (Host(1, "worker-1"), Host(2, "worker-2", ("Ipmi",)), Host(3, None))}


def clean_environment():
    """Takes settings of the caller's own cloud or cluster out of the environment of all that the lab starts."""
    for name in list(os.environ):
        if name.startswith(("OS_", "CEPH_", "KUBECONFIG", "PYTHON", "VIRTUAL_ENV")):
            del os.environ[name]
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", ""), TZ="UTC", LC_ALL="C.UTF-8")
