#pragma once

#include <cstddef>
#include <rados/librados.hpp>
#include <string>
#include <vector>

#include "base/ids.h"

namespace vmha::bench {

inline constexpr const char* kPool = "vms";

/// Image number `i` of the benchmark: "<uuid>_disk", as nova names them.
[[nodiscard]] ImageId image(std::size_t i);
[[nodiscard]] std::string id_object(std::size_t i);      ///< "rbd_id.<name>", holds the id
[[nodiscard]] std::string header_object(std::size_t i);  ///< "rbd_header.<id>"

/// Writes only what a ping and a sweep touch of an RBD image (format 2): rbd_id.<name> with the encoded id, rbd_header.<id>, and the entry in rbd_directory.
/// A whole image made by librbd costs ten times as much, and its data is never looked at.
void populate(librados::IoCtx& io, std::size_t count);

/// Watches the headers of the first `count` images as their guests would, and acknowledges every notify; until stdin ends.
void stand_in_for_guests(librados::IoCtx& io, std::size_t count);

}  // namespace vmha::bench
