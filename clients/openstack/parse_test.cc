#include "clients/openstack/parse.h"

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "clients/openstack/answer.h"

namespace vmha::openstack {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using json = nlohmann::json;

/// A real answer, recorded by testdata/record.py.
std::string recorded(const std::string& name) {
  std::ifstream in(std::string(VMHA_TESTDATA) + "/" + name + ".json");
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// A recorded refusal as the transport would hand it over.
http::Response refusal(const std::string& name) {
  const json raw = json::parse(recorded(name));
  return {raw["status"], raw["headers"], raw["body"]};
}

nova::Service service_on(const std::string& recording, const std::string& host) {
  const auto listing = parse_services(recorded(recording));
  EXPECT_TRUE(listing);
  EXPECT_EQ(listing->malformed, 0U);
  for (const auto& one : listing->items) {
    if (one.host.value == host) return one;
  }
  ADD_FAILURE() << host;
  return {};
}

nova::Server server_named(const std::string& name) {
  const auto page = parse_servers(recorded("servers"));
  EXPECT_TRUE(page);
  EXPECT_THAT(page->listing.malformed_messages, IsEmpty());
  for (const auto& one : page->listing.items) {
    if (one.name == name) return one;
  }
  ADD_FAILURE() << name;
  return {};
}

json raw_server(const std::string& name) {
  const json raw = json::parse(recorded("servers"));
  for (const json& one : raw["servers"]) {
    if (one["name"] == name) return one;
  }
  return {};
}

nova::Server shown(const std::string& recording) {
  const auto server = parse_server(recorded(recording));
  EXPECT_TRUE(server) << server.error().message;
  return server.value_or(nova::Server{});
}

nova::Migration newest(const std::string& recording) {
  const auto page = parse_migrations(recorded(recording));
  EXPECT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->listing.malformed, 0U);
  EXPECT_FALSE(page->listing.items.empty());
  return page->listing.items.empty() ? nova::Migration{} : page->listing.items.front();
}

TEST(ServiceTest, AServiceThatIsUp) {
  const auto service = service_on("services_up", "compute-3");
  EXPECT_THAT(service.id.value, SizeIs(36));
  EXPECT_TRUE(service.enabled);
  EXPECT_TRUE(service.up);
  EXPECT_TRUE(service.state_known);
  EXPECT_FALSE(service.forced_down);
  EXPECT_EQ(service.disabled_reason, "");
  EXPECT_EQ(service.zone, "nova");
  EXPECT_THAT(service.updated_at, ::testing::ContainsRegex("^20[0-9-]+T[0-9:]+\\.000000$"));
  EXPECT_THAT(parse_services(recorded("services_up"))->items, SizeIs(3));
}

TEST(ServiceTest, AServiceThatIsDownByItself) {
  const auto service = service_on("services_down", "compute-3");
  EXPECT_FALSE(service.up);
  EXPECT_TRUE(service.enabled);
  EXPECT_FALSE(service.forced_down);
  EXPECT_TRUE(service_on("services_down", "compute-1").up);
}

TEST(ServiceTest, AServiceThatIsForcedDownAndDisabledWithAReason) {
  const auto service = service_on("services_fenced", "compute-3");
  EXPECT_FALSE(service.up);
  EXPECT_FALSE(service.enabled);
  EXPECT_TRUE(service.forced_down);
  EXPECT_EQ(service.disabled_reason, "vmha: compute-3-x7k2q");
  EXPECT_EQ(service.id, service_on("services_up", "compute-3").id);
}

TEST(ServiceTest, OfACellThatIsDownTheHostAloneIsKnown) {
  // nova/api/openstack/compute/services.py, _get_service_detail: not recorded, for the lab has one cell
  const auto listing = parse_services(R"({"services": [{"binary": "nova-compute", "host": "far", "status": "UNKNOWN"}]})");
  ASSERT_TRUE(listing);
  ASSERT_THAT(listing->items, SizeIs(1));
  EXPECT_FALSE(listing->items[0].state_known);
  EXPECT_EQ(listing->items[0].host.value, "far");
  EXPECT_TRUE(listing->items[0].id.empty());
}

TEST(ServerTest, AnActiveServerWithTagsMetadataFlavorSpecsAndALock) {
  const auto server = server_named("rec-active");
  const json raw = raw_server("rec-active");
  EXPECT_EQ(server.id.value, raw["id"]);
  EXPECT_EQ(server.host.value, "compute-3");
  EXPECT_EQ(server.status, "ACTIVE");
  EXPECT_EQ(server.vm_state, "active");
  EXPECT_EQ(server.task_state, "");
  EXPECT_EQ(server.power_state, 1);
  EXPECT_EQ(server.project_id, raw["tenant_id"]);
  EXPECT_EQ(server.fault, "");
  EXPECT_TRUE(server.locked);
  EXPECT_EQ(server.locked_reason, "vmha: recording");
  EXPECT_THAT(server.metadata, ElementsAre(Pair("HA_Enabled", "True"), Pair("tier", "db")));
  EXPECT_THAT(server.tags, UnorderedElementsAre("blue", "ha"));
  EXPECT_THAT(server.flavor_extra_specs, ElementsAre(Pair("vmha:protect", "true")));
  EXPECT_EQ(server.image_id, raw["image"]["id"]);
  EXPECT_THAT(server.image_id, SizeIs(36));
  EXPECT_THAT(server.image_properties, IsEmpty());
  EXPECT_THAT(server.volumes, IsEmpty());
  EXPECT_THAT(server.server_groups, IsEmpty()) << "lists do not carry them";
}

TEST(ServerTest, AServerReadAloneShowsItsGroup) {
  const auto server = shown("server");
  EXPECT_EQ(server.name, "rec-active");
  EXPECT_EQ(server.server_groups, json::parse(recorded("server"))["server"]["server_groups"].get<std::vector<std::string>>());
  EXPECT_THAT(server.server_groups, SizeIs(1));
}

TEST(ServerTest, AStoppedServer) {
  const auto server = server_named("rec-stopped");
  EXPECT_EQ(server.status, "SHUTOFF");
  EXPECT_EQ(server.vm_state, "stopped");
  EXPECT_EQ(server.power_state, 4);
  EXPECT_FALSE(server.locked);
  EXPECT_EQ(server.locked_reason, "");
  EXPECT_THAT(server.tags, IsEmpty());
}

TEST(ServerTest, APausedServer) {
  const auto server = server_named("rec-paused");
  EXPECT_EQ(server.status, "PAUSED");
  EXPECT_EQ(server.vm_state, "paused");
  EXPECT_EQ(server.power_state, 3);
}

TEST(ServerTest, AServerThatFoundNoHostHasAFaultAndNoHost) {
  const auto server = shown("server_error");
  EXPECT_EQ(server.name, "rec-error");
  EXPECT_EQ(server.status, "ERROR");
  EXPECT_EQ(server.vm_state, "error");
  EXPECT_EQ(server.host.value, "");
  EXPECT_THAT(server.fault, HasSubstr("No valid host was found"));
  EXPECT_EQ(server.power_state, 0);
  EXPECT_EQ(server_named("rec-error").fault, "") << "a list leaves out the faults of other cells' databases, here cell0's";
}

TEST(ServerTest, AFullPageNamesTheMarkerOfTheNext) {
  const auto page = parse_servers(recorded("servers_page"));
  ASSERT_TRUE(page);
  ASSERT_THAT(page->listing.items, SizeIs(2));
  EXPECT_EQ(page->next_marker, page->listing.items.back().id.value);
  EXPECT_EQ(parse_servers(recorded("servers"))->next_marker, "");
}

TEST(ServerTest, AnAttachedVolumeIsListedAndBootFromVolumeHasNoImage) {
  json raw = raw_server("rec-active");  // the lab has no cinder: the shape of nova's own sample, doc/api_samples/servers/v2.73
  raw["os-extended-volumes:volumes_attached"] = {{{"id", "volume-1"}, {"delete_on_termination", true}}};
  raw["image"] = "";
  const auto server = parse_server(json{{"server", raw}}.dump());
  ASSERT_TRUE(server);
  EXPECT_THAT(server->volumes, ElementsAre("volume-1"));
  EXPECT_EQ(server->image_id, "");
}

TEST(ServerTest, AbsentIsNotEmpty) {
  for (const char* field : {"id", "status", "OS-EXT-SRV-ATTR:host", "OS-EXT-STS:vm_state", "OS-EXT-STS:task_state", "OS-EXT-STS:power_state", "tenant_id", "locked", "image",
                            "os-extended-volumes:volumes_attached"}) {
    json raw = raw_server("rec-active");
    ASSERT_EQ(raw.erase(field), 1U) << field;
    const auto server = parse_server(json{{"server", raw}}.dump());
    ASSERT_FALSE(server) << field;
    EXPECT_THAT(server.error().message, HasSubstr(field));
  }
}

TEST(ServerTest, AServerOfACellThatIsDownIsUnavailableNotEmpty) {
  // nova/api/openstack/compute/views/servers.py, _show_from_down_cell
  const auto server = parse_server(R"({"server": {"id": "s1", "status": "UNKNOWN", "tenant_id": "p", "created": "x", "links": []}})");
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(server.error().message, HasSubstr("s1: its cell is down"));
}

TEST(MigrationTest, EveryFieldOfALiveMigration) {
  const auto migration = newest("live_migrations_completed");
  const json raw = json::parse(recorded("live_migrations_completed"))["migrations"][0];
  EXPECT_EQ(migration.id, raw["id"]);
  EXPECT_GT(migration.id, 0);
  EXPECT_EQ(migration.uuid.value, raw["uuid"]);
  EXPECT_THAT(migration.uuid.value, SizeIs(36));
  EXPECT_EQ(migration.server.value, raw["instance_uuid"]);
  EXPECT_EQ(migration.source.value, "compute-3");
  EXPECT_EQ(migration.destination.value, "compute-2");
  EXPECT_EQ(migration.type, "live-migration");
  EXPECT_EQ(migration.status, "completed");
  EXPECT_EQ(migration.created_at, raw["created_at"]);
  EXPECT_TRUE(nova::is_final(migration));
}

TEST(MigrationTest, ALiveMigrationOnItsWay) {
  EXPECT_EQ(newest("live_migrations_accepted").status, "accepted");
  EXPECT_EQ(newest("live_migrations_preparing").status, "preparing");
  EXPECT_EQ(newest("live_migrations_running").status, "running");
  EXPECT_FALSE(nova::is_final(newest("live_migrations_running")));
  const auto server = shown("live_server_migrating_migrating");
  EXPECT_EQ(server.status, "MIGRATING");
  EXPECT_EQ(server.vm_state, "active");
  EXPECT_EQ(server.task_state, "migrating");
}

TEST(MigrationTest, AnEvacuationGoesFromAcceptedWithoutADestinationToDone) {
  const auto accepted = newest("evacuation_migrations_accepted");
  EXPECT_EQ(accepted.type, "evacuation");
  EXPECT_EQ(accepted.status, "accepted");
  EXPECT_EQ(accepted.source.value, "compute-3");
  EXPECT_EQ(accepted.destination.value, "") << "null until it is scheduled";
  EXPECT_FALSE(nova::is_final(accepted));
  const auto under_way = newest("evacuation_migrations_pre_migrating");
  EXPECT_EQ(under_way.status, "pre-migrating");
  EXPECT_THAT(under_way.destination.value, StartsWith("compute-"));
  EXPECT_EQ(newest("evacuation_migrations_done").status, "done");
  EXPECT_EQ(newest("evacuation_migrations_done").uuid, accepted.uuid);
}

TEST(MigrationTest, AServerInMidEvacuationIsStillOnItsOldHost) {
  const auto server = shown("evacuation_server_rebuild_rebuilding");
  EXPECT_EQ(server.status, "REBUILD");
  EXPECT_EQ(server.task_state, "rebuilding");
  EXPECT_EQ(server.vm_state, "stopped");
  EXPECT_EQ(server.host.value, "compute-3");
  EXPECT_EQ(shown("evacuation_server_rebuild_rebuild_spawning").task_state, "rebuild_spawning");
  const auto ended = shown("evacuation_server_shutoff_none");
  EXPECT_EQ(ended.vm_state, "stopped");
  EXPECT_NE(ended.host.value, "compute-3");
  EXPECT_EQ(ended.host, newest("evacuation_migrations_done").destination);
}

TEST(MigrationTest, NoValidHostEndsInErrorOnTheOldHost) {
  const auto migration = newest("no_host_migrations_error");
  EXPECT_EQ(migration.status, "error");
  EXPECT_EQ(migration.type, "evacuation");
  EXPECT_TRUE(nova::is_final(migration));
  EXPECT_EQ(shown("no_host_server_error_none").status, "ERROR");
  EXPECT_EQ(shown("no_host_server_error_none").fault, "") << "nova saves it a moment after the status";
  const auto server = shown("no_host_server_error_fault");
  EXPECT_EQ(server.status, "ERROR");
  EXPECT_EQ(server.host.value, "compute-3");
  EXPECT_THAT(server.fault, HasSubstr("No valid host was found"));
}

TEST(MigrationTest, OnceTheSourceHasRestartedItsEvacuationsAreCompleted) {
  const auto page = parse_migrations(recorded("migrations_from"));
  ASSERT_TRUE(page);
  std::map<std::string, int> evacuations;
  for (const auto& migration : page->listing.items) {
    EXPECT_EQ(migration.source.value, "compute-3");
    if (migration.uuid == newest("evacuation_migrations_done").uuid) {
      EXPECT_EQ(migration.status, "completed");
    }
    if (migration.type == "evacuation") ++evacuations[migration.status];
  }
  EXPECT_GE(evacuations["completed"], 1);
  EXPECT_EQ(evacuations["done"], 0);
}

TEST(MigrationTest, AFullPageNamesTheMarkerOfTheNext) {
  const auto page = parse_migrations(recorded("migrations_page"));
  ASSERT_TRUE(page);
  ASSERT_THAT(page->listing.items, SizeIs(1));
  EXPECT_EQ(page->next_marker, page->listing.items[0].uuid.value);
}

TEST(ListingTest, AMalformedElementIsReportedAndHidesNoOther) {
  json raw = json::parse(recorded("servers"));
  const std::size_t all = raw["servers"].size();
  raw["servers"][0]["locked"] = "yes";
  raw["servers"].push_back(17);
  raw["servers"].push_back(nullptr);
  const auto page = parse_servers(raw.dump());
  ASSERT_TRUE(page);
  ASSERT_THAT(page->listing.items, SizeIs(all)) << "one that is known by id and host is unknown for itself only";
  EXPECT_EQ(page->listing.items[0].id.value, raw["servers"][0]["id"].get<std::string>());
  EXPECT_EQ(page->listing.items[0].host.value, raw["servers"][0]["OS-EXT-SRV-ATTR:host"].get<std::string>());
  EXPECT_EQ(page->listing.items[0].unreadable, "locked is not a boolean");
  EXPECT_EQ(page->listing.items[1].unreadable, "");
  EXPECT_EQ(page->listing.malformed, 2U);
  EXPECT_THAT(page->listing.malformed_messages, ElementsAre("(no id): not an object", "(no id): not an object"));
}

TEST(ListingTest, TheMessagesOfMalformedElementsAreBounded) {
  const json raw{{"services", std::vector<json>(1000, 1)}};
  const auto listing = parse_services(raw.dump());
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->malformed, 1000U);
  EXPECT_THAT(listing->malformed_messages, SizeIs(kMaxMalformedMessages));
}

