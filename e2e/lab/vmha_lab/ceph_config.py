"""The text of Ceph's configuration files."""

SERVER_CONFIG = """\
[global]
fsid = {fsid}
mon_host = {mon}
mon_initial_members = a
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
public_network = {network}
cluster_network = {network}
ms_bind_ipv6 = false
ms_bind_msgr1 = false
ms_async_op_threads = 1
keyring = {folder}/keyring
run_dir = {folder}/run
crash_dir = {folder}/crash
admin_socket = {folder}/run/$name.$pid.asok
log_file = {log}/$name.ceph.log
heartbeat_file =

# three OSDs on one machine: two copies, one is enough to go on
osd_pool_default_size = 2
osd_pool_default_min_size = 1
osd_pool_default_pg_num = {placement_groups}
osd_pool_default_pgp_num = {placement_groups}
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_warn_on_pool_no_redundancy = false
rbd_default_features = 61

# a dead OSD is noticed within seconds and its data is not moved away
osd_heartbeat_interval = 1
osd_heartbeat_grace = 5
mon_osd_min_down_reporters = 1
mon_osd_reporter_subtree_level = osd
mon_osd_adjust_heartbeat_grace = false
mon_osd_adjust_down_out_interval = false
mon_osd_down_out_interval = 86400

[client]
objecter_tick_interval = 1
objecter_timeout = 2
log_file =

[mon]
mon_data = {folder}/mon.a
mon_cluster_log_file = {log}/ceph-cluster.log
mon_tick_interval = 1
mon_data_avail_warn = 1
mon_data_avail_crit = 1
mon_mgr_mkfs_grace = 1000000
mon_mgr_inactive_grace = 1000000
# a change of the maps (a blocklist entry) is proposed at once, as a busy monitor of a large cluster would
paxos_propose_interval = 0.05
paxos_min_wait = 0.01

[mon.a]
host = localhost

[mgr]
mgr_data = {folder}/mgr.x
mgr_initial_modules =
mgr_tick_period = 1
mgr_stats_period = 1

[osd]
osd_data = {folder}/osd.$id
osd_objectstore = bluestore
osd_crush_update_on_start = false
osd_class_update_on_start = false
osd_recovery_delay_start = 0
osd_recovery_sleep = 0
osd_backfill_retry_interval = 1
osd_recovery_retry_interval = 1
osd_max_markdown_count = 1000000
osd_fast_shutdown = true
osd_memory_target = 939524096
osd_memory_base = 268435456
osd_memory_cache_min = 33554432
bluestore_block_size = 4294967296
bluestore_block_create = true
bluestore_block_db_path =
bluestore_block_wal_path =
bluestore_fsck_on_mount = false
bluestore_fsck_on_mkfs = false
bluestore_cache_autotune = false
bluestore_cache_size = 67108864
debug_rocksdb = 0
debug_bluefs = 0
debug_bdev = 0
"""

CLIENT_CONFIG = """\
[global]
fsid = {fsid}
mon_host = {mon}
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {keyring}
ms_bind_ipv6 = false

[client]
objecter_tick_interval = 1
objecter_timeout = 2
rbd_cache = true
log_file =
admin_socket =
"""
