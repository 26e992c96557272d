"""From a log of your own to demonstrations: group it into trajectories, load them, ask.

The log here is a table, one row for each thing that somebody did: the session, what it was for, what
was on the screen, what was typed. Start the service with `make serve`, then:
`python -m examples.load_your_own`, or with a table of yours `python -m examples.load_your_own log.csv`.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx

LOG = """\
session,task,seen,done
s1,Free some space on the build machine,Filesystem /dev/sda1 is 97% full,du -sh /var/* | sort -h
s1,Free some space on the build machine,41G /var/lib/docker,docker system prune --force
s1,Free some space on the build machine,Total reclaimed space: 38GB,df -h /
s2,Find out why the nightly build is red,nightly: failed in stage test,make logs STAGE=test
s2,Find out why the nightly build is red,No space left on device,df -h /
s2,Find out why the nightly build is red,Filesystem /dev/sda1 is 99% full,docker system prune --force
"""
COLLECTION = "operations"


def trajectories(rows: Iterable[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """One record for each session; its rows stand together and in the order of time."""
    for session, group in itertools.groupby(rows, key=lambda row: row["session"]):
        steps = list(group)
        yield {
            "id": session,
            "instruction": steps[0]["task"],
            "steps": [{"observation": row["seen"], "action": row["done"]} for row in steps],
            "source": {"kind": "recorded"},
        }


def main(url: str, log: str) -> None:
    """Load the log and ask as an agent would."""
    lines = "".join(json.dumps(record) + "\n" for record in trajectories(csv.DictReader(log.splitlines())))
    with httpx.Client(base_url=url, timeout=60) as service:
        # `shell` looks past what is volatile in a terminal: colours, timings, process ids.
        settings = {"observation_normalizer": "shell"}
        service.put(f"/collections/{COLLECTION}", json=settings).raise_for_status()
        report = service.post(
            f"/collections/{COLLECTION}/trajectories",
            params={"wait": "true"},
            content=lines,
            headers={"content-type": "application/x-ndjson"},
        )
        print("loaded:", json.dumps(report.raise_for_status().json()))
        request = {
            "collection": COLLECTION,
            "instruction": "The disk of the build machine is full, make room",
            "observation": "41G /var/lib/docker",
            "limits": {"total": 2},
        }
        answer = service.post("/retrieve", json=request).raise_for_status().json()
    for one in answer["demonstrations"]:
        print(f"{one['id']} ({one['match']['kind']}): {one['instruction']} -> {one['next_action']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("log", nargs="?", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    given = parser.parse_args()
    main(given.url, given.log.read_text() if given.log else LOG)
