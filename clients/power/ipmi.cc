#include "clients/power/ipmi.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

namespace vmha::power {
namespace {

constexpr const char* kPrivilege = "OPERATOR";
// A controller that needs up to 12 s for an answer is still understood, and a lost datagram costs 2 s.
constexpr const char* kSecondsATry = "2";
constexpr const char* kTries = "6";
// Asked for by number: ipmitool's own question for the best one is left unanswered by some controllers, for all its tries. 17 is HMAC-SHA256 (IPMI 2.0
// errata), 3 is HMAC-SHA1, which every IPMI 2.0 controller has unless an administrator took it away (table 22-20).
constexpr int kStrongSuite = 17;
constexpr int kOldSuite = 3;
constexpr std::size_t kMaxUsername = 16;  // IPMI 2.0, 22.28 Set User Name
constexpr std::size_t kMaxPassword = 20;  // 22.30 Set User Password

constexpr const char* kReadPower = "chassis power status\n";
constexpr const char* kReadGuid = "raw 0x06 0x37\n";  // Get System GUID, without ipmitool's own guess at the byte order
constexpr const char* kReadSession = "session info active\n";

/// What ipmitool 1.8.19 says (lib/ipmi_main.c, src/plugins/lanplus/lanplus.c), and what can be done about it. The first that is found counts.
struct Words {
  const char* text;
  ErrorKind kind;
  const char* meaning;
};
constexpr std::array<Words, 10> kWords = {{
    {"unauthorized name", ErrorKind::kForbidden, "the controller does not know the user"},
    {"HMAC is invalid", ErrorKind::kForbidden, "the controller does not accept the password"},
    {"unauthorized role", ErrorKind::kForbidden, "the user may not have the privilege level Operator, which switching power needs"},
    {"Set Session Privilege Level to", ErrorKind::kForbidden, "the user may not have the privilege level Operator, which switching power needs"},
    {"failed: Insufficient privilege level", ErrorKind::kForbidden, "the user's privilege level does not allow it"},
    {"invalid role", ErrorKind::kForbidden, "the channel does not allow the privilege level Operator"},
    {"Address lookup for", ErrorKind::kUnavailable, "the host name cannot be resolved"},
    {"insufficient resources", ErrorKind::kUnavailable, "the controller has no free session"},
    {"Error in open session response message", ErrorKind::kInvalid, "the controller opens no session with the cipher suites 17 and 3"},
    {"Unable to establish", ErrorKind::kUnavailable, "no session: it does not answer"},
}};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string with_hyphens(const std::string& digits) {
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" + digits.substr(12, 4) + "-" + digits.substr(16, 4) + "-" + digits.substr(20);
}

std::string reversed(const std::string& digits, std::size_t from, std::size_t count) {
  std::string result;
  for (std::size_t i = count; i > 0; i -= 2) result += digits.substr(from + i - 2, 2);
  return result;
}

/// Version 1 to 5 and the variant of RFC 4122.
bool makes_sense(const std::string& digits) {
  return digits[12] >= '1' && digits[12] <= '5' && std::string_view("89ab").find(digits[16]) != std::string_view::npos;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// "Chassis Power is on" (lib/ipmi_chassis.c); nullopt if it did not say.
std::optional<Reading> power_in(const std::string& output) {
  static constexpr std::string_view kStart = "Chassis Power is ";
  for (const std::string& line : lines_of(output)) {
    if (line.rfind(kStart, 0) != 0) continue;
    const std::string said = line.substr(kStart.size());
    const State state = said == "on" ? State::kOn : said == "off" ? State::kOff : State::kUnknown;
    return Reading{state, "", said};
  }
  return std::nullopt;
}

bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

// By hand: std::regex calls itself for every character, and a line of these can be as long as all that a program may say.

/// " 33 39 ...", sixteen bytes and spaces, as digits; empty for any other line.
std::string guid_of_line(const std::string& line) {
  constexpr std::size_t kBytes = 16;
  std::string digits;
  for (std::size_t i = 0; i < kBytes; ++i) {
    if (line.size() < 3 * i + 3 || line[3 * i] != ' ' || !is_hex(line[3 * i + 1]) || !is_hex(line[3 * i + 2])) return {};
    digits += line.substr(3 * i + 1, 2);
  }
  return line.find_first_not_of(' ', 3 * kBytes) == std::string::npos ? lower(digits) : std::string();
}

/// The first line of sixteen bytes, as digits; empty if there is none.
std::string guid_in(const std::string& output) {
  for (const std::string& line : lines_of(output))
    if (std::string digits = guid_of_line(line); !digits.empty()) return digits;
  return {};
}

/// The controller answered that it does not have the command: completion codes C1 (invalid command) and C9, CB, CC, CD (no such data).
bool says_no_guid(const std::string& errors) {
  return std::ranges::any_of(std::array{"c1", "c9", "cb", "cc", "cd"},
                             [&](const char* code) { return errors.find(std::string("cmd=0x37 rsp=0x") + code + ")") != std::string::npos; });
}

/// OPERATOR of "privilege level      : OPERATOR"; empty if it is not there.
std::string level_in(const std::string& output) {
  static constexpr std::string_view kName = "privilege level ";
  const std::size_t name = output.find(kName);
  if (name == std::string::npos) return {};
  const std::size_t colon = output.find_first_not_of(' ', name + kName.size());
  if (colon == std::string::npos || output.compare(colon, 2, ": ") != 0) return {};
  const std::size_t end = output.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", colon + 2);
  return output.substr(colon + 2, end == std::string::npos ? end : end - colon - 2);
}

bool has_control_character(const std::string& text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

std::string uuid_of_guid(const std::string& digits) {
  if (digits.size() != 32 || digits.find_first_not_of('0') == std::string::npos || digits.find_first_not_of('f') == std::string::npos) return {};
  const std::string smbios = reversed(digits, 0, 8) + reversed(digits, 8, 4) + reversed(digits, 12, 4) + digits.substr(16);
  const std::string ipmi = reversed(digits, 0, 32);
  for (const std::string& spelling : {smbios, digits, ipmi})
    if (makes_sense(spelling)) return with_hyphens(spelling);
  return with_hyphens(smbios);
}

Result<std::unique_ptr<Ipmi>> Ipmi::create(IpmiTarget target) {
  const std::string& who = target.endpoint;
  if (target.endpoint.rfind(':') == std::string::npos) return fail(ErrorKind::kInvalid, "IPMI {}: the port is missing", who);
  if (target.endpoint.starts_with('-')) return fail(ErrorKind::kInvalid, "IPMI {}: is no host", who);
  if (target.username.empty()) return fail(ErrorKind::kInvalid, "IPMI {}: the username is missing in the credentials Secret", who);
  if (target.username.size() > kMaxUsername) return fail(ErrorKind::kInvalid, "IPMI {}: a username has at most {} bytes", who, kMaxUsername);
  if (target.password.size() > kMaxPassword) return fail(ErrorKind::kInvalid, "IPMI {}: a password has at most {} bytes", who, kMaxPassword);
  if (has_control_character(target.username) || has_control_character(target.password))
    return fail(ErrorKind::kInvalid, "IPMI {}: the credentials Secret has a line end or another control character in username or password", who);
  return std::unique_ptr<Ipmi>(new Ipmi(std::move(target)));
}

Ipmi::Ipmi(IpmiTarget target) : target_(std::move(target)), cipher_suite_(kStrongSuite) {}

tl::unexpected<Error> Ipmi::explain(const Error& error) const { return fail(error, "IPMI {}", target_.endpoint); }

/// One session for all commands. Succeeds once ipmitool has ended, whatever it says.
Result<Finished> Ipmi::ipmitool(const std::string& commands, Instant deadline) const {
  const int suite = cipher_suite_;
  auto finished = ipmitool_with(suite, commands, deadline);
  // Refused before anything was sent: the same once more with the other suite does nothing twice.
  if (!finished || finished->errors.find("Error in open session response message") == std::string::npos) return finished;
  const int other = suite == kStrongSuite ? kOldSuite : kStrongSuite;
  auto again = ipmitool_with(other, commands, deadline);
  if (again && again->errors.find("Error in open session response message") == std::string::npos) cipher_suite_ = other;
  return again;
}

Result<Finished> Ipmi::ipmitool_with(int cipher_suite, const std::string& commands, Instant deadline) const {
  auto path = find_program(target_.folders, "ipmitool", "ipmitool");
  if (!path) return tl::unexpected(path.error());
  const std::size_t colon = target_.endpoint.rfind(':');
  std::string host = target_.endpoint.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  Program program;
  program.path = *path;
  // -v: without it a wrong password looks like a dead controller.
  program.arguments = {"-I", "lanplus", "-v", "-H", host, "-p", target_.endpoint.substr(colon + 1), "-U", target_.username, "-E", "-L", kPrivilege, "-C", std::to_string(cipher_suite),
                       "-N", kSecondsATry, "-R", kTries, "exec", "/dev/stdin"};
  program.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"LC_ALL", "C"}, {"IPMI_PASSWORD", target_.password}};
  program.input = commands;
  return run(program, deadline);
}

namespace {

/// Why a command has no answer, in words that are the same each time.
tl::unexpected<Error> trouble(const Finished& finished, const std::string& password) {
  for (const Words& words : kWords)
    if (finished.errors.find(words.text) != std::string::npos || finished.output.find(words.text) != std::string::npos) return fail(words.kind, "{}", words.meaning);
  return fail(ErrorKind::kUnavailable, "ipmitool: {}", last_words(finished.errors, {password}));
}

}  // namespace

Result<Reading> reading_of_ipmitool(const Finished& finished, const std::string& password) {
  auto reading = power_in(finished.output);
  if (!reading) return trouble(finished, password);
  const std::string guid = guid_in(finished.output);
  reading->system_uuid = uuid_of_guid(guid);
  // A machine that was known by its GUID must not pass as one without, only because an answer got lost.
  if (guid.empty() && !says_no_guid(finished.errors + finished.output))
    return fail(ErrorKind::kUnavailable, "power reads {}, but the system's GUID did not come", reading->detail);
  return *reading;
}

Result<Reading> Ipmi::read_until(Instant deadline) const {
  const auto finished = ipmitool(std::string(kReadPower) + kReadGuid, deadline);
  if (!finished) return tl::unexpected(finished.error());
  return reading_of_ipmitool(*finished, target_.password);
}

Result<Done> Ipmi::order(const std::string& word, const std::string& done, const std::string& expected_uuid, const Permit& permit, Instant deadline) const {
  if (!expected_uuid.empty()) {
    const auto reading = read_until(deadline);
    if (!reading) return tl::unexpected(reading.error());
    if (reading->system_uuid.empty() || !same_system(reading->system_uuid, lower(expected_uuid)))
      return fail(ErrorKind::kConflict, "the controller shows GUID {}, not {}: this is another machine's controller, nothing was sent",
                  reading->system_uuid.empty() ? "(none)" : reading->system_uuid, expected_uuid);
  }
  const auto until = order_until(permit, deadline);
  if (!until) return tl::unexpected(until.error());
  const auto finished = ipmitool("chassis power " + word + "\n", *until);
  if (!finished && finished.error().kind == ErrorKind::kTimeout) return fail(ErrorKind::kUnknownOutcome, "chassis power {}: no answer in time", word);
  if (!finished) return tl::unexpected(finished.error());
  if (finished->output.find(done) != std::string::npos) return Done{};
  const auto error = trouble(*finished, target_.password);
  return fail(error.value(), "chassis power {}", word);
}

Result<Drill> Ipmi::drill_until(Instant deadline) const {
  const auto reading = read_until(deadline);
  if (!reading) return tl::unexpected(reading.error());
  Drill drill{*reading, false, {}};
  const auto finished = ipmitool(kReadSession, deadline);
  const std::string level = finished ? level_in(finished->output) : std::string();
  if (level == "USER" || level == "CALLBACK")
    return fail(ErrorKind::kForbidden, "user {} gets a session of the privilege level {}: give it Operator, which switching power needs", target_.username, level);
  drill.rights_known = level == "OPERATOR" || level == "ADMINISTRATOR";
  drill.message = drill.rights_known ? "user " + target_.username + " has a session that may switch power"
                                     : "the privilege level of user " + target_.username + " cannot be read";
  if (reading->system_uuid.empty()) drill.message += "; the controller has no system GUID, only the power reading tells whose it is";
  return drill;
}

Result<Reading> Ipmi::read(std::chrono::milliseconds deadline) {
  auto reading = read_until(monotonic_now() + deadline);
  if (!reading) return explain(reading.error());
  return reading;
}

Result<Done> Ipmi::request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  auto sent = order("off", "Chassis Power Control: Down/Off", expected_uuid, permit, monotonic_now() + deadline);
  if (!sent) return explain(sent.error());
  return sent;
}

Result<Done> Ipmi::request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  auto sent = order("on", "Chassis Power Control: Up/On", expected_uuid, permit, monotonic_now() + deadline);
  if (!sent) return explain(sent.error());
  return sent;
}

Result<Drill> Ipmi::drill(std::chrono::milliseconds deadline) {
  auto drilled = drill_until(monotonic_now() + deadline);
  if (!drilled) return explain(drilled.error());
  return drilled;
}

}  // namespace vmha::power
