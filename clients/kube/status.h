#pragma once

#include "base/result.h"
#include "clients/http/client.h"

namespace vmha::kube {

/// The error that a non-2xx answer means, from its metav1.Status (or its body as text, from what stands before the API server).
/// Source: k8s.io/apimachinery/pkg/api/errors, staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go (StatusReason).
[[nodiscard]] Error error_of(const http::Response& response, bool is_read);

}  // namespace vmha::kube
