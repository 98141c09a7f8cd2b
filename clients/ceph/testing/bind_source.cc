// Preloaded into a guest: its connections leave from $BIND_SOURCE, as if it ran on a host with that address. Ceph has no option for that.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>

extern "C" int connect(int fd, const sockaddr* address, socklen_t length) {
  using Connect = int (*)(int, const sockaddr*, socklen_t);
  static const auto real = reinterpret_cast<Connect>(dlsym(RTLD_NEXT, "connect"));
  const char* source = std::getenv("BIND_SOURCE");
  if (source != nullptr && address->sa_family == AF_INET) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    inet_pton(AF_INET, source, &from.sin_addr);
    const int one = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from);
  }
  return real(fd, address, length);
}
