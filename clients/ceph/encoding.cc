#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

/// Reads Ceph's little-endian encoding; `ok` turns false at the first byte that is not there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class Number>
  Number number() {
    Number value = 0;
    const std::string_view raw = take(sizeof(Number));
    for (std::size_t i = 0; i < raw.size(); ++i)
      value = static_cast<Number>(value | (static_cast<Number>(static_cast<unsigned char>(raw[i])) << (8 * i)));
    return value;
  }
  std::string_view take(std::size_t count) {
    if (!ok_ || count > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::string_view string() { return take(number<std::uint32_t>()); }
  /// The body of a versioned struct (ENCODE_START: version, compat, length); later versions only append to it.
  Reader versioned() {
    take(2);
    Reader body(string());
    body.ok_ = ok_;
    return body;
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

/// A sockaddr as entity_addr_t carries it: family in little endian, port and address in network order.
std::optional<Address> socket_address(std::string_view raw) {
  Reader reader(raw);
  const auto family = reader.number<std::uint16_t>();
  reader.take(2);                       // port
  if (family == AF_INET6) reader.take(4);  // flow label
  const std::string_view bytes = reader.take(family == AF_INET6 ? 16 : 4);
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (!reader.ok() || (family != AF_INET && family != AF_INET6)) return std::nullopt;
  return Address{inet_ntop(family, bytes.data(), out.data(), out.size())};
}

/// entity_addr_t (msg/msg_types.h): a marker byte 1, then a versioned body {type, nonce, length, sockaddr}.
std::optional<Endpoint> entity_address(Reader& reader) {
  if (reader.number<std::uint8_t>() != 1) return std::nullopt;
  Reader body = reader.versioned();
  body.number<std::uint32_t>();
  const auto nonce = body.number<std::uint32_t>();
  const std::string_view raw = body.string();
  if (!body.ok()) return std::nullopt;
  const auto address = socket_address(raw);
  if (!address) return std::nullopt;
  return Endpoint{*address, nonce};
}

}  // namespace

std::optional<std::string> decode_string(std::string_view bytes) {
  Reader reader(bytes);
  const std::string_view text = reader.string();
  if (!reader.ok()) return std::nullopt;
  return std::string(text);
}

std::optional<std::int64_t> decode_int64(std::string_view bytes) {
  Reader reader(bytes);
  const auto value = reader.number<std::uint64_t>();
  if (!reader.ok()) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<LockOwner> decode_lock(std::string_view bytes) {
  Reader file(bytes);
  Reader info = file.versioned();
  const auto lockers = info.number<std::uint32_t>();
  if (!info.ok()) return std::nullopt;
  if (lockers == 0) return LockOwner{};
  LockOwner lock;
  lock.free = false;
  Reader locker = info.versioned();  // locker_id_t: entity_name_t {type, number}, cookie
  locker.number<std::uint8_t>();
  lock.owner.client = locker.number<std::uint64_t>();
  Reader detail = info.versioned();  // locker_info_t: expiration (two words), address, description
  detail.take(8);
  const auto endpoint = entity_address(detail);
  if (!locker.ok() || !detail.ok() || !endpoint) return std::nullopt;
  lock.owner.address = endpoint->address;
  lock.owner.nonce = endpoint->nonce;
  return lock;
}

}  // namespace vmha::ceph
