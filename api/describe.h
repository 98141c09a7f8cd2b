#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/enums.h"
#include "base/ids.h"

/// Each struct of the API is described once, by a function `template <class V> void describe(Detection& d, V& v)` that names every
/// field with its bounds and every rule. Three visitors use it: Decode (api/decode.h), Encode (api/encode.h), Schema (api/schema.h);
/// CRDs and the reference come out of Schema. The visitors' interface is:
///   v.field(name, member, options)
///   v.derived(name, text, options)            written, never read: for printer columns
///   v.rule(cel, message, holds)               about the whole struct
///   v.rule_on(name, cel, message, holds)      about one field
///   v.rule_on_items(name, cel, message, holds)  about each item of a list
/// `cel` is what the API server checks; `holds` is the same question answered in C++, for objects stored under older rules.
namespace vmha::api {

struct FieldOptions {
  std::string_view doc = {};
  bool required = false;
  bool defaulted = false;  ///< the member's initial value is the API's default
  bool set = false;        ///< a list without duplicates
  bool cut = false;        ///< for people: Encode cuts it to max_length or max_items instead of having it refused
  std::optional<std::int64_t> min = std::nullopt;
  std::optional<std::int64_t> max = std::nullopt;
  std::size_t min_length = 0;
  std::size_t max_length = 0;  ///< of a string, or of each string of a list; every string has one
  std::size_t min_items = 0;
  std::size_t max_items = 0;   ///< every list has one
  std::string_view key = {};   ///< of a list of structs: the field that tells its items apart
};

/// Transition rules compare two versions of an object, which C++ never has at hand.
inline constexpr bool kOnlyTheServerKnows = true;

struct AnyVisitor;  // only to ask whether a type is described

template <class T>
concept Described = std::is_class_v<T> && requires(T& value, AnyVisitor& v) { describe(value, v); };

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsId = false;
template <class Tag>
inline constexpr bool kIsId<Id<Tag>> = true;

// Shared checks, in values.cc.

/// An IPv4 or IPv6 address, or such an address with a prefix length.
[[nodiscard]] bool is_address_or_range(std::string_view text);
/// "https://" and a host with an optional port; at most one "/" after it.
[[nodiscard]] bool is_https_origin(std::string_view text);
/// A host name or address with a port; an IPv6 address in brackets. Never begins with '-', which a program could take for an option.
[[nodiscard]] bool is_host_and_port(std::string_view text);
/// "fence_" and lower case letters, digits and '_'.
[[nodiscard]] bool is_agent_name(std::string_view text);
/// False for the programs of fence-agents that fence something else than power (fence_scsi, fence_kdump) or only pretend (fence_dummy).
[[nodiscard]] bool switches_power(std::string_view agent);
/// A letter, then letters, digits, '_' and '-': nothing that would end the line "name=value" of an agent's input early.
[[nodiscard]] bool is_parameter_name(std::string_view text);
/// `action` in all its spellings, and parameters that make an agent run another program, write a file or say more than it should.
[[nodiscard]] bool is_reserved_parameter(std::string_view name);
[[nodiscard]] bool has_control_character(std::string_view text);
/// A UUID in lower case with its four hyphens.
[[nodiscard]] bool is_uuid(std::string_view text);
/// The name of a Kubernetes object (RFC 1123 subdomain).
[[nodiscard]] bool is_object_name(std::string_view text);

// The same as is_reserved_parameter() and switches_power().
inline constexpr std::string_view kParameterCel =
    "!self.matches('^(action|option|nodename|domain|help|version|quiet|(debug|verbose).*|ssh[_-]options|.*[_-](path|script))$')";
inline constexpr std::string_view kNoPowerAgentCel =
    "!(self in ['fence_dummy', 'fence_scsi', 'fence_mpath', 'fence_kdump', 'fence_sbd', 'fence_watchdog', 'fence_evacuate', 'fence_compute', "
    "'fence_heuristics_ping', 'fence_ifmib', 'fence_brocade', 'fence_sanbox2', 'fence_cisco_mds', 'fence_crosslink', 'fence_ack_manual'])";

// Rules used by more than one kind.
inline constexpr std::string_view kNameCel = "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')";
inline constexpr std::string_view kNameMessage = "must be the name of a Kubernetes object: lower case letters, digits, '-' and '.'";

}  // namespace vmha::api
