#include "clients/ceph/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace vmha::ceph {
namespace {

using Json = nlohmann::json;

/// The address in Ceph's own spelling (that of inet_ntop), or nullopt if it is none.
std::optional<std::string> canonical(const std::string& text, bool v6) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  const int family = v6 ? AF_INET6 : AF_INET;
  if (inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  if (inet_ntop(family, bytes.data(), out.data(), out.size()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

using AddressBytes = std::array<unsigned char, sizeof(in6_addr)>;

AddressBytes bytes_of(const std::string& base, bool v6) {
  AddressBytes bytes{};
  inet_pton(v6 ? AF_INET6 : AF_INET, base.c_str(), bytes.data());
  return bytes;
}

AddressBytes masked(AddressBytes bytes, int bits) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int keep = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<unsigned char>(bytes[i] & (0xff00U >> static_cast<unsigned>(keep)));
  }
  return bytes;
}

/// "2036-11-20T12:06:09.669320+0000", or with a space instead of the T.
std::optional<WallTime> parse_until(std::string text) {
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  const auto sign = text.find_last_of("+-");
  const bool zoned = sign != std::string::npos && sign > 10;
  if (zoned && text.size() == sign + 5) text.insert(sign + 3, ":");
  if (!zoned && !text.empty() && text.back() != 'Z') text += 'Z';
  return parse_rfc3339(text);
}

std::int64_t seconds_until(const std::string& until, WallTime now) {
  const auto time = parse_until(until);
  return time ? std::chrono::floor<seconds>(*time - now).count() : 0;  // unreadable counts as expired: never a proof
}

std::optional<BlocklistEntry> entry_of(const Json& item, WallTime now) {
  BlocklistEntry entry;
  entry.until = item.at("until").get<std::string>();
  entry.expires_in_seconds = seconds_until(entry.until, now);
  const bool range = item.contains("range");
  const auto endpoint = parse_endpoint(item.at(range ? "range" : "addr").get<std::string>());
  if (!endpoint) return std::nullopt;
  entry.address = endpoint->address;
  if (range) {  // "10.77.0.8:0/29": the prefix stands where the nonce does
    const auto target = parse_target(Address{endpoint->address.value + "/" + std::to_string(endpoint->nonce)});
    if (!target) return std::nullopt;
    entry.range = target->cidr();
  } else {
    entry.nonce = endpoint->nonce;
  }
  return entry;
}

/// The end of the first complete array or object in `json`, so that what follows can be parsed by itself.
std::size_t end_of_first(std::string_view json) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') ++i;
    else if (c == '"') quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{')) ++depth;
    else if (!quoted && (c == ']' || c == '}') && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

constexpr int kMaxDepth = 32;  // of a dump; Ceph 16 to 19 write 4 levels

void collect_addresses(const Json& node, int depth, std::vector<Address>& into) {
  if (node.is_object()) {
    const auto vec = node.find("addrvec");
    if (vec != node.end() && vec->is_array())
      for (const Json& item : *vec)
        if (const auto endpoint = parse_endpoint(item.value("addr", ""))) into.push_back(endpoint->address);
  }
  if (node.is_structured() && depth < kMaxDepth)
    for (const Json& child : node) collect_addresses(child, depth + 1, into);
}

Result<Json> parse(std::string_view json, const char* what) {
  Json parsed = Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return fail(ErrorKind::kUnavailable, "{}: not JSON", what);
  return parsed;
}

/// What `read` makes of the document; kUnavailable where a member is missing or of another type.
template <class T, class Read>
Result<T> read_document(std::string_view json, const char* what, Read&& read) {
  const auto document = parse(json, what);
  if (!document) return tl::unexpected(document.error());
  try {
    return Result<T>(read(*document));
  } catch (const Json::exception& error) {
    return fail(ErrorKind::kUnavailable, "{}: {}", what, error.what());
  }
}

Result<std::vector<BlocklistEntry>> entries_of(std::string_view array, WallTime now) {
  std::size_t bad = 0;  // counted from 1
  auto entries = read_document<std::vector<BlocklistEntry>>(array, "osd blocklist ls", [&](const Json& list) {
    std::vector<BlocklistEntry> out;
    for (const Json& item : list) {
      const auto entry = entry_of(item, now);
      if (!entry && bad == 0) bad = out.size() + 1;
      if (entry) out.push_back(*entry);
    }
    return out;
  });
  if (bad > 0) return fail(ErrorKind::kUnavailable, "osd blocklist ls: entry {} cannot be read", bad);
  return entries;
}

/// A number of placement groups, or an epoch. get() alone would take 1e300 and -8.
std::uint32_t count_of(const Json& value) {
  const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
  if (!fits) throw Json::type_error::create(302, "a number is not a whole one of 32 bits", &value);
  return value.get<std::uint32_t>();
}

/// -1 where the pool has no such tier.
bool has_tier(const Json& pool, const char* key) {
  const auto tier = pool.find(key);
  return tier != pool.end() && !(tier->is_number_integer() && tier->get<std::int64_t>() < 0);
}

PoolShape pool_of(const Json& item) {
  const Json& id = item.at("pool_id");
  PoolShape pool;
  pool.id = id.is_number_integer() ? id.get<std::int64_t>() : count_of(id);
  pool.name = item.at("pool_name").get<std::string>();
  pool.pg_num = count_of(item.at("pg_num"));
  pool.pgp_num = count_of(item.at("pg_placement_num"));
  pool.pg_num_pending = item.contains("pg_num_pending") ? count_of(item.at("pg_num_pending")) : pool.pg_num;
  pool.tiered = has_tier(item, "read_tier") || has_tier(item, "write_tier");
  return pool;
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  for (const std::string_view prefix : {"v1:", "v2:", "any:", "legacy:"})
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  const bool v6 = text.starts_with('[');
  const auto close = v6 ? text.find(']') : text.find(':');
  if (close == std::string_view::npos) return std::nullopt;
  const auto address = canonical(std::string(text.substr(v6 ? 1 : 0, close - (v6 ? 1 : 0))), v6);
  std::string_view rest = text.substr(close + (v6 ? 1 : 0));
  if (!address || !rest.starts_with(':')) return std::nullopt;
  rest.remove_prefix(1);
  const auto slash = rest.find('/');
  const auto port = number<std::uint16_t>(rest.substr(0, slash));
  const auto nonce = slash == std::string_view::npos ? std::optional<std::uint64_t>(0) : number<std::uint64_t>(rest.substr(slash + 1));
  if (!port || !nonce) return std::nullopt;
  return Endpoint{Address{*address}, *nonce};
}

std::vector<Address> parse_endpoints(std::string_view text) {
  std::vector<Address> addresses;
  if (text.starts_with("[v") && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (const auto endpoint = parse_endpoint(text.substr(0, comma))) addresses.push_back(endpoint->address);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return addresses;
}

bool Target::covers(const Target& other) const {
  return v6 == other.v6 && bits <= other.bits && masked(bytes_of(base, v6), bits) == masked(bytes_of(other.base, v6), bits);
}

Result<Target> parse_target(const Address& address) {
  Target target;
  const std::string& text = address.value;
  const auto slash = text.find('/');
  target.v6 = text.find(':') != std::string::npos;
  target.network = slash != std::string::npos;
  const int all = target.v6 ? 128 : 32;
  const auto base = canonical(text.substr(0, slash), target.v6);
  const auto bits = target.network ? number<int>(std::string_view(text).substr(slash + 1)) : std::optional<int>(all);
  if (!base || !bits || *bits < 1 || *bits > all) return fail(ErrorKind::kInvalid, "'{}' is neither an IP address nor a network like 10.77.0.8/29", text);
  target.bits = *bits;
  const AddressBytes network = masked(bytes_of(*base, target.v6), *bits);
  std::array<char, INET6_ADDRSTRLEN> out{};
  target.base = inet_ntop(target.v6 ? AF_INET6 : AF_INET, network.data(), out.data(), out.size());
  return target;
}

Result<std::vector<BlocklistEntry>> parse_blocklist(std::string_view json, WallTime now) {
  std::vector<BlocklistEntry> entries;
  int arrays = 0;
  for (; json.find('[') != std::string_view::npos; ++arrays) {
    const auto end = end_of_first(json);
    const auto list = entries_of(json.substr(0, end), now);
    if (!list) return fail(list.error(), "array {}", arrays);
    entries.insert(entries.end(), list->begin(), list->end());
    json = end == std::string_view::npos ? std::string_view() : json.substr(end);
  }
  if (arrays == 0) return fail(ErrorKind::kUnavailable, "osd blocklist ls: no list in the answer");
  return entries;
}

Result<std::vector<PoolShape>> parse_pools(std::string_view json) {
  return read_document<std::vector<PoolShape>>(json, "osd pool ls detail", [](const Json& list) {
    std::vector<PoolShape> pools;
    for (const Json& item : list) pools.push_back(pool_of(item));
    return pools;
  });
}

Result<std::uint32_t> parse_epoch(std::string_view json) {
  return read_document<std::uint32_t>(json, "osd stat", [](const Json& stat) { return count_of(stat.at("epoch")); });
}

Result<std::vector<Address>> parse_daemon_addresses(std::string_view json) {
  return read_document<std::vector<Address>>(json, "dump", [](const Json& dump) {
    std::vector<Address> addresses;
    collect_addresses(dump, 0, addresses);
    return addresses;
  });
}

}  // namespace vmha::ceph
