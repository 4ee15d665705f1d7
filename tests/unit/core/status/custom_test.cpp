#include <doctest/doctest.h>

#include "core/status/status.h"
#include "core/value/yaml.h"

namespace nautilus::status {
namespace {

struct Row {
  std::string object, want;
};

void check(const Row& row) {
  CAPTURE(row.object);
  const Verdict verdict = compute(value::parse_yaml(row.object, "test").value());
  CHECK(fmt::format("{} {}: {}", name(verdict.state), verdict.reason, verdict.message) == row.want);
}

}  // namespace

TEST_CASE("kinds nobody knows follow the standard conditions") {
  const Row rows[] = {
      {"{apiVersion: x.io/v1, kind: Thing, metadata: {generation: 3}}", "Current Current: "},
      {"{apiVersion: x.io/v1, kind: Thing, status: {}}", "Current Current: "},
      {"{apiVersion: x.io/v1, kind: Thing, status: {conditions: nonsense}}", "Current Current: "},
      {"{apiVersion: x.io/v1, kind: Thing, metadata: {generation: 3}, status: {observedGeneration: 2, conditions: "
       "[{type: Ready, status: 'True'}]}}",
       "InProgress LatestGenerationNotObserved: generation 3 is not observed yet (at 2)"},
      {"{apiVersion: cert-manager.io/v1, kind: Certificate, status: {conditions: [{type: Ready, status: 'False', "
       "reason: DoesNotExist, message: no secret}]}}",
       "InProgress NotReady: DoesNotExist: no secret"},
      {"{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, status: {conditions: [{type: Available, status: "
       "'False', reason: NoPodReady}, {type: Reconciled, status: 'True'}]}}",
       "InProgress NotAvailable: NoPodReady"},
      {"{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, status: {conditions: [{type: Available, status: "
       "'True'}, {type: Reconciled, status: 'True'}]}}",
       "Current Current: "},
      {"{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, status: {conditions: [{type: Accepted, status: "
       "'True'}, {type: Programmed, status: Unknown, message: 'Waiting for controller'}]}}",
       "InProgress NotProgrammed: Waiting for controller"},
      {"{apiVersion: x.io/v1, kind: Thing, status: {conditions: [{type: Ready, status: 'True'}, {type: Available, "
       "status: 'False', message: \"a\\nb\"}]}}",
       "InProgress NotAvailable: a\\nb"},
      {"{apiVersion: x.io/v1, kind: Thing, status: {conditions: [{type: Reconciling, status: 'True', reason: Busy}, "
       "{type: Ready, status: 'True'}]}}",
       "InProgress Reconciling: Busy"},
      {"{apiVersion: x.io/v1, kind: Thing, status: {conditions: [{type: Stalled, status: 'True', message: gone}]}}",
       "Failed Stalled: gone"},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("operators that say it in words of their own are understood") {
  const Row rows[] = {
      {"{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute}", "Current Current: "},
      {"{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, status: {parents: [{conditions: [{type: Accepted, "
       "status: 'True'}]}, {conditions: [{type: ResolvedRefs, status: 'False', reason: BackendNotFound}]}]}}",
       "InProgress NotResolvedRefs: BackendNotFound"},
      {"{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, status: {parents: [{conditions: [{type: Accepted, "
       "status: 'True'}]}]}}",
       "Current Current: "},
      {"{apiVersion: elasticsearch.k8s.elastic.co/v1, kind: Elasticsearch}", "Current Current: "},
      {"{apiVersion: elasticsearch.k8s.elastic.co/v1, kind: Elasticsearch, status: {phase: ApplyingChanges, health: "
       "green}}",
       "InProgress ApplyingChanges: phase ApplyingChanges"},
      {"{apiVersion: elasticsearch.k8s.elastic.co/v1, kind: Elasticsearch, status: {phase: Ready, health: yellow}}",
       "Current Current: "},
      {"{apiVersion: elasticsearch.k8s.elastic.co/v1, kind: Elasticsearch, status: {phase: Invalid}}",
       "Failed Invalid: its specification is refused by the operator"},
      {"{apiVersion: kibana.k8s.elastic.co/v1, kind: Kibana, status: {health: red}}",
       "InProgress HealthRed: health is red"},
      {"{apiVersion: velero.io/v1, kind: BackupStorageLocation, status: {phase: Unavailable, message: no bucket}}",
       "InProgress Unavailable: no bucket"},
      {"{apiVersion: velero.io/v1, kind: BackupStorageLocation, status: {phase: Available}}", "Current Current: "},
      {"{apiVersion: velero.io/v1, kind: Schedule, status: {phase: FailedValidation, validationErrors: [bad cron]}}",
       "Failed FailedValidation: bad cron"},
      {"{apiVersion: velero.io/v1, kind: Schedule, status: {phase: Enabled}}", "Current Current: "},
      {"{apiVersion: argoproj.io/v1alpha1, kind: Application, status: {health: {status: Missing}}}",
       "Current Current: "},
      // The same words in another group mean nothing.
      {"{apiVersion: example.io/v1, kind: Elasticsearch, status: {phase: Invalid}}", "Current Current: "},
  };
  for (const Row& row : rows) check(row);
}

}  // namespace nautilus::status
