"""MariaDB with the databases of the cloud. Their first filling is slow, so it is kept in the cache folder for the next lab."""
import concurrent.futures
import hashlib
import os
import shutil
from pathlib import Path

from . import catalog
from .commands import run
from .kube_assets import cache_folder
from .openstack_config import ETC, database_url
from .packages import debian_versions
from .processes import Processes, wait_for
from .settings import KEYSTONE_URL, PASSWORD, REGION, STATE

DATABASES = ("keystone", "placement", "glance", "neutron", "nova", "nova_api", "nova_cell0")
DATA = STATE / "mysql"
KEYS = ("fernet-keys", "credential-keys")  # without them a kept keystone database is worth nothing
processes = Processes(STATE)


def start():
    processes.start("mariadb", ["mariadbd", f"--defaults-file={ETC}/my.cnf"])
    wait_for("MariaDB", lambda: processes.require_alive("mariadb") or _sql("select 1"), 180)


def is_filled():
    return (STATE / "database-filled").exists()


def restore():
    """Takes the filled databases from the cache; False when there are none that fit these packages and this code."""
    kept = _kept()
    if not (kept / "complete").exists():
        return False
    shutil.rmtree(DATA, ignore_errors=True)
    run("cp", "-a", kept / "mysql", DATA)
    for name in KEYS:
        run("cp", "-a", kept / name, ETC / "keystone" / name)
    (STATE / "database-filled").touch()
    return True


def fill(start_keystone):
    """Makes the databases, their tables and keystone's catalogue. MariaDB runs afterwards, keystone too."""
    run("mariadb-install-db", f"--defaults-file={ETC}/my.cnf", "--auth-root-authentication-method=normal", "--skip-test-db", seconds=600)
    start()
    for name in DATABASES:
        _sql(f"create database {name} character set utf8mb3")
        for place in ("127.0.0.1", "localhost"):
            _sql(f"grant all on {name}.* to os@'{place}' identified by '{PASSWORD}'")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:  # each is a slow start of Python: as many side by side as help
        for filled in [pool.submit(job) for job in (_fill_nova, _fill_keystone, _fill_others)]:
            filled.result()
    start_keystone()
    catalog.create()
    (STATE / "database-filled").touch()


def keep():
    """Copies the filled databases to the cache. MariaDB is stopped for it and started again."""
    kept = _kept()
    for older in cache_folder().glob("databases-*"):
        shutil.rmtree(older)
    kept.mkdir(parents=True)
    processes.stop("mariadb", patience=30)
    run("cp", "-a", DATA, kept / "mysql")
    for name in KEYS:
        run("cp", "-a", ETC / "keystone" / name, kept / name)
    (kept / "complete").touch()
    start()


def _kept():
    digest = hashlib.sha256(debian_versions().encode())
    for source in ("database.py", "catalog.py", "settings.py"):
        digest.update((Path(__file__).parent / source).read_bytes())
    return cache_folder() / f"databases-{digest.hexdigest()[:16]}"


def _fill_keystone():
    manage = ["keystone-manage", "--config-file", ETC / "keystone" / "keystone.conf"]
    run(*manage, "db_sync", seconds=900)
    for what in ("fernet_setup", "credential_setup"):
        run(*manage, what, "--keystone-user", "root", "--keystone-group", "root")
    run(*manage, "bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", REGION, "--bootstrap-public-url", KEYSTONE_URL,
        "--bootstrap-internal-url", KEYSTONE_URL, "--bootstrap-admin-url", KEYSTONE_URL, seconds=600)


def _fill_nova():
    manage = ["nova-manage", "--config-file", ETC / "nova" / "nova.conf"]
    run(*manage, "api_db", "sync", seconds=900)
    run(*manage, "cell_v2", "map_cell0", "--database_connection", database_url("nova_cell0"), seconds=600)
    run(*manage, "cell_v2", "create_cell", "--name", "cell1", seconds=600)
    run(*manage, "db", "sync", seconds=900)


def _fill_others():
    run("placement-manage", "--config-file", ETC / "placement" / "placement.conf", "db", "sync", seconds=900,
        env={**os.environ, "OS_PLACEMENT_CONFIG_DIR": str(ETC / "placement")})
    run("glance-manage", "--config-file", ETC / "glance" / "glance-api.conf", "db_sync", seconds=900)
    run("neutron-db-manage", "--config-file", ETC / "neutron" / "neutron.conf", "upgrade", "heads", seconds=900)


def _sql(statement):
    run("mariadb", "--no-defaults", "-uroot", "-S", DATA / "mysql.sock", data=statement)
    return True
