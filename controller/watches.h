#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "clients/kube/client.h"
#include "controller/mailbox.h"

namespace vmha::controller {

/// The five watches (our three kinds, Nodes, Leases of nodes), a thread each, until destroyed. An object that cannot be read is logged and left out;
/// it hides no other. CachesSynced comes once our three kinds were listed. `went_back` is called, on a watch's thread, when a ComputeNode is shown older than
/// before: the API server was restored from a backup, and nothing that this process knows holds any more.
class Watches {
 public:
  Watches(kube::Client& client, std::string ns, Mailbox& mailbox, std::function<void()> went_back);
  ~Watches();
  void stop();

  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::vector<std::jthread> threads_;
};

}  // namespace vmha::controller
