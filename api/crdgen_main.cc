#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "api/crd.h"
#include "api/names.h"

namespace {

namespace fs = std::filesystem;

/// Every file that is generated, by its path below the root of the repository.
std::map<fs::path, std::string> generated() {
  std::map<fs::path, std::string> files;
  for (const vmha::api::KindEntry& entry : vmha::api::kinds()) {
    files[fs::path{"crds"} / fmt::format("{}_{}.yaml", vmha::api::kGroup, entry.plural)] = vmha::api::to_yaml(vmha::api::crd(entry));
  }
  files[fs::path{"docs"} / "reference.md"] = vmha::api::reference();
  return files;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// 0 if every file is as it would be written, and crds/ holds nothing else; 1 and one line for each that differs.
int check(const fs::path& root) {
  const auto files = generated();
  int wrong = 0;
  for (const auto& [path, text] : files) {
    if (read(root / path) == text) continue;
    std::cerr << "vmha-crdgen: " << path.string() << " differs from what api/ describes; run vmha-crdgen " << root.string() << '\n';
    wrong = 1;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "crds")) {
    const fs::path path = fs::path{"crds"} / entry.path().filename();
    if (path.extension() != ".yaml" || files.contains(path)) continue;
    std::cerr << "vmha-crdgen: " << path.string() << " is of no kind in api/; delete it\n";
    wrong = 1;
  }
  return wrong;
}

int write(const fs::path& root) {
  for (const auto& [path, text] : generated()) {
    fs::create_directories((root / path).parent_path());
    std::ofstream out(root / path, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
      std::cerr << "vmha-crdgen: cannot write " << (root / path).string() << '\n';
      return 1;
    }
    std::cout << path.string() << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Writes crds/*.yaml and docs/reference.md from the descriptions in api/.", "vmha-crdgen"};
  fs::path root;
  bool only_check = false;
  app.add_option("ROOT", root, "root of the repository")->required()->check(CLI::ExistingDirectory);
  app.add_flag("--check", only_check, "write nothing; fail if a file differs");
  CLI11_PARSE(app, argc, argv);
  try {
    return only_check ? check(root) : write(root);
  } catch (const std::exception& problem) {
    std::cerr << "vmha-crdgen: " << problem.what() << '\n';
    return 1;
  }
}
