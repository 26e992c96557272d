"""The service in a process of its own whose disk fails as it is told, and which tells how it fares.

The process (`python -m tests.faults.patient SOCKET`) takes orders, a line of JSON each, and answers each.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from starlette.testclient import TestClient

from indexing.embedder import HashingEmbedder
from indexing.library import Library
from tests.faults.intercepting import Interceptor, submit

NAME = "rooms"
ACTS = ("ingest", "delete", "reindex")
RECORDS = 6


class Patient:
    """A process that obeys; `interceptor.plan` says what its disk refuses."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.faults.patient", str(theirs.fileno())]
        environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environ)
        theirs.close()
        _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
        self.interceptor = Interceptor(listeners[0], folder)
        self._lines = ours.makefile("rw", encoding="utf-8")
        ours.close()

    def __enter__(self) -> Patient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._lines.close()

    def tell(self, order: str, argument: str = "") -> Any:
        """Have it do something; returns what came of it."""
        self._lines.write(json.dumps([order, argument]) + "\n")
        self._lines.flush()
        answer = json.loads(self._lines.readline())
        assert "fault" not in answer, answer["fault"]
        return answer["done"]


class Obeying:
    """What the process does for each order."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def fill(self, folder: str) -> None:
        """Make a collection with one generation and something in its delta."""
        from tests.service.running import create, document, lines, reindexed, trajectory, upsert

        self.open(folder)
        create(self._client, NAME, *(trajectory(f"t{number}", number % 4) for number in range(RECORDS)))
        upsert(self._client, NAME, lines(document("d", 1)), "documents")
        reindexed(self._client, NAME)
        upsert(self._client, NAME, lines(trajectory("late", 9)))
        self.close("")

    def open(self, folder: str) -> None:
        """Serve a data folder."""
        from retrievers.learning import learn
        from tests.service.running import running

        path = Path(folder)
        library = self._stack.enter_context(Library(path, lambda _: HashingEmbedder(64), learner=learn))
        self._client: TestClient = self._stack.enter_context(running(path, library))

    def close(self, _: str) -> None:
        """Stop serving it, in order."""
        self._stack.close()

    def act(self, what: str) -> dict[str, Any]:
        """Send one request; returns the status and the body, for `reindex` the job's when it has ended."""
        from tests.service.running import NDJSON, lines, trajectory

        path = f"/collections/{NAME}"
        if what == "reindex":
            answer = self._client.post(f"{path}/reindex", json={"observation_normalizer": "verbatim"})
            while answer.status_code in (200, 202) and answer.json()["state"] in ("queued", "running"):
                asked = self._client.get(f"/jobs/{answer.json()['id']}")
                answer = asked if asked.status_code == 200 else answer
        elif what == "delete":
            answer = self._client.delete(f"{path}/trajectories/t1?wait=true")
        else:
            body = lines(*(trajectory(f"new{number}", number) for number in range(4)), trajectory("t0", 7))
            answer = self._client.post(f"{path}/trajectories?wait=true", content=body, headers=NDJSON)
        told = answer.json() if answer.content else {}
        return {"status": answer.status_code, "type": answer.headers.get("content-type"), "body": told}

    def state(self, _: str) -> dict[str, Any]:
        """All that a client can see of the collection, but for the names of generations and the times."""
        from tests.faults.answers import comparable
        from tests.faults.records import situations

        path = f"/collections/{NAME}"
        described = self._client.get(path).json()
        record = self._client.get(f"{path}/trajectories/t2").json()
        answers = [self._client.post("/retrieve", json=asked) for asked in situations(NAME, record)]
        assert all(answer.status_code == 200 for answer in answers), [answer.text for answer in answers]
        return {
            "records": self._client.get(f"{path}/trajectories").json()["trajectories"],
            "settings": described["settings"],
            "generations": len(described["generations"]),
            "counts": described["counts"],
            "answers": [comparable(answer.json()).decode() for answer in answers],
        }


def main() -> None:
    """Submit, then obey until nobody speaks any more."""
    with socket.socket(fileno=int(sys.argv[1])) as line:
        listener = submit()
        socket.send_fds(line, [b"."], [listener])
        os.close(listener)
        lines = line.makefile("rw", encoding="utf-8")
    obeying = Obeying()
    for order in lines:
        name, argument = cast("list[str]", json.loads(order))
        try:
            answer = {"done": getattr(obeying, name)(argument)}
        except Exception:
            answer = {"fault": traceback.format_exc()}
        lines.write(json.dumps(answer) + "\n")
        lines.flush()


if __name__ == "__main__":
    main()
