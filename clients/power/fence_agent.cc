#include "clients/power/fence_agent.h"

#include <algorithm>
#include <set>

#include "api/describe.h"

namespace vmha::power {
namespace {

constexpr const char* kPackage = "fence-agents";

// Exit codes of fencing.py (fence-agents 4.12.1). 0 and 2 mean On and Off only for the action status; 2 is EC_BAD_ARGS, too.
struct ExitCode {
  int code;
  ErrorKind kind;
  const char* meaning;
};
constexpr ExitCode kExitCodes[] = {
    {2, ErrorKind::kInvalid, "it does not take its parameters"},
    {3, ErrorKind::kForbidden, "it cannot connect or log in"},
    {4, ErrorKind::kUnavailable, "the connection was lost"},
    {5, ErrorKind::kTimeout, "the device did not answer in time"},
    {6, ErrorKind::kTimeout, "the outlet did not go on in time"},
    {7, ErrorKind::kTimeout, "the outlet did not go off in time"},
    {8, ErrorKind::kUnavailable, "the outlet's state cannot be read, or there is no such outlet"},
    {9, ErrorKind::kUnavailable, "the outlet's state cannot be read"},
    {10, ErrorKind::kForbidden, "the password is missing"},
    {11, ErrorKind::kForbidden, "the account may not do it"},
};

constexpr int kStatusOn = 0;
constexpr int kStatusOff = 2;

/// A line that begins so, in any case of letters.
bool says(const std::string& output, const std::string& what) {
  std::string text;
  for (const char c : output) text += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text.starts_with(what) || text.find("\n" + what) != std::string::npos;
}

std::string with_underscores(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

/// fencing.py takes white space off both ends of a line and then one pair of quotes off the value.
std::string quoted(const std::string& value) {
  const bool needed = !value.empty() && (value.front() == ' ' || value.back() == ' ' || (value.front() == '"' && value.back() == '"'));
  return needed ? '"' + value + '"' : value;
}

tl::unexpected<Error> trouble(const Finished& finished, const std::vector<std::string>& secrets) {
  std::string words = last_words(finished.errors.empty() ? finished.output : finished.errors, secrets);
  for (const ExitCode& known : kExitCodes)
    if (known.code == finished.exit_code) return fail(known.kind, "{} (exit code {}): {}", known.meaning, known.code, words);
  return fail(ErrorKind::kUnavailable, "exit code {}: {}", finished.exit_code, words);
}

}  // namespace

Result<Reading> reading_of_agent(const Finished& status, const std::vector<std::string>& secrets) {
  if (status.exit_code == kStatusOn && says(status.output, "status: on")) return Reading{State::kOn, "", "On"};
  if (status.exit_code == kStatusOff && says(status.output, "status: off")) return Reading{State::kOff, "", "Off"};
  if (status.exit_code == kStatusOn) return Reading{State::kUnknown, "", last_words(status.output, {})};
  return trouble(status, secrets);
}

Result<std::unique_ptr<FenceAgent>> FenceAgent::create(FenceAgentTarget target) {
  if (!api::is_agent_name(target.agent)) return fail(ErrorKind::kInvalid, "{} is not the name of a fence agent", target.agent);
  if (!api::switches_power(target.agent)) return fail(ErrorKind::kInvalid, "{} does not switch the power of a host: its off would prove nothing", target.agent);
  std::set<std::string> names;
  for (const auto* list : {&target.parameters, &target.secrets}) {
    for (const auto& [name, value] : *list) {
      if (!api::is_parameter_name(name) || api::is_reserved_parameter(name)) return fail(ErrorKind::kInvalid, "{}: {} is no parameter that may be set", target.agent, name);
      if (api::has_control_character(value)) return fail(ErrorKind::kInvalid, "{}: the value of {} has a line end or another control character", target.agent, name);
      if (!names.insert(with_underscores(name)).second) return fail(ErrorKind::kInvalid, "{}: {} is given twice", target.agent, name);
    }
  }
  return std::unique_ptr<FenceAgent>(new FenceAgent(std::move(target)));
}

tl::unexpected<Error> FenceAgent::explain(const Error& error) const { return fail(error, "{}", target_.agent); }

Result<Finished> FenceAgent::call(const std::string& action, Instant deadline) const {
  auto path = find_program(target_.folders, target_.agent, kPackage);
  if (!path) return tl::unexpected(path.error());
  Program program;
  program.path = *path;
  program.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"LC_ALL", "C"}, {"PYTHONDONTWRITEBYTECODE", "1"}};
  program.input = "action=" + action + "\n";
  for (const auto* list : {&target_.parameters, &target_.secrets})
    for (const auto& [name, value] : *list) program.input += name + "=" + quoted(value) + "\n";
  return run(program, deadline);
}

