#pragma once

#include <optional>
#include <string>

#include "reconcilers/protectedinstance/facts.h"

/// What nova has under way for one server, and which of it has died with its hosts. Internal to this room. All need view.server.
namespace vmha::protectedinstance {

/// Work of nova's that must end before an evacuation may be asked for, for people; empty: none. Needs view.fence and view.migrations.
[[nodiscard]] std::string work_in_the_way(const InstanceView& view);

/// Nothing carries this live migration on, and what it left at its destination can be seen: its source, which drives it, reads Off; its destination
/// is healthy, so that a guest there is listed as a watcher, or fenced with proof. Nova keeps such a record unfinished for ever (the source's
/// nova-compute ends it, and at its start only for servers that are still its own: nova/compute/manager.py, _init_instance).
[[nodiscard]] bool died_with_its_source(const InstanceView& view, const nova::Migration& record);

/// A live migration of this server that has not ended by nova's word; nullptr: none.
[[nodiscard]] const nova::Migration* open_live_migration(const InstanceView& view);

}  // namespace vmha::protectedinstance