TEST(ListingTest, NoCutOrAlteredAnswerCrashesOrPassesForAShorterList) {
  const std::string whole = recorded("servers");
  for (std::size_t cut = 0; cut + 2 < whole.size(); cut += 97) EXPECT_FALSE(parse_servers(whole.substr(0, cut))) << cut;
  for (const char* body : {"[]", "null", "7", R"({"servers": null})", R"({"servers": 1})", "\xff\xfe"}) EXPECT_FALSE(parse_servers(body)) << body;
}

TEST(VersionTest, NovasMicroversions) {
  const auto range = parse_versions(recorded("versions"));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->max.text(), "2.93");
  EXPECT_EQ(range->min.text(), "2.1");
  EXPECT_LT((Microversion{2, 9}), (Microversion{2, 73}));
  for (const char* body : {"{}", R"({"version": {}})", R"({"version": {"version": "", "min_version": ""}})", R"({"version": {"version": "2.", "min_version": "2.1"}})"}) {
    EXPECT_FALSE(parse_versions(body)) << body;
  }
}

TEST(TokenTest, KeystonesTokenHasALifeAndACatalogue) {
  const auto token = parse_token(recorded("token"));
  ASSERT_TRUE(token) << token.error().message;
  const json raw = json::parse(recorded("token"))["token"];
  EXPECT_GT(token->lifetime, std::chrono::minutes(5));
  EXPECT_EQ(token->lifetime, *parse_rfc3339(raw["expires_at"].get<std::string>()) - *parse_rfc3339(raw["issued_at"].get<std::string>()));
  std::vector<Endpoint> compute;
  for (const Endpoint& endpoint : token->catalog) {
    if (endpoint.type == "compute") compute.push_back(endpoint);
  }
  ASSERT_FALSE(compute.empty());
  EXPECT_EQ(compute[0].region, "RegionOne");
  EXPECT_THAT(compute[0].url, HasSubstr("/v2.1"));
  std::vector<std::string> interfaces;
  for (const Endpoint& endpoint : compute) interfaces.push_back(endpoint.interface);
  EXPECT_THAT(interfaces, ::testing::Contains("public"));
}

