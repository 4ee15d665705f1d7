// Backups on the embedded cluster with a stand-in for Velero.
#include "core/backup/backup.h"

#include "core/backup/recovery_points.h"
#include "core/release/lock.h"
#include "tests/unit/core/backup/simulated_velero.h"

using namespace nautilus;
using namespace nautilus::backup;
using namespace nautilus::backup::test;

TEST_CASE("a backup is made and waited for, and deleted with its data") {
  Velero velero;
  velero.with([&](const Settings& settings, const Store& store) {
    CreateOptions options;
    options.name = "before";
    options.wait = true;
    const auto made = create(settings, options);
    INFO((made.ok() ? "" : made.error().text()));
    REQUIRE(made.ok());
    CHECK(made->backup.state == State::good);
    CHECK(made->backup.environment == "test");
    CHECK(velero.get("Backup", "before")["spec"]["includedNamespaces"] == Json{"trading"});
    velero.objects.files["/BackupLog/before"] = "a line\n";
    const auto log = download(settings, store, "BackupLog", "before");
    REQUIRE(log.ok());
    CHECK(*log == "a line\n");
    CHECK(velero.cluster.server().list({"velero.io", "downloadrequests"}, Velero::kNamespace).empty());
    RemoveOptions removing;
    removing.wait = true;
    const auto removed = remove(settings, "before", removing);
    INFO((removed.ok() ? "" : removed.error().text()));
    CHECK(removed.ok());
    CHECK(velero.get("Backup", "before").is_null());
    return 0;
  });
}

TEST_CASE("killed at any write, a backup that is waited for is found by running it again") {
  int writes = 0;
  CreateOptions options;
  options.name = "before";
  options.wait = true;
  options.lock_wait = 2min;
  {
    Velero velero;
    velero.with([&](const Settings& settings, const Store&) { return create(settings, options).ok(); });
    writes = static_cast<int>(velero.connector.network().writes());
  }
  REQUIRE(writes >= 3);
  for (int n = 1; n <= writes; ++n)
    for (bool after : {false, true}) {
      CAPTURE(n);
      CAPTURE(after);
      Velero velero;
      velero.connector.network().crash_at_write(n, after);
      velero.with([&](const Settings& settings, const Store&) { return create(settings, options).ok(); });
      velero.connector.network().revive();
      velero.cluster.run_for(60s);
      const auto again = velero.with([&](const Settings& settings, const Store&) { return create(settings, options); });
      INFO((again.ok() ? "" : again.error().text()));
      REQUIRE(again.ok());
      CHECK(again->backup.state == State::good);
      CHECK(velero.cluster.server().list({"velero.io", "backups"}, Velero::kNamespace).size() == 1);
    }
}

