#!/bin/bash
# A real Ceph of one mon and a few OSDs on loopback, for tests: no root, no systemd, no mgr. Up in about a second; pools take writes a moment later.
#   cluster.sh run                start, print "up", stop and remove everything at the end of stdin (so also when the test dies)
#   cluster.sh start | stop       the same in two steps; stop also removes the folder
#   cluster.sh kill9 NAME         kill -9 of mon.a or osd.N
#   cluster.sh restart NAME       starts it again; keeps its data only with STORE=bluestore
# Environment: D folder (short: socket paths end at 107 characters), PORT of the mon, OSDS (3), STORE memstore|bluestore, WATCH_TIMEOUT seconds (30).
set -euo pipefail
unset CEPH_CONF CEPH_ARGS
D=${D:?a folder} PORT=${PORT:-16789} OSDS=${OSDS:-3} STORE=${STORE:-memstore} WATCH_TIMEOUT=${WATCH_TIMEOUT:-30}
CONF=$D/ceph.conf

write_conf() {
  cat >"$CONF" <<EOF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$PORT]
mon_initial_members = a
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_ipv6 = false
ms_bind_msgr1 = false
ms_async_op_threads = 1
keyring = $D/keyring
run_dir = $D/run
admin_socket = $D/run/\$name.\$pid.asok
log_file = $D/log/\$name.log
crash_dir = $D/crash
heartbeat_file =
osd_pool_default_size = 2
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_warn_on_pool_no_redundancy = false
auth_allow_insecure_global_id_reclaim = false
osd_client_watch_timeout = $WATCH_TIMEOUT
[client]
log_file =
admin_socket =
[mon]
mon_data = $D/mon.a
mon_cluster_log_file = $D/log/cluster.log
mon_data_avail_warn = 1
mon_data_avail_crit = 1
mon_mgr_mkfs_grace = 1000000
mon_mgr_inactive_grace = 1000000
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
[osd]
osd_data = $D/osd.\$id
osd_objectstore = $STORE
osd_crush_update_on_start = false
osd_class_update_on_start = false
osd_fast_shutdown = true
memstore_device_bytes = 1073741824
bluestore_block_size = 2147483648
bluestore_cache_autotune = false
bluestore_cache_size = 67108864
EOF
}

entity() {  # NAME CAP... : adds a key to the keyring that the mon imports
  local name=$1; shift
  ceph-authtool "$D/keyring" --gen-key -n "$name" "$@" >/dev/null
}

write_keys() {
  : >"$D/keyring"
  entity mon. --cap mon 'allow *'
  entity client.admin --cap mon 'allow *' --cap osd 'allow *'
  for ((i = 0; i < OSDS; i++)); do entity osd.$i --cap mon 'allow profile osd' --cap osd 'allow *'; done
}

spawn() {  # NAME: a daemon in the background, its pid in a file
  case $1 in
    mon.*) set -- "$1" ceph-mon -c "$CONF" -i a -f ;;
    osd.*) set -- "$1" ceph-osd -c "$CONF" -i "${1#osd.}" -f --no-mon-config ;;
  esac
  local name=$1; shift
  setsid "$@" </dev/null >>"$D/log/$name.out" 2>&1 &
  echo $! >"$D/run/$name.pid"
  disown  # no message when it is killed
}

start() {
  [ -e "$CONF" ] && { echo "$D is in use" >&2; exit 1; }
  mkdir -p "$D"/{log,run,mon.a}
  write_conf
  write_keys
  local fsid; fsid=$(sed -n 's/^fsid = //p' "$CONF")
  monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$PORT]" "$D/monmap" >/dev/null
  osdmaptool -c "$CONF" --createsimple "$OSDS" --clobber "$D/osdmap" >/dev/null 2>&1
  ceph-mon -c "$CONF" -i a --mkfs --monmap "$D/monmap" --osdmap "$D/osdmap" --keyring "$D/keyring" >>"$D/log/mon.mkfs.out" 2>&1
  spawn mon.a
  local pids=()
  for ((i = 0; i < OSDS; i++)); do
    mkdir "$D/osd.$i"
    ceph-osd -c "$CONF" -i $i --mkfs --osd-uuid "$(cat /proc/sys/kernel/random/uuid)" --no-mon-config --monmap "$D/monmap" >>"$D/log/osd.$i.mkfs.out" 2>&1 &
    pids+=($!)
  done
  for p in "${pids[@]}"; do wait "$p" || { tail -n 5 "$D"/log/*.mkfs.out >&2; exit 1; }; done
  for ((i = 0; i < OSDS; i++)); do spawn osd.$i; done
}

kill9() {
  local file=$D/run/$1.pid
  [ -e "$file" ] || return 0
  kill -KILL "$(cat "$file")" 2>/dev/null || :
  rm -f "$file"
}

stop() {
  for file in "$D"/run/*.pid; do [ -e "$file" ] && kill9 "$(basename "$file" .pid)"; done
  for _ in 1 2 3 4 5; do rm -rf "$D" 2>/dev/null && break; done  # a daemon that is just dying may still write a file
}

case ${1:-} in
  run) trap stop EXIT; start; echo up; cat >/dev/null ;;
  start) start ;;
  stop) stop ;;
  kill9) kill9 "$2" ;;
  restart) spawn "$2" ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