struct Refusal {
  const char* recording;
  ErrorKind kind;
  const char* text;
};

class RefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, HasTheKindACallerCanActOnAndTheServicesOwnWords) {
  const Error error = error_of(refusal(GetParam().recording), Verb::kAct);
  EXPECT_EQ(error.kind, GetParam().kind);
  EXPECT_THAT(error.message, HasSubstr(GetParam().text));
  EXPECT_THAT(error.message, HasSubstr("(req-"));
}

INSTANTIATE_TEST_SUITE_P(Recorded, RefusalTest,
                         ::testing::Values(Refusal{"evacuate_400_source_up", ErrorKind::kInvalid, "HTTP 400: Compute service of compute-3 is still in use."},
                                           Refusal{"evacuate_409_paused", ErrorKind::kConflict, "while it is in vm_state paused"},
                                           Refusal{"evacuate_404_host", ErrorKind::kNotFound, "Compute host no-such-host not found."},
                                           Refusal{"server_404", ErrorKind::kNotFound, "could not be found"},
                                           Refusal{"nova_401", ErrorKind::kForbidden, "HTTP 401"},
                                           Refusal{"nova_406", ErrorKind::kInvalid, "2.999"},
                                           Refusal{"marker_400", ErrorKind::kInvalid, "HTTP 400: Marker"},
                                           Refusal{"unforce_400", ErrorKind::kInvalid, "`done` evacuation migration records remain"},
                                           Refusal{"keystone_401", ErrorKind::kForbidden, "HTTP 401: The request you have made requires authentication."}),
                         [](const auto& one) { return std::string(one.param.recording); });

TEST(ServersTest, AValueOfAMillionLevelsIsSurvived) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  const auto page = parse_servers(R"({"servers":[{"id":"a","OS-EXT-SRV-ATTR:host":"c","metadata":{"deep":)" + deep + "}}]}");
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(page->listing.items.size(), 1U);
  EXPECT_FALSE(page->listing.items[0].unreadable.empty());
}

}  // namespace
}  // namespace vmha::openstack
