#include "api/observed/nova.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace vmha::nova {

bool is_final(const Migration& migration) {
  static constexpr std::array<std::string_view, 7> kFinal = {"done", "completed", "error", "failed", "cancelled", "confirmed", "reverted"};
  return std::find(kFinal.begin(), kFinal.end(), migration.status) != kFinal.end();
}

}  // namespace vmha::nova
