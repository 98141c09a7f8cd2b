"""The configuration files of MariaDB, RabbitMQ and the OpenStack services, written under STATE/etc."""
import os
import shutil
from pathlib import Path

from . import ceph
from .settings import (BUS_PORT, CONTROL, DATABASE_PORT, EPHEMERAL_POOL, GLANCE_PORT, HOSTS, IMAGE_POOL, KEYSTONE_URL, LIBVIRT_SECRET,
                       NEUTRON_PORT, PASSWORD, REGION, STATE)

ETC = STATE / "etc"
LOCKS = STATE / "locks"
BUS = {"transport_url": f"rabbit://guest:guest@{CONTROL}:{BUS_PORT}/"}


def database_url(name):
    return f"mysql+pymysql://os:{PASSWORD}@127.0.0.1:{DATABASE_PORT}/{name}"


def write_all(pace):
    for folder in ("keystone", "placement", "glance", "neutron", "nova"):
        (ETC / folder).mkdir(parents=True, exist_ok=True)
    for folder in (LOCKS, STATE / "nova", STATE / "neutron", STATE / "glance" / "staging", STATE / "glance" / "tasks"):
        folder.mkdir(parents=True, exist_ok=True)
    _write_database()
    _write_bus()
    _write_keystone()
    _write_placement()
    _write_glance()
    _write_neutron()
    _write_nova_control(pace)
    for host in HOSTS.values():
        _write_nova_compute(host, pace)


def _write(path, sections):
    """An INI file out of {section: {option: value}}."""
    lines = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{option} = {value}" for option, value in options.items()]
        lines.append("")
    (ETC / path).write_text("\n".join(lines))


def _credentials(user):
    return {"auth_url": KEYSTONE_URL, "auth_type": "password", "username": user, "password": PASSWORD, "project_name": "service",
            "user_domain_name": "Default", "project_domain_name": "Default", "region_name": REGION}


def _token_check(user):
    return {"www_authenticate_uri": KEYSTONE_URL, "service_token_roles_required": "true", **_credentials(user)}


def _write_database():
    _own(STATE / "mysql", "mysql")
    _write("my.cnf", {"mariadbd": {
        "datadir": STATE / "mysql", "socket": STATE / "mysql" / "mysql.sock", "pid-file": STATE / "mysql" / "own.pid",
        "port": DATABASE_PORT, "bind-address": "127.0.0.1", "user": "mysql", "max_connections": 500,
        "character-set-server": "utf8mb3", "collation-server": "utf8mb3_general_ci", "skip-log-bin": 1, "skip-name-resolve": 1,
        # the database need not outlive a crash of the machine
        "innodb_flush_log_at_trx_commit": 0, "innodb_doublewrite": 0, "innodb_flush_method": "O_DIRECT_NO_FSYNC",
        "innodb_buffer_pool_size": "256M", "innodb_log_file_size": "48M", "performance_schema": "OFF"}})


def _write_bus():
    _own(STATE / "rabbit", "rabbitmq")
    (ETC / "rabbitmq.conf").write_text(f"""\
listeners.tcp.1 = {CONTROL}:{BUS_PORT}
loopback_users = none
log.file = false
log.console = true
log.console.level = warning
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
""")


def _write_keystone():
    _write("keystone/keystone.conf", {
        "DEFAULT": {"use_stderr": "true", "log_dir": ""},
        "database": {"connection": database_url("keystone")},
        "token": {"provider": "fernet", "expiration": 86400},
        "fernet_tokens": {"key_repository": ETC / "keystone" / "fernet-keys"},
        "credential": {"key_repository": ETC / "keystone" / "credential-keys"},
        "identity": {"password_hash_rounds": 4},
        "oslo_policy": {"policy_dirs": ETC / "keystone" / "policy.d"}})


