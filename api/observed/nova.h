#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

/// What Nova shows, as plain values: the OpenStack client returns them, the core decides on them. Field names follow nova's API
/// (microversion 2.90); an optional is absent when nova left the field out, which is not the same as empty.
namespace vmha::nova {

/// GET /os-services?binary=nova-compute.
struct Service {
  ServiceId id;
  NovaHost host;
  bool enabled = true;           ///< status == "enabled"
  bool up = true;                ///< state == "up"; nova's own opinion, never used as our measure of staleness
  bool state_known = true;       ///< false: the cell answered no state (its database is away)
  bool forced_down = false;
  std::string disabled_reason;
  std::string updated_at;        ///< the heartbeat, verbatim: only ever compared with its own previous value
  std::string zone;
  auto operator<=>(const Service&) const = default;
};

/// GET /servers/detail and /servers/{id}.
struct Server {
  ServerId id;
  std::string name;
  NovaHost host;                 ///< OS-EXT-SRV-ATTR:host; empty when unscheduled or shelved-offloaded
  std::string status;            ///< ACTIVE SHUTOFF ERROR PAUSED REBUILD ...
  std::string vm_state;          ///< active stopped error paused suspended rescued resized shelved shelved_offloaded building ...
  std::string task_state;        ///< empty when none
  int power_state = 0;           ///< 0 nostate 1 running 3 paused 4 shutdown 6 crashed 7 suspended
  std::string project_id;
  std::string fault;             ///< fault.message, when in ERROR
  bool locked = false;
  std::string locked_reason;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> tags;
  std::map<std::string, std::string> flavor_extra_specs;
  std::map<std::string, std::string> image_properties;  ///< empty unless the image's properties were asked for
  std::string image_id;          ///< empty for boot from volume
  std::vector<std::string> volumes;       ///< os-extended-volumes:volumes_attached ids
  std::vector<std::string> server_groups; ///< ids, at most one today
  std::string unreadable;                 ///< why nova's answer about it cannot be read; then only id and host are known. Empty: it was read
  bool operator==(const Server&) const = default;
};

/// GET /os-migrations. Types: evacuation, live-migration, migration, resize.
struct Migration {
  std::int64_t id = 0;           ///< integer id
  MigrationUuid uuid;
  ServerId server;
  NovaHost source;               ///< source_compute
  NovaHost destination;          ///< dest_compute; empty until scheduled
  std::string type;
  std::string status;            ///< accepted queued preparing pre-migrating running post-migrating done completed error failed cancelled ...
  std::string created_at;
  bool operator==(const Migration&) const = default;
};

/// True once nova will not work on it any more (nova/objects/migration.py; `done` of an evacuation still waits for its source to restart).
[[nodiscard]] bool is_final(const Migration& migration);

/// A live migration that died with its hosts and stays unfinished in nova for ever: a later record of the same server ended well, which nova
/// begins only once nobody works on the earlier one.
[[nodiscard]] bool is_superseded(const Migration& migration, const std::vector<Migration>& records);

}  // namespace vmha::nova
