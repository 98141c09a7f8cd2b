#include <gtest/gtest.h>

#include "reconcilers/computenode/view.h"

namespace vmha::computenode {
namespace {

api::Fence fence_with(api::ProofState power, api::ProofState storage) {
  api::Fence fence;
  fence.id = FenceId{"compute-1-abcde"};
  fence.power.state = power;
  fence.storage.state = storage;
  return fence;
}

TEST(IsCalledTest, AFenceWithoutAnyUsableMethodCanStillBeGivenUp) {
  EXPECT_FALSE(is_called(fence_with(api::ProofState::kSkipped, api::ProofState::kSkipped)));
  EXPECT_FALSE(is_called(fence_with(api::ProofState::kPending, api::ProofState::kPending)));
}

TEST(IsCalledTest, OneMethodThatWasBegunIsACall) {
  EXPECT_TRUE(is_called(fence_with(api::ProofState::kRequested, api::ProofState::kSkipped)));
  EXPECT_TRUE(is_called(fence_with(api::ProofState::kSkipped, api::ProofState::kProven)));
  EXPECT_TRUE(is_called(fence_with(api::ProofState::kFailed, api::ProofState::kSkipped)));
}

}  // namespace
}  // namespace vmha::computenode
