#include "api/observed/nova.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace vmha::nova {

bool is_final(const Migration& migration) {
  static constexpr std::array<std::string_view, 7> kFinal = {"done", "completed", "error", "failed", "cancelled", "confirmed", "reverted"};
  return std::find(kFinal.begin(), kFinal.end(), migration.status) != kFinal.end();
}

bool is_superseded(const Migration& migration, const std::vector<Migration>& records) {
  if (migration.type != "live-migration") return false;
  return std::any_of(records.begin(), records.end(), [&](const Migration& later) {
    return later.server == migration.server && later.id > migration.id && (later.status == "done" || later.status == "completed");
  });
}

}  // namespace vmha::nova
