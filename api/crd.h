#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

/// What vmha-crdgen writes: one CustomResourceDefinition a kind and the reference for people.
namespace vmha::api {

struct PrinterColumn {
  std::string_view name;
  std::string_view type;
  std::string_view path;
  std::string_view doc;
};

struct RootRule {
  std::string_view cel;
  std::string_view message;
};

struct KindEntry {
  std::string_view kind;
  std::string_view plural;
  std::string_view singular;
  std::string_view short_name;
  std::string_view doc;
  std::vector<PrinterColumn> columns;
  std::vector<RootRule> rules;  ///< about metadata.name, which only the root of a schema sees
  nlohmann::ordered_json (*schema)();
};

[[nodiscard]] const std::vector<KindEntry>& kinds();

/// The CustomResourceDefinition (apiextensions.k8s.io/v1).
[[nodiscard]] nlohmann::ordered_json crd(const KindEntry& entry);

/// Block-style YAML of a document, with a line that says where it comes from.
[[nodiscard]] std::string to_yaml(const nlohmann::ordered_json& document);

/// docs/reference.md.
[[nodiscard]] std::string reference();

}  // namespace vmha::api
