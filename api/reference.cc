#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/crd.h"
#include "api/names.h"

/// docs/reference.md out of the same schemas as the CRDs.
namespace vmha::api {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  std::string_view name;
  std::string_view doc;
};

constexpr std::array<Row, 6> kAnnotations = {{
    {kPausedAnnotation, "`true` on any resource: vmha touches nothing for it"},
    {kReleaseAnnotation, "a fence id, on a ComputeNode: return the host by hand"},
    {kApproveAnnotation, "a fence id or storm id, on a ComputeNode: let its held fence go on"},
    {kRetryAnnotation, "any new value, on a ProtectedInstance: try a Failed one again"},
    {kFenceAnnotation, "an RFC 3339 time, on a ComputeNode: fence it now; the verdict is skipped, the proof is not"},
    {kAbandonFenceAnnotation, "a fence id, on a ComputeNode being deleted: let it go although its fence stands"},
}};

constexpr std::array<Row, 11> kConditionDocs = {{
    {condition::kReady, "all kinds: vmha can do its job for this object"},
    {condition::kHeld, "HAPolicy, ComputeNode: the breaker holds an action back until a person approves"},
    {condition::kEvidenceComplete, "HAPolicy: every configured source of evidence can be read"},
    {condition::kHostFenced, "ComputeNode: power is proven off"},
    {condition::kDataFenced, "ComputeNode: power or storage is proven; nothing of the host can write to shared storage"},
    {condition::kFencingReady, "ComputeNode: the standing drill; a fence would work now"},
    {condition::kConflict, "ComputeNode: it shares a nova host, device or address with another one"},
    {condition::kRecovered, "ComputeNode, ProtectedInstance: everything runs elsewhere as before"},
    {condition::kRecoverable, "ProtectedInstance: the preflight; a recovery would work now"},
    {condition::kPlaced, "ProtectedInstance: its host satisfies its placement"},
    {condition::kAttested, "ProtectedInstance: no disk is open from the fenced host or an unexpected one"},
}};

std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

std::string type_text(const Json& schema) {
  if (schema.contains("x-kubernetes-int-or-string")) return "integer or percentage";
  if (schema.contains("enum")) {
    std::vector<std::string> names;
    for (const Json& name : schema.at("enum")) names.push_back(fmt::format("`{}`", name.get<std::string>()));
    return fmt::format("{}", fmt::join(names, " "));
  }
  if (schema.at("type") == "array") return fmt::format("list of {}", type_text(schema.at("items")));
  if (schema.contains("format") && schema.at("format") == "date-time") return "time";
  return schema.at("type").get<std::string>();
}

std::string bounds_text(const Json& schema) {
  std::vector<std::string> parts;
  const auto number = [&](const char* key) { return schema.at(key).dump(); };
  if (schema.contains("minimum") && schema.contains("maximum")) parts.push_back(number("minimum") + " to " + number("maximum"));
  if (schema.contains("maxLength") && schema.contains("type")) parts.push_back(number("maxLength") + " characters");
  if (schema.contains("maxItems")) parts.push_back(number("maxItems") + " items");
  if (schema.contains("x-kubernetes-list-map-keys")) {
    parts.push_back(fmt::format("one of each `{}`", schema.at("x-kubernetes-list-map-keys").at(0).get<std::string>()));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string default_text(const Json& schema, bool required) {
  if (required) return "required";
  if (!schema.contains("default") || schema.at("default").is_object()) return "";
  return fmt::format("`{}`", schema.at("default").dump());
}

bool is_required(const Json& schema, const std::string& name) {
  if (!schema.contains("required")) return false;
  for (const Json& one : schema.at("required")) {
    if (one == name) return true;
  }
  return false;
}

void add_rules(std::vector<std::string>& rules, const std::string& path, const Json& schema) {
  if (!schema.contains("x-kubernetes-validations")) return;
  for (const Json& rule : schema.at("x-kubernetes-validations")) {
    rules.push_back(fmt::format("- `{}`: {}\n", path, rule.at("message").get<std::string>()));
  }
}

/// Rows of the table below `path`, depth first; the rules met on the way are gathered.
void add_rows(std::string& out, std::vector<std::string>& rules, const std::string& path, const Json& schema) {
  add_rules(rules, path, schema);
  if (schema.contains("items")) return add_rows(out, rules, path + "[]", schema.at("items"));
  if (!schema.contains("properties")) return;
  for (const auto& [name, property] : schema.at("properties").items()) {
    const std::string below = path + "." + name;
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", below, cell(type_text(property)), cell(default_text(property, is_required(schema, name))),
                       bounds_text(property), cell(property.value("description", "")));
    add_rows(out, rules, below, property);
  }
}

std::string section(const KindEntry& entry) {
  std::string out = fmt::format("\n## {} (`{}`)\n\n{}\n", entry.kind, entry.short_name, entry.doc);
  const Json schemas = entry.schema();
  std::vector<std::string> rules;
  for (const RootRule& rule : entry.rules) rules.push_back(fmt::format("- `metadata.name`: {}\n", rule.message));
  for (const char* part : {"spec", "status"}) {
    out += fmt::format("\n### {}.{}\n\n| Field | Type | Default | Bounds | Meaning |\n|---|---|---|---|---|\n", entry.kind, part);
    add_rows(out, rules, part, schemas.at(part));
  }
  if (!rules.empty()) out += fmt::format("\nRules the API server checks:\n\n{}", fmt::join(rules, ""));
  return out;
}

template <std::size_t N>
std::string table(std::string_view title, const std::array<Row, N>& rows) {
  std::string out = fmt::format("\n## {}\n\n| Name | Meaning |\n|---|---|\n", title);
  for (const Row& row : rows) out += fmt::format("| `{}` | {} |\n", row.name, row.doc);
  return out;
}

}  // namespace

std::string reference() {
  std::string out = fmt::format(
      "# Reference: {}\n\n<!-- Written by vmha-crdgen from api/; change the description there. -->\n\n"
      "All resources live in the namespace that vmha watches. `kubectl get vmha -n <namespace>` lists all of them. Durations are whole seconds.\n",
      kApiVersion);
  for (const KindEntry& entry : kinds()) out += section(entry);
  out += table("Annotations people use", kAnnotations);
  out += table("Conditions", kConditionDocs);
  return out;
}

}  // namespace vmha::api
