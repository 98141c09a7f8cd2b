"""The cloud's control plane: bus, keystone, placement, glance, neutron and nova, in the order in which they need each other."""
import signal
import socket

from . import catalog, database
from .openstack_config import ETC
from .processes import Processes, wait_for
from .rest import Cloud, answers
from .settings import (BUS_DISTRIBUTION_PORT, BUS_EPMD_PORT, BUS_PORT, CONTROL, GLANCE_URL, HOSTS, KEYSTONE_PORT, KEYSTONE_URL,
                       NEUTRON_URL, NOVA_PORT, PLACEMENT_PORT, PLACEMENT_URL, STATE)

START_SECONDS = 300
processes = Processes(STATE)


def start_databases():
    if database.is_filled():
        database.start()
        return
    if database.restore():
        database.start()
        return
    database.fill(start_keystone)
    database.keep()


def start_bus():
    folder = STATE / "rabbit"
    environment = {
        "ERL_EPMD_PORT": str(BUS_EPMD_PORT), "ERL_EPMD_ADDRESS": "127.0.0.1", "HOME": str(folder),
        "RABBITMQ_NODENAME": "lab@localhost", "RABBITMQ_DIST_PORT": str(BUS_DISTRIBUTION_PORT),
        "RABBITMQ_CONFIG_FILE": str(ETC / "rabbitmq.conf"), "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder), "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        # idle schedulers must not spin: the machine has few cores
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none"}
    processes.start("rabbit", ["setpriv", "--reuid", "rabbitmq", "--regid", "rabbitmq", "--init-groups",
                               "/usr/lib/rabbitmq/bin/rabbitmq-server"], env=environment)
    wait_for("RabbitMQ", _bus_listens, START_SECONDS)


def start_keystone():
    _start_wsgi("keystone", KEYSTONE_PORT, "/usr/bin/keystone-wsgi-public", 2,
                {"OS_KEYSTONE_CONFIG_FILES": str(ETC / "keystone" / "keystone.conf")})
    wait_for("keystone", lambda: answers(KEYSTONE_URL), START_SECONDS)


def start_placement():
    _start_wsgi("placement", PLACEMENT_PORT, "/usr/bin/placement-api", 1, {"OS_PLACEMENT_CONFIG_DIR": str(ETC / "placement")})


def start_glance():
    processes.start("glance", ["glance-api", "--config-file", ETC / "glance" / "glance-api.conf"])


def start_neutron():
    processes.start("neutron", ["neutron-server", "--config-file", ETC / "neutron" / "neutron.conf"])


def start_nova_api():
    _start_wsgi("nova-api", NOVA_PORT, "/usr/bin/nova-api-wsgi", 2, {"OS_NOVA_CONFIG_DIR": str(ETC / "nova")})


def start_nova_daemon(name):
    processes.start(name, [name, "--config-file", ETC / "nova" / "nova.conf"])


START = {
    "mariadb": database.start, "rabbit": start_bus, "keystone": start_keystone, "placement": start_placement, "glance": start_glance,
    "neutron": start_neutron, "nova-api": start_nova_api, "nova-conductor": lambda: start_nova_daemon("nova-conductor"),
    "nova-scheduler": lambda: start_nova_daemon("nova-scheduler")}


def start_services():
    """All but database and bus; returns once each answers."""
    start_keystone()
    for name in ("placement", "glance", "neutron", "nova-conductor", "nova-scheduler", "nova-api"):
        START[name]()
    for name, url in (("placement", PLACEMENT_URL), ("glance", GLANCE_URL), ("nova-api", f"http://{CONTROL}:{NOVA_PORT}/")):
        wait_for(name, lambda: processes.require_alive(name) or answers(url), START_SECONDS)
    wait_for("neutron", prime_neutron, START_SECONDS)


def prime_neutron():
    """Zed's neutron answers its first GET /ports with 500 until another list was asked for, and nova-compute ends when it meets that."""
    cloud = Cloud()
    for kind in ("networks", "ports"):
        cloud.ask("GET", f"{NEUTRON_URL}/v2.0/{kind}")
    return True


def wait_for_computes():
    """Every compute service is up (or forced down by an evacuation) and mapped to its cell."""
    cloud = Cloud()

    def all_there():
        ready = [s for s in cloud.compute_services().values() if s["state"] == "up" or s["forced_down"]]
        known = cloud.nova("GET", "/os-hypervisors")["hypervisors"]
        return len(ready) >= len(HOSTS) and len(known) >= len(HOSTS)
    wait_for("the compute services", all_there, 300, pause=0.3)


def stop(name):
    if name == "rabbit":
        # its start script is a shell that does not pass signals on, and Erlang's port mapper leaves the process group
        processes.stop(name, signal.SIGKILL)
        return
    processes.stop(name, patience=5)


def write_access():
    catalog.write_clouds_file(STATE / "clouds.yaml")


def _bus_listens():
    processes.require_alive("rabbit")
    with socket.create_connection((CONTROL, BUS_PORT), timeout=1):
        return True


def _start_wsgi(name, port, script, workers, environment):
    processes.start(name, [
        "uwsgi", "--http-socket", f"{CONTROL}:{port}", "--plugin", "python3", "--wsgi-file", script, "--master",
        "--processes", workers, "--threads", 1, "--enable-threads", "--lazy-apps", "--die-on-term", "--buffer-size", 65535,
        # uwsgi does not keep connections open, but would not say so
        "--rem-header", "Content-Length", "--add-header", "Connection: close", "--disable-logging", "--thunder-lock"],
        env=environment)