std::vector<std::string> FenceAgent::secrets() const {
  std::vector<std::string> secrets;
  for (const auto& [name, value] : target_.secrets) secrets.push_back(value);
  return secrets;
}

Result<Done> FenceAgent::check_agent(Instant deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (checked_) return Done{};
  }
  const auto metadata = call("metadata", deadline);
  if (!metadata) return tl::unexpected(metadata.error());
  if (metadata->exit_code != 0) return trouble(*metadata, secrets());
  for (const char* action : {"off", "on", "status", "reboot"})
    if (metadata->output.find(std::string("<action name=\"") + action + "\"") == std::string::npos)
      return fail(ErrorKind::kInvalid, "it does not know the action {}: it does not switch the power of a host", action);
  for (const auto* list : {&target_.parameters, &target_.secrets}) {
    for (const auto& [name, value] : *list) {
      std::string hyphens = name;
      std::ranges::replace(hyphens, '_', '-');
      const bool known = std::ranges::any_of(std::vector<std::string>{with_underscores(name), hyphens}, [&](const std::string& spelling) {
        return metadata->output.find("<parameter name=\"" + spelling + "\"") != std::string::npos;
      });
      if (!known) return fail(ErrorKind::kInvalid, "it has no parameter {}", name);
    }
  }
  const std::lock_guard lock(mutex_);
  checked_ = Done{};
  return Done{};
}

Result<Reading> FenceAgent::read_until(Instant deadline) {
  if (const auto checked = check_agent(deadline); !checked) return tl::unexpected(checked.error());
  const auto status = call("status", deadline);
  if (!status) return tl::unexpected(status.error());
  return reading_of_agent(*status, secrets());
}

Result<Done> FenceAgent::order(const std::string& action, const std::string& expected_uuid, const Permit& permit, Instant deadline) {
  if (!expected_uuid.empty()) return fail(ErrorKind::kConflict, "system {} is expected and an agent shows none: nothing was sent", expected_uuid);
  if (const auto checked = check_agent(deadline); !checked) return tl::unexpected(checked.error());
  const auto until = order_until(permit, deadline);
  if (!until) return tl::unexpected(until.error());
  const auto finished = call(action, *until);
  if (!finished && finished.error().kind == ErrorKind::kTimeout) return fail(ErrorKind::kUnknownOutcome, "{}: it did not end in time", action);
  if (!finished) return tl::unexpected(finished.error());
  if (finished->exit_code == 0) return Done{};
  const auto error = trouble(*finished, secrets());
  return fail(error.value(), "{}", action);
}

Result<Drill> FenceAgent::drill_until(Instant deadline) {
  const auto reading = read_until(deadline);
  if (!reading) return tl::unexpected(reading.error());
  return Drill{*reading, false, "it logs in and reads; whether its account may switch off cannot be read"};
}

Result<Reading> FenceAgent::read(std::chrono::milliseconds deadline) {
  auto reading = read_until(monotonic_now() + deadline);
  if (!reading) return explain(reading.error());
  return reading;
}

Result<Done> FenceAgent::request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  auto sent = order("off", expected_uuid, permit, monotonic_now() + deadline);
  if (!sent) return explain(sent.error());
  return sent;
}

Result<Done> FenceAgent::request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  auto sent = order("on", expected_uuid, permit, monotonic_now() + deadline);
  if (!sent) return explain(sent.error());
  return sent;
}

Result<Drill> FenceAgent::drill(std::chrono::milliseconds deadline) {
  auto drilled = drill_until(monotonic_now() + deadline);
  if (!drilled) return explain(drilled.error());
  return drilled;
}

}  // namespace vmha::power
