#include "api/crd.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "api/codec_kind.h"
#include "api/names.h"
#include "api/schema.h"

namespace vmha::api {
namespace {

using Json = nlohmann::ordered_json;

KindEntry policy_entry() {
  return {.kind = kPolicyKind,
          .plural = kPolicyPlural,
          .singular = "hapolicy",
          .short_name = "hap",
          .doc = "How hosts are watched, fenced and recovered. The one named `default` is used by every resource that names no other.",
          .columns = {{"Mode", "string", ".spec.mode", "Enforce or DryRun"},
                      {"Paused", "boolean", ".spec.paused", "Observe only"},
                      {"Held", "string", ".status.conditions[?(@.type==\"Held\")].status", "The breaker holds"},
                      {"Age", "date", ".metadata.creationTimestamp", "Since it was made"}},
          .rules = {},
          .schema = policy_schema};
}

KindEntry compute_node_entry() {
  return {.kind = kComputeNodeKind,
          .plural = kComputeNodePlural,
          .singular = "computenode",
          .short_name = "cn",
          .doc = "One compute host: what proves that it is alive, how it is fenced, and what happened to it.",
          .columns = {{"Verdict", "string", ".status.verdict.value", "What the evidence says"},
                      {"Phase", "string", ".status.phase", "Summary"},
                      {"Fenced", "string", ".status.conditions[?(@.type==\"DataFenced\")].status", "Nothing of it can write to shared storage"},
                      {"Recovered", "string", ".status.recovery.progress", "Instances recovered, of all"},
                      {"Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status", "vmha can do its job for it"},
                      {"Age", "date", ".metadata.creationTimestamp", "Since it was made"}},
          .rules = {{"size(self.metadata.name) <= 200",
                     "metadata.name must have at most 200 characters: the fence id made of it must fit into nova's disabled_reason; "
                     "use a short name and spec.novaHost"}},
          .schema = compute_node_schema};
}

KindEntry protected_instance_entry() {
  return {.kind = kProtectedInstanceKind,
          .plural = kProtectedInstancePlural,
          .singular = "protectedinstance",
          .short_name = "pi",
          .doc = "One server that is started on another host when its own is lost.",
          .columns = {{"Host", "string", ".status.host", "Where it runs"},
                      {"State", "string", ".status.vmState", "As nova says it"},
                      {"Phase", "string", ".status.phase", "Summary"},
                      {"Recoverable", "string", ".status.conditions[?(@.type==\"Recoverable\")].status", "A recovery would work now"},
                      {"Priority", "integer", ".spec.priority", "Higher first"},
                      {"Age", "date", ".metadata.creationTimestamp", "Since it was made"}},
          .rules = {{"!has(self.spec.dependsOn) || !self.spec.dependsOn.exists(d, d.name == self.metadata.name)",
                     "spec.dependsOn names the instance itself; take it out"}},
          .schema = protected_instance_schema};
}

Json root_schema(const KindEntry& entry) {
  Json parts = entry.schema();
  parts["spec"]["description"] = "What is wanted.";
  parts["status"]["description"] = "What is. Written only by vmha.";
  Json root = {{"description", entry.doc}, {"type", "object"}, {"required", {"spec"}}};
  root["properties"] = {{"apiVersion", {{"type", "string"}}}, {"kind", {{"type", "string"}}}, {"metadata", {{"type", "object"}}}};
  root["properties"]["spec"] = std::move(parts["spec"]);
  root["properties"]["status"] = std::move(parts["status"]);
  for (const RootRule& rule : entry.rules) Schema::add_rule(root, rule.cel, rule.message);
  return root;
}

Json columns_of(const KindEntry& entry) {
  Json columns = Json::array();
  for (const PrinterColumn& column : entry.columns) {
    columns.push_back({{"name", column.name}, {"type", column.type}, {"jsonPath", column.path}, {"description", column.doc}});
  }
  return columns;
}

/// True if YAML readers of every kind take it for a string without quotes.
bool is_plain(const std::string& text) {
  static constexpr std::array<std::string_view, 10> kWords = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"};
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const auto is_safe = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '/' || c == '_'; };
  return !text.empty() && is_letter(static_cast<unsigned char>(text.front())) && std::ranges::all_of(text, is_safe) &&
         std::ranges::find(kWords, lower) == kWords.end();
}

void emit(YAML::Emitter& out, const Json& node) {
  if (node.is_object() && !node.empty()) {
    out << YAML::BeginMap;
    for (const auto& [key, value] : node.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (node.is_array() && !node.empty()) {
    out << YAML::BeginSeq;
    for (const Json& item : node) emit(out, item);
    out << YAML::EndSeq;
  } else if (node.is_structured()) {
    out << YAML::Flow;
    node.is_object() ? out << YAML::BeginMap << YAML::EndMap : out << YAML::BeginSeq << YAML::EndSeq;
  } else if (node.is_string() && !is_plain(node.get<std::string>())) {
    out << YAML::DoubleQuoted << node.get<std::string>();
  } else if (node.is_string()) {
    out << node.get<std::string>();
  } else {
    out << node.dump();
  }
}

}  // namespace

const std::vector<KindEntry>& kinds() {
  static const std::vector<KindEntry> kAll = {policy_entry(), compute_node_entry(), protected_instance_entry()};
  return kAll;
}

Json crd(const KindEntry& entry) {
  Json document = {{"apiVersion", "apiextensions.k8s.io/v1"}, {"kind", "CustomResourceDefinition"}};
  document["metadata"] = {{"name", fmt::format("{}.{}", entry.plural, kGroup)}};
  Json& spec = document["spec"];
  spec["group"] = kGroup;
  spec["names"] = {{"kind", entry.kind},         {"listKind", fmt::format("{}List", entry.kind)},
                   {"plural", entry.plural},     {"singular", entry.singular},
                   {"shortNames", {entry.short_name}}, {"categories", {"vmha"}}};
  spec["scope"] = "Namespaced";
  Json version = {{"name", kVersion}, {"served", true}, {"storage", true}};
  version["additionalPrinterColumns"] = columns_of(entry);
  version["subresources"] = {{"status", Json::object()}};
  version["schema"] = {{"openAPIV3Schema", root_schema(entry)}};
  spec["versions"] = Json::array({std::move(version)});
  return document;
}

std::string to_yaml(const Json& document) {
  YAML::Emitter out;
  emit(out, document);
  return std::string{"# Written by vmha-crdgen from api/; change the description there.\n"} + out.c_str() + "\n";
}

}  // namespace vmha::api
