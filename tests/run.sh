#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds, and runs every test.
#
#   tests/run.sh            everything: release build under ctest (labels unit, system, conformance, interop, fuzz),
#                           unit tests and those labelled sanitized under ASan and UBSan, each fuzz target for some seconds
#   tests/run.sh --quick    the release build under ctest only
#
# Environment: LK_FUZZ_SECONDS (3) for each fuzz target, LK_JOBS (number of processors).
# Exit status: 0 only when every stage passed.
set -u -o pipefail
exec </dev/null
cd "$(dirname "$0")/.." || exit 1

quick=false
case ${1:-} in
'') ;;
--quick) quick=true ;;
--help | -h) sed -n '3,10s/^# \{0,1\}//p' tests/run.sh; exit 0 ;;
*) echo "run.sh: unknown argument $1 (see --help)" >&2; exit 64 ;;
esac
jobs=${LK_JOBS:-$(nproc)}
fuzz_seconds=${LK_FUZZ_SECONDS:-3}
logs=build/test-logs
mkdir -p "$logs"
summary=()
failed=0

note() { # note STAGE STATUS DETAIL
    summary+=("$(printf '%-10s %-6s %s' "$1" "$2" "$3")")
    [ "$2" = failed ] && failed=1
    return 0
}

# build PRESET TARGET...: quiet when it works, the end of the log when it does not
build() {
    local preset=$1
    shift
    echo "== build $preset"
    if cmake --preset "$preset" -DBUILD_TESTING=ON >"$logs/build-$preset.log" 2>&1 &&
        cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"} >>"$logs/build-$preset.log" 2>&1; then
        return 0
    fi
    tail -n 60 "$logs/build-$preset.log"
    note "build" failed "$preset"
    return 1
}

# run_ctest STAGE PRESET ARGUMENT...
run_ctest() {
    local stage=$1 preset=$2
    shift 2
    echo "== ctest $stage"
    if ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@" 2>&1 | tee "$logs/ctest-$stage.log"; then
        note "$stage" passed "$(grep 'tests passed' "$logs/ctest-$stage.log")"
    else
        note "$stage" failed "$(grep 'tests passed' "$logs/ctest-$stage.log")"
    fi
}

run_fuzzers() {
    local list=build/fuzz/fuzz-targets.txt
    echo "== fuzz"
    if tests/run_fuzzers.sh "$list" "$logs" "$fuzz_seconds" "$jobs"; then
        note fuzz passed "$(wc -l <"$list") targets, $fuzz_seconds s each"
    else
        note fuzz failed "the inputs are in $logs"
    fi
}

deploy/install-packages.sh build run test vm || exit 1
start=$SECONDS
if build release; then
    run_ctest release release
fi
if ! $quick; then
    if build asan; then
        run_ctest asan asan -L 'unit|fuzz|sanitized'
    fi
    if build fuzz lk_fuzzers; then
        run_fuzzers
    fi
fi

echo
echo "== summary ($((SECONDS - start)) s)"
printf '%s\n' "${summary[@]}"
if [ -f "$logs/ctest-release.log" ]; then
    echo "-- ctest of the release build says:"
    sed -n '/tests passed/,$p' "$logs/ctest-release.log"
fi
[ $failed = 0 ] && echo "ALL PASSED" || echo "FAILED"
exit $failed
