#!/bin/sh
# Differential tests against the original runtimes: fetches what npm has, builds in Release, runs each oracle. An oracle
# whose runtime cannot be installed says so and counts as passed.
set -eu
cd "$(dirname "$0")/../.."
tests/oracle/fetch.sh
cmake --preset release -DHONE_TESTS=ON > build/release.log 2>&1 || { cat build/release.log; exit 1; }
failed=0
for oracle in tests/oracle/*.cmake; do
  name=hone_$(basename "$oracle" .cmake)_oracle
  cmake --build --preset release -j "${JOBS:-$(nproc)}" --target "$name"
  "build/release/bin/$name" || failed=1
done
exit $failed
