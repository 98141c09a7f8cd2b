#include "api/schema.h"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "api/codec_kind.h"

namespace vmha::api {
namespace {

using Json = nlohmann::ordered_json;

struct Boundless {
  std::string name;
  std::vector<std::string> list;
};
template <class V>
void describe(Boundless& b, V& v) {
  v.field("list", b.list, {.max_length = 9});
}

struct BoundlessText {
  std::string name;
};
template <class V>
void describe(BoundlessText& b, V& v) {
  v.field("name", b.name, {});
}

TEST(SchemaTest, AFieldWithoutABoundIsRefusedWhenTheCrdsAreWritten) {
  EXPECT_THROW(std::ignore = Schema::object<Boundless>(), std::logic_error);
  EXPECT_THROW(std::ignore = Schema::object<BoundlessText>(), std::logic_error);
}

void expect_documented(const std::string& path, const Json& schema) {
  if (schema.contains("items")) return expect_documented(path + "[]", schema.at("items"));
  if (!schema.contains("properties")) return;
  for (const auto& [name, property] : schema.at("properties").items()) {
    EXPECT_NE(property.value("description", ""), "") << path << '.' << name;
    expect_documented(path + "." + name, property);
  }
}

TEST(SchemaTest, EveryFieldSaysWhatItMeans) {
  for (const auto& schema : {policy_schema(), compute_node_schema(), protected_instance_schema()}) {
    expect_documented("spec", schema.at("spec"));
    expect_documented("status", schema.at("status"));
  }
}

TEST(SchemaTest, DefaultsComeFromTheMembers) {
  const Json detection = policy_schema().at("spec").at("properties").at("detection");
  EXPECT_EQ(detection.at("properties").at("novaStaleSeconds").at("default"), 20);
  EXPECT_EQ(detection.at("default").at("novaStaleSeconds"), 20) << "so that it is applied where detection is absent";
  EXPECT_EQ(policy_schema().at("spec").at("required"), Json::array({"mode"}));
}

TEST(SchemaTest, AStatusHasNoDefaults) {
  for (const auto& schema : {policy_schema(), compute_node_schema(), protected_instance_schema()}) {
    EXPECT_EQ(schema.at("status").dump().find("\"default\":"), std::string::npos);
  }
}

}  // namespace
}  // namespace vmha::api
