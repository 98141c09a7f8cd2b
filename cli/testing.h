#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "cli/fetch.h"

namespace vmha::cli::testing {

inline const WallTime kNow = *parse_rfc3339("2026-11-23T12:00:00Z");

inline std::string read(const std::string& name) {
  std::ifstream file(std::string(VMHA_CLI_TESTDATA) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The resources of testdata/<name>.json.
inline Resources resources(const std::string& name) {
  auto made = from_list(nlohmann::json::parse(read(name + ".json")), "openstack");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

/// Compares with testdata/<name>; VMHA_WRITE_TESTDATA=1 writes it instead, for a person to look at the difference.
inline void expect_text(const std::string& name, const std::string& text) {
  if (std::getenv("VMHA_WRITE_TESTDATA") != nullptr) std::ofstream(std::string(VMHA_CLI_TESTDATA) + "/" + name) << text;
  EXPECT_EQ(text, read(name)) << name;
}

}  // namespace vmha::cli::testing
