#include "clients/ceph/calls.h"

#include <system_error>

namespace vmha::ceph {

bool Calls::start(std::function<void()> body) {
  try {
    std::thread(std::move(body)).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace vmha::ceph
