#!/usr/bin/env bash
# Write the locks: exact versions with hashes of everything but torch, for every supported platform.
#
# torch is pinned in requirements-torch.txt and left out here, because its build (CPU, CUDA, ROCm)
# depends on the machine. The locks hold no address: packages come from the index that pip is set to.
# UV names the uv to use; any option given here goes to it, e.g. `--upgrade`.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
    local output=$1
    shift
    "${UV:-uv}" pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
        --constraint requirements-torch.txt --no-emit-index-url --no-emit-find-links --no-strip-extras \
        --custom-compile-command "make lock" --quiet --output-file "$output" "$@" >/dev/null
    echo "$output: $(grep -c '==' "$output") packages"
}

compile requirements.lock --extra llm --extra telemetry "$@"
compile requirements-dev.lock --extra llm --extra telemetry --extra dev --constraint requirements.lock "$@"
compile requirements-environments.lock --extra llm --extra telemetry --extra dev --extra environments \
    --constraint requirements-dev.lock "$@"
