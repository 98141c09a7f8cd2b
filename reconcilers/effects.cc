#include "reconcilers/effects.h"

#include <type_traits>

#include "base/overloaded.h"

namespace vmha {
namespace {

template <class T, class... Others>
constexpr bool is_one_of = (std::is_same_v<T, Others> || ...);

}  // namespace

bool is_irreversible(const Operation& operation) {
  return std::visit(
      [](const auto& op) {
        return is_one_of<std::decay_t<decltype(op)>, PowerOff, PowerOn, BlocklistAdd, BlocklistRemove, SetForcedDown, DisableService, EnableService,
                         LockServer, UnlockServer, Evacuate, StartServer, StopServer>;
      },
      operation);
}

bool asks_for_the_term_again(const Operation& operation) { return std::holds_alternative<PowerOff>(operation) || std::holds_alternative<PowerOn>(operation); }

const char* name_of(const Operation& operation) {
  return std::visit(Overloaded{
                        [](const ReadServices&) { return "ReadServices"; },
                        [](const ReadAllServers&) { return "ReadAllServers"; },
                        [](const ReadHostServers&) { return "ReadHostServers"; },
                        [](const ReadServer&) { return "ReadServer"; },
                        [](const ReadMigrations&) { return "ReadMigrations"; },
                        [](const PingImages&) { return "PingImages"; },
                        [](const ReadDisks&) { return "ReadDisks"; },
                        [](const ReadBlocklist&) { return "ReadBlocklist"; },
                        [](const ReadClusterAddresses&) { return "ReadClusterAddresses"; },
                        [](const ReadPower&) { return "ReadPower"; },
                        [](const DrillPower&) { return "DrillPower"; },
                        [](const DrillCeph&) { return "DrillCeph"; },
                        [](const ProveBlocklist&) { return "ProveBlocklist"; },
                        [](const PowerOff&) { return "PowerOff"; },
                        [](const PowerOn&) { return "PowerOn"; },
                        [](const BlocklistAdd&) { return "BlocklistAdd"; },
                        [](const BlocklistRemove&) { return "BlocklistRemove"; },
                        [](const SetForcedDown&) { return "SetForcedDown"; },
                        [](const DisableService&) { return "DisableService"; },
                        [](const EnableService&) { return "EnableService"; },
                        [](const LockServer&) { return "LockServer"; },
                        [](const UnlockServer&) { return "UnlockServer"; },
                        [](const Evacuate&) { return "Evacuate"; },
                        [](const StartServer&) { return "StartServer"; },
                        [](const StopServer&) { return "StopServer"; },
                        [](const WritePolicyStatus&) { return "WritePolicyStatus"; },
                        [](const WriteNodeStatus&) { return "WriteNodeStatus"; },
                        [](const WriteInstanceStatus&) { return "WriteInstanceStatus"; },
                        [](const PatchNodeMetadata&) { return "PatchNodeMetadata"; },
                        [](const CreateNode&) { return "CreateNode"; },
                        [](const CreateInstance&) { return "CreateInstance"; },
                        [](const DeleteNode&) { return "DeleteNode"; },
                        [](const DeleteInstance&) { return "DeleteInstance"; },
                        [](const EmitEvent&) { return "EmitEvent"; },
                    },
                    operation);
}

}  // namespace vmha
