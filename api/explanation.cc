#include "api/explanation.h"

#include "api/codec_kind.h"
#include "api/limits.h"

namespace vmha::api {

template <class V>
void describe(SourceExplanation& s, V& v) {
  v.field("source", s.source, {.doc = "Where it comes from.", .required = true});
  v.field("state", s.state, {.doc = "Unknown is never evidence of death.", .required = true});
  v.field("since", s.since, {.doc = "When the state was first seen."});
  v.field("detail", s.detail, {.doc = "For people.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("provenAliveSecondsAgo", s.proven_alive_ago, {.doc = "The host was surely alive then."});
  v.field("lookedSecondsAgo", s.looked_ago, {.doc = "Newest successful look at the whole source."});
  v.field("gate", s.gate, {.doc = "Why the source is shut for all hosts at once.", .cut = true, .max_length = kMaxMessageBytes});
}

template <class V>
void describe(VerdictExplanation& x, V& v) {
  v.field("value", x.value, {.doc = "What the evidence says about the host.", .required = true});
  v.field("detail", x.detail, {.doc = "Why, in words.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("row", x.row, {.doc = "The row of the verdict table.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("confirmed", x.confirmed, {.doc = "It may lead to something irreversible."});
  v.field("heldSeconds", x.held, {.doc = "Judged like this for so long without a break."});
  v.field("neededSeconds", x.held_needed, {.doc = "How long it must hold before anything irreversible."});
}

template <class V>
void describe(Hold& h, V& v) {
  v.field("reason", h.reason, {.doc = "One word.", .required = true, .max_length = 64});
  v.field("message", h.message, {.doc = "For people.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("secondsLeft", h.left, {.doc = "It ends by itself after this long."});
}

template <class V>
void describe(HostExplanation& e, V& v) {
  v.field("node", e.node, {.doc = "Name of the ComputeNode.", .required = true, .max_length = kMaxNameBytes});
  v.field("time", e.time, {.doc = "When it was explained."});
  v.field("answeredBy", e.answered_by, {.doc = "<leader identity>/<lease transitions>.", .max_length = 300});
  v.field("verdict", e.verdict, {.doc = "The verdict and why.", .required = true});
  v.field("evidence", e.evidence, {.doc = "One entry a source.", .max_items = 8, .key = "source"});
  v.field("step", e.step, {.doc = "Where the host stands.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("next", e.next, {.doc = "What happens next.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("calls", e.calls, {.doc = "Acts a pass would ask for now.", .cut = true, .max_length = kMaxMessageBytes, .max_items = kMaxHolds});
  v.field("holds", e.holds, {.doc = "What holds it back.", .cut = true, .max_items = kMaxHolds});
}

nlohmann::json encode(const HostExplanation& explanation) { return Encode::object(explanation); }

Result<HostExplanation> parse_explanation(std::string_view text) {
  const auto document = parse_json(text);
  if (!document) return fail(document.error(), "explanation");
  HostExplanation out;
  Decode visitor(*document, "explanation");
  if (!document->is_object()) return fail(ErrorKind::kInvalid, "explanation: must be an object");
  visitor.read_struct(out);
  if (visitor.error()) return tl::unexpected(*visitor.error());
  return out;
}

}  // namespace vmha::api
