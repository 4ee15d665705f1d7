#!/usr/bin/env bash
# The whole test suite, from a bare Debian 12 on: scripts/test.sh [--quick|--unit|--cluster|--bench]
#
#   (nothing)   everything below; this is what CI runs
#   --quick     debug build, unit tests, the embedded contract, tidy, the program without a cluster
#   --unit      the same with the release build
#   --cluster   release build, our rendering beside Helm's, the contract and the end-to-end tests on a real control plane
#   --bench     release build, the benchmarks in full
#
# Each phase prints how long it took; the last line is "N passed, N failed". The exit status is 0 only if nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.."

mode=${1:-all}
case $mode in all|--quick|--unit|--cluster|--bench) ;; *) sed -n '2,11s/^# \{0,1\}//p' "$0"; [ "$mode" = --help ] && exit 0; exit 2 ;; esac
case $mode in --quick) preset=debug ;; *) preset=release ;; esac
jobs=$(nproc)
results=$PWD/build/test-results
rm -rf "$results"
mkdir -p "$results"
# Here the real servers are part of the deal: a cluster test that cannot run has failed.
export NAUTILUS_REQUIRE_CLUSTER=1
export NAUTILUS_BUILD_DIR="$PWD/build/$preset"

phase() { # phase NAME COMMAND...: runs it, notes time and status for the summary
  local name=$1 started=$SECONDS status
  shift
  echo "== $name"
  "$@"
  status=$?
  printf '%s\t%s\t%s\n' "$name" "$status" "$((SECONDS - started))" >> "$results/phases.tsv"
  echo "== $name: $([ $status -eq 0 ] && echo ok || echo "FAILED ($status)"), $((SECONDS - started)) s"
  return $status
}

launcher=()
ctest_run() { # ctest_run PRESET RESULT-NAME ARGUMENTS...
  local preset=$1 result=$2
  shift 2
  "${launcher[@]}" ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --output-junit "$results/$result.xml" \
        --test-output-size-passed 1000000 --test-output-size-failed 1000000 "$@"
}

has_test() { # has_test PRESET ARGUMENTS-OF-CTEST...; reads to the end, for a pipe closed early would be a failure here
  [[ "$(ctest --test-dir "build/$1" -N "${@:2}")" != *"Total Tests: 0"* ]]
}

unit_programs() { # unit_programs PRESET LABEL: the programs of the unit tests that carry it, a line each
  ctest --test-dir "build/$1" -N -L "$2" | sed -n 's/.*Test *#[0-9]*: \(unit_[a-z_]*\)$/\1/p'
}

sanitized() { # unit tests and the embedded contract once more, under AddressSanitizer and UndefinedBehaviorSanitizer
  export LSAN_OPTIONS="suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0"
  cmake --preset asan > build/asan.configure.log 2>&1 || { cat build/asan.configure.log; return 1; }
  local targets=()
  mapfile -t targets < <(unit_programs asan unit)
  has_test asan -R '^contract_sim$' && targets+=(contract_suite)
  cmake --build --preset asan --target "${targets[@]}" -- -k 0 || return 1
  ctest_run asan sanitized -L unit -j "$jobs" --timeout 900
}

threads() { # what has more than one thread, under ThreadSanitizer
  cmake --preset tsan > build/tsan.configure.log 2>&1 || { cat build/tsan.configure.log; return 1; }
  local targets=()
  mapfile -t targets < <(unit_programs tsan threads)
  has_test tsan -L threads -R '^engine_' && targets+=(gateway_demo)  # what the engine's clients talk to
  cmake --build --preset tsan --target "${targets[@]}" || return 1
  # The shadow memory needs addresses that a kernel with much randomness may give to something else.
  local launcher=(setarch "$(uname -m)" -R)
  "${launcher[@]}" true 2> /dev/null || launcher=()
  ctest_run tsan threads -L threads --timeout 600
}

summary() { python3 -B tests/support/summary.py "$results"; }

phase packages scripts/bootstrap.sh || { summary; exit 1; }
phase "build ($preset)" scripts/build.sh --preset "$preset" || { summary; exit 1; }
case $mode in
  all | --quick | --unit)
    phase "unit tests" ctest_run "$preset" unit -L unit -j "$jobs"
    phase tidy ctest_run "$preset" tidy -L tidy
    phase "command line" ctest_run "$preset" cli -L cli -j "$jobs"
    ;;
esac
case $mode in
  all | --cluster | --bench) phase "tools" scripts/build-tools.sh ;;
esac
case $mode in
  all | --cluster)
    phase "real Helm" ctest_run "$preset" helm -L differential
    phase "real control plane" ctest_run "$preset" cluster -L cluster -j "$jobs"
    ;;
esac
case $mode in
  all) phase "benchmarks (smoke)" python3 -B tests/bench/run.py --smoke --json "$results/bench.json" ;;
  --bench) phase "benchmarks" python3 -B tests/bench/run.py --json "$results/bench.json" ;;
esac
case $mode in
  all)
    phase "sanitizers" sanitized
    phase "threads" threads
    ;;
esac
summary
