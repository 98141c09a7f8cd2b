#pragma once

#include "api/describe.h"
#include "api/limits.h"
#include "api/meta.h"

namespace vmha::api {

template <class V>
void describe(ObjectMeta& m, V& v) {
  v.field("name", m.name, {.required = true});
  v.field("namespace", m.namespace_, {});
  v.field("uid", m.uid, {});
  v.field("resourceVersion", m.resource_version, {});
  v.field("generation", m.generation, {});
  v.field("labels", m.labels, {});
  v.field("annotations", m.annotations, {});
  v.field("finalizers", m.finalizers, {});
  v.field("deletionTimestamp", m.deletion_timestamp, {});
  v.field("creationTimestamp", m.creation_timestamp, {});
}

template <class V>
void describe(Condition& c, V& v) {
  v.field("type", c.type, {.doc = "Which question this answers.", .required = true, .min_length = 1, .max_length = 316});
  v.field("status", c.status, {.doc = "The answer.", .required = true});
  v.field("reason", c.reason, {.doc = "One word for programs.", .required = true, .max_length = 256});
  v.field("message", c.message, {.doc = "A sentence for people.", .required = true, .cut = true, .max_length = kMaxMessageBytes});
  v.field("lastTransitionTime", c.last_transition_time, {.doc = "When `status` changed last.", .required = true});
  v.field("observedGeneration", c.observed_generation, {.doc = "The metadata.generation this was judged for.", .min = 0});
}

template <class V>
void describe(SecretRef& s, V& v) {
  v.field("name", s.name, {.doc = "Name of a Secret in the namespace of this object.", .required = true, .min_length = 1, .max_length = kMaxNameBytes});
  v.rule_on("name", kNameCel, kNameMessage, is_object_name(s.name));
}

inline constexpr FieldOptions kConditions = {
    .doc = "The state, question by question.", .max_items = kMaxConditions, .key = "type"};
inline constexpr FieldOptions kObservedGeneration = {.doc = "The metadata.generation this status was made for.", .min = 0};

}  // namespace vmha::api
