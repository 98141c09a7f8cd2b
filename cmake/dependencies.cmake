# Everything comes from Debian 12; docs/adr/0002-dependencies.md says why each is here.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# -O1 with line tables: the work is in waiting for other systems, and two cores compile it in minutes.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

# VMHA_SANITIZE: "" | address,undefined | thread
set(VMHA_SANITIZE "" CACHE STRING "sanitizers to build with")
if(VMHA_SANITIZE)
  # gcc 12 takes optionals for uninitialized once sanitizers have reshaped the code.
  add_compile_options(-fsanitize=${VMHA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${VMHA_SANITIZE})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(GTest REQUIRED)
find_package(CLI11 REQUIRED)
find_package(yaml-cpp REQUIRED)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
find_library(RADOS_LIBRARY rados REQUIRED)
find_library(RBD_LIBRARY rbd REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
include(GoogleTest)
