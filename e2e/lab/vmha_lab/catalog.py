"""Keystone's users, projects, services and endpoints; the flavors and the image that servers of the lab are made of."""
import json
from pathlib import Path

from .commands import run
from .rest import Cloud
from .settings import GLANCE_URL, KEYSTONE_URL, NEUTRON_URL, NOVA_URL, PASSWORD, PLACEMENT_URL, REGION, STATE

SERVICE_USERS = ("nova", "placement", "glance", "neutron")
ENDPOINTS = (("nova", "compute", NOVA_URL), ("placement", "placement", PLACEMENT_URL), ("glance", "image", GLANCE_URL),
             ("neutron", "network", NEUTRON_URL))
VMHA_USER = "vmha"  # what vmha signs in as: evacuation asks for the role admin
APPLICATION_CREDENTIAL = {"name": "vmha-lab", "secret": "lab-application-credential"}
IMAGE = "counter"
FLAVORS = {"tiny": 1, "small": 2}
GUEST_SOURCE = Path(__file__).resolve().parent.parent / "guest" / "counter.asm"
GUEST_DISK_BYTES = 2 << 20  # the guest writes to its first half MiB


def create():
    """Run once on a keystone that was just bootstrapped."""
    cloud = Cloud()
    roles = {r["name"]: r["id"] for r in cloud.ask("GET", f"{KEYSTONE_URL}/roles")["roles"]}
    roles["service"] = cloud.ask("POST", f"{KEYSTONE_URL}/roles", {"role": {"name": "service"}})["role"]["id"]
    made = cloud.ask("POST", f"{KEYSTONE_URL}/projects", {"project": {"name": "service", "domain_id": "default"}})
    service_project = made["project"]["id"]
    admin_project = cloud.ask("GET", f"{KEYSTONE_URL}/projects?name=admin")["projects"][0]["id"]
    for name in SERVICE_USERS:
        _create_user(cloud, name, service_project, [roles["admin"], roles["service"]])
    _create_user(cloud, VMHA_USER, admin_project, [roles["admin"]])
    for name, kind, url in ENDPOINTS:
        service = cloud.ask("POST", f"{KEYSTONE_URL}/services", {"service": {"name": name, "type": kind}})["service"]["id"]
        for interface in ("public", "internal", "admin"):
            cloud.ask("POST", f"{KEYSTONE_URL}/endpoints", {"endpoint": {
                "interface": interface, "region_id": REGION, "service_id": service, "url": url}})


def application_credential():
    """The id of vmha's application credential, which is made when there is none. Keystone lets only its own user make it."""
    cloud = Cloud(VMHA_USER)
    url = f"{KEYSTONE_URL}/users/{cloud.user_id()}/application_credentials"
    for known in cloud.ask("GET", url)["application_credentials"]:
        if known["name"] == APPLICATION_CREDENTIAL["name"]:
            return known["id"]
    made = cloud.ask("POST", url, {"application_credential": {**APPLICATION_CREDENTIAL, "unrestricted": False}})
    return made["application_credential"]["id"]


def seed():
    """Flavors of 64 MB, and the counting guest as a raw image (only raw ones are cloned copy-on-write)."""
    cloud = Cloud()
    known = {f["id"] for f in cloud.nova("GET", "/flavors")["flavors"]}
    for name, number in FLAVORS.items():
        if str(number) not in known:
            disk_gib = 0 if name == "tiny" else 1  # 0: as large as the image
            cloud.nova("POST", "/flavors", {"flavor": {"name": name, "id": str(number), "vcpus": 1, "ram": 64, "disk": disk_gib}})
    if cloud.ask("GET", f"{GLANCE_URL}/v2/images?name={IMAGE}&status=active")["images"]:
        return
    image = cloud.ask("POST", f"{GLANCE_URL}/v2/images", {"name": IMAGE, "disk_format": "raw", "container_format": "bare",
                                                         "visibility": "public"})["id"]
    cloud.ask("PUT", f"{GLANCE_URL}/v2/images/{image}/file", _guest_disk())


def write_clouds_file(path):
    """clouds.yaml with vmha's user by password, the same by application credential, and the administrator."""
    def by_password(user):
        return {"auth_type": "password", "region_name": REGION, "identity_api_version": 3, "auth": {
            "auth_url": KEYSTONE_URL, "username": user, "password": PASSWORD, "project_name": "admin",
            "user_domain_name": "Default", "project_domain_name": "Default"}}
    credential = {"auth_url": KEYSTONE_URL, "application_credential_id": application_credential(),
                  "application_credential_secret": APPLICATION_CREDENTIAL["secret"]}
    clouds = {"lab": by_password(VMHA_USER), "lab-admin": by_password("admin"),
              "lab-application-credential": {"auth_type": "v3applicationcredential", "region_name": REGION,
                                             "identity_api_version": 3, "auth": credential}}
    path.write_text(json.dumps({"clouds": clouds}, indent=2) + "\n")  # JSON is YAML
    path.chmod(0o600)


def _guest_disk():
    boot_sector = STATE / "counter.bin"
    run("nasm", "-f", "bin", GUEST_SOURCE, "-o", boot_sector)
    return boot_sector.read_bytes().ljust(GUEST_DISK_BYTES, b"\0")


def _create_user(cloud, name, project, roles):
    user = cloud.ask("POST", f"{KEYSTONE_URL}/users", {"user": {"name": name, "password": PASSWORD, "domain_id": "default",
                                                               "default_project_id": project}})["user"]["id"]
    for role in roles:
        cloud.ask("PUT", f"{KEYSTONE_URL}/projects/{project}/users/{user}/roles/{role}")