TEST_CASE("no backup begins while somebody holds the release, nor a deploy while one is made") {
  Velero velero;
  velero.with([&](const Settings& settings, const Store&) {
    auto& cluster = settings.session.cluster;
    auto lock = release::Lock::take(cluster, "platform", "trading", {"an upgrade", {}, {}});
    REQUIRE(lock.ok());
    const auto refused = create(settings, {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::locked);
    CHECK(refused.error().text().find("an upgrade") != std::string::npos);
    REQUIRE((*lock)->release().ok());

    velero.running = false;  // so that it goes on for ever
    CreateOptions options;
    options.wait = true;
    options.timeout = 1min;
    bool tried = false;
    cluster.client().after(30s, [&] {
      tried = true;
      const auto other = release::Lock::take(cluster, "platform", "trading", {"a deploy", {}, {}});
      REQUIRE_FALSE(other.ok());
      CHECK(other.error().code == Code::locked);
    });
    const auto late = create(settings, options);
    CHECK(tried);
    REQUIRE_FALSE(late.ok());
    CHECK(late.error().code == Code::timeout);
    CHECK(late.error().hint.find("backup describe") != std::string::npos);
    return 0;
  });
}

TEST_CASE("what cannot be done is refused with what is available") {
  Velero velero;
  velero.location("archive", {{"accessMode", "ReadOnly"}}, {{"phase", "Available"}});
  velero.location("away", Json::object(), {{"phase", "Unavailable"}, {"message", "no route to host"}});
  velero.backup("good", {{"phase", "Completed"}}, {{std::string(kEnvironmentLabel), "test"}});
  velero.backup("theirs", {{"phase", "Completed"}}, {{std::string(kEnvironmentLabel), "prod"}});
  velero.backup("now", {{"phase", "InProgress"}, {"progress", {{"totalItems", 9}, {"itemsBackedUp", 3}}}});
  velero.backup("old", {{"phase", "Completed"}, {"expiration", second_text(velero.clock.now() - 1h)}});
  velero.running = false;
  velero.with([&](const Settings& settings, const Store&) {
    CreateOptions options;
    options.location = "archive";
    CHECK(create(settings, options).error().text().find("read-only") != std::string::npos);
    options.location = "away";
    CHECK(create(settings, options).error().text().find("no route to host") != std::string::npos);
    options.location = "nowhere";
    CHECK(create(settings, options).error().hint.find("archive") != std::string::npos);
    options = {};
    options.schedule = "none";
    CHECK(create(settings, options).error().code == Code::not_found);
    options = {};
    options.name = "good";
    CHECK(create(settings, options).error().code == Code::conflict);

    const auto unknown = find(settings, "godo");
    CHECK(unknown.error().code == Code::not_found);
    CHECK(unknown.error().hint.find("good") != std::string::npos);
    const auto observed = observe(settings.session.cluster, settings.velero_namespace);
    REQUIRE(observed.ok());
    struct Row {
      const char *name, *says;
    };
    for (const Row& row : {Row{"theirs", "environment prod"}, Row{"now", "in progress"}, Row{"old", "expired"}}) {
      const auto refused =
          check_usable(settings, *observed, *observed->find(row.name), For::restoring, velero.clock.now());
      REQUIRE_FALSE(refused.ok());
      CHECK(refused.error().code == Code::refused);
      CHECK(refused.error().text().find(row.says) != std::string::npos);
      CHECK(refused.error().hint.find("good") != std::string::npos);
    }
    CHECK(remove(settings, "now", {}).error().code == Code::refused);
    return 0;
  });
}

TEST_CASE("the address that Velero signs is never told") {
  Velero velero;
  velero.backup("good", {{"phase", "Completed"}});
  velero.with([&](const Settings& settings, const Store& store) {
    for (int status : {403, 500, 404}) {
      velero.objects.status = status;
      const auto failed = download(settings, store, "BackupLog", "good");
      REQUIRE_FALSE(failed.ok());
      CHECK((failed.error().text() + failed.error().hint).find("signature=") == std::string::npos);
    }
    return 0;
  });
  CHECK_FALSE(split_url("ftp://a/b").ok());
  CHECK_FALSE(split_url("https://user:pass@host/b").ok());
  CHECK_FALSE(split_url("https:///b").ok());
  CHECK(split_url("https://s3.example:9000/b/k?X=%2F")->target == "/b/k?X=%2F");
}

TEST_CASE("a cluster without Velero is told so") {
  Velero velero;
  (void)velero.cluster.server().remove({"apiextensions.k8s.io", "customresourcedefinitions"}, "", "backups.velero.io");
  velero.cluster.run_for(10s);
  velero.with([&](const Settings& settings, const Store&) {
    const auto seen = observe(settings.session.cluster, settings.velero_namespace);
    REQUIRE_FALSE(seen.ok());
    CHECK(seen.error().code == Code::not_found);
    CHECK(seen.error().text().find("Velero is not installed") != std::string::npos);
    return 0;
  });
}

TEST_CASE("what cannot be measured is not zero") {
  Velero velero;
  velero.env.promises.recovery["operatorError"].rpo_seconds = 7200;
  velero.with([&](const Settings& settings, const Store&) {
    auto observed = observe(settings.session.cluster, settings.velero_namespace);
    REQUIRE(observed.ok());
    for (const auto& point : recovery_points(settings, *observed, {}, velero.clock.now())) {
      CHECK_FALSE(point.measured.has_value());
      CHECK_FALSE(point.how.empty());
      CHECK_FALSE(point.kept());
    }
    velero.backup("good", {{"phase", "Completed"}});
    observed = observe(settings.session.cluster, settings.velero_namespace);
    const auto points = recovery_points(settings, *observed, {}, velero.clock.now());
    CHECK(points[0].measured >= port::Duration(1h));
    CHECK(points[0].kept());
    CHECK_FALSE(points[1].measured.has_value());  // it has no volumes
    return 0;
  });
}