def _write_placement():
    _write("placement/placement.conf", {
        "DEFAULT": {"use_stderr": "true"},
        "placement_database": {"connection": database_url("placement")},
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": _token_check("placement")})


def _write_glance():
    (ETC / "glance" / "ceph.conf").write_text(ceph.client_config(ceph.keyring("glance")))
    _write("glance/glance-api.conf", {
        # with the image's location shown, nova makes root disks as copy-on-write clones of it
        "DEFAULT": {"bind_host": CONTROL, "bind_port": GLANCE_PORT, "workers": 1, "use_stderr": "true",
                    "enabled_backends": "rbd:rbd", "show_image_direct_url": "true"},
        "database": {"connection": database_url("glance")},
        "glance_store": {"default_backend": "rbd"},
        "rbd": {"rbd_store_pool": IMAGE_POOL, "rbd_store_user": "glance", "rbd_store_ceph_conf": ETC / "glance" / "ceph.conf"},
        "os_glance_staging_store": {"filesystem_store_datadir": STATE / "glance" / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": STATE / "glance" / "tasks"},
        "paste_deploy": {"flavor": "keystone", "config_file": "/etc/glance/glance-api-paste.ini"},
        "oslo_concurrency": {"lock_path": LOCKS},
        "keystone_authtoken": _token_check("glance")})


def _write_neutron():
    # guests have no network; neutron is there because nova asks it about every server
    _write("neutron/neutron.conf", {
        "DEFAULT": {"bind_host": CONTROL, "bind_port": NEUTRON_PORT, "use_stderr": "true", "core_plugin": "ml2",
                    "service_plugins": "router", "auth_strategy": "keystone", "api_workers": 1, "rpc_workers": 0,
                    "rpc_state_report_workers": 0, "api_paste_config": "/etc/neutron/api-paste.ini", "state_path": STATE / "neutron",
                    "notify_nova_on_port_status_changes": "false", "notify_nova_on_port_data_changes": "false",
                    "dhcp_agent_notification": "false", **BUS},
        "database": {"connection": database_url("neutron")},
        "oslo_concurrency": {"lock_path": LOCKS},
        "keystone_authtoken": _token_check("neutron"),
        "ml2": {"type_drivers": "local", "tenant_network_types": "local", "mechanism_drivers": ""},
        "securitygroup": {"enable_security_group": "true", "firewall_driver": "noop"}})


def _nova_common(pace, heartbeat_seconds):
    return {
        "DEFAULT": {"use_stderr": "true", "pybasedir": "/usr/lib/python3/dist-packages", "rpc_response_timeout": 30,
                    "report_interval": pace.nova_report_seconds, "service_down_time": pace.nova_down_seconds,
                    "vif_plugging_is_fatal": "false", "vif_plugging_timeout": 0,
                    "periodic_fuzzy_delay": 0,  # else a new host is discovered up to a minute later
                    **BUS},
        "oslo_messaging_rabbit": {"heartbeat_timeout_threshold": heartbeat_seconds},
        "glance": _credentials("nova"),
        "placement": _credentials("nova"),
        "neutron": _credentials("nova"),
        "service_user": {"send_service_user_token": "false"},
        "vnc": {"enabled": "false"},
        "cache": {"enabled": "false"},
        "notifications": {"notification_format": "versioned", "notify_on_state_change": "vm_and_task_state",
                          "versioned_notifications_topics": "versioned_notifications"},
        "oslo_messaging_notifications": {"driver": "messagingv2"},
        "keystone_authtoken": _token_check("nova")}


def _write_nova_control(pace):
    config = _nova_common(pace, heartbeat_seconds=0)  # under uwsgi nothing answers the bus's heartbeats between two requests
    config["DEFAULT"].update({"my_ip": CONTROL, "host": "control", "state_path": STATE / "nova"})
    config.update({
        "api": {"auth_strategy": "keystone"},
        "wsgi": {"api_paste_config": "/etc/nova/api-paste.ini"},
        "api_database": {"connection": database_url("nova_api")},
        "database": {"connection": database_url("nova")},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 5},
        "quota": {"instances": -1, "cores": -1, "ram": -1, "server_groups": -1, "server_group_members": -1},
        "oslo_concurrency": {"lock_path": LOCKS}})
    _write("nova/nova.conf", config)
    paste = ETC / "nova" / "api-paste.ini"  # the WSGI script looks for it beside nova.conf
    if not paste.is_symlink():
        paste.symlink_to("/etc/nova/api-paste.ini")


def _write_nova_compute(host, pace):
    path = f"nova/{host.name}.conf"
    config = _nova_common(pace, heartbeat_seconds=10)
    config["DEFAULT"].update({
        "host": host.name, "my_ip": host.control_address, "state_path": host.folder / "state",
        "instances_path": host.folder / "instances", "compute_driver": "libvirt.LibvirtDriver", "force_raw_images": "true",
        "reserved_host_memory_mb": 512, "shutdown_timeout": 2})  # the guest knows no power button: nova would wait 60 s for it
    config.update({
        "libvirt": {"virt_type": "qemu", "cpu_mode": "none", "live_migration_scheme": "tcp",
                    "live_migration_inbound_addr": host.control_address, "images_type": "rbd", "images_rbd_pool": EPHEMERAL_POOL,
                    "images_rbd_ceph_conf": "/etc/ceph/ceph.conf", "rbd_user": "nova", "rbd_secret_uuid": LIBVIRT_SECRET,
                    "inject_partition": -2, "volume_use_multipath": "false"},
        "nova_sys_admin": {"helper_command": f"/usr/bin/privsep-helper --config-file {ETC / path}"},
        "oslo_concurrency": {"lock_path": host.folder / "lock"}})
    _write(path, config)


def _own(folder, user):
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, user, user)
    for parent in (STATE, Path(ETC)):
        os.chmod(parent, 0o755)
