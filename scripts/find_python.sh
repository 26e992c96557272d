#!/bin/sh
# Print a Python that Precedent runs on: the one given, or the first good one on PATH.
good() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

for python in ${1:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
    if good "$python"; then
        command -v "$python"
        exit 0
    fi
done
echo "Precedent needs Python 3.11 or newer with its venv module; found none as ${1:-python3.11 to python3.14, python3}." >&2
echo "Install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2
exit 1
