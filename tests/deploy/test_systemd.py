"""The unit: systemd's own verdict on it, and the settings that it names."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from service.settings import Settings

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "systemd" / "precedent.service"
EXPOSED_AT_MOST = 20
"""systemd's own measure, times ten: 0 is nothing, 100 everything."""


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def needs_systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze isn't installed")


@pytest.mark.usefixtures("needs_systemd")
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    program = tmp_path / "precedent"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "precedent.service"
    unit.write_text(UNIT.read_text().replace("/opt/precedent/bin/precedent", str(program)))
    verdict = analyze("verify", "--man=no", unit)
    assert (verdict.returncode, verdict.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHome=perhaps"))
    assert "protect home" in analyze("verify", "--man=no", unit).stderr


@pytest.mark.usefixtures("needs_systemd")
def test_it_is_exposed_to_little() -> None:
    verdict = analyze("security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", UNIT)
    assert verdict.returncode == 0, verdict.stdout


def test_what_it_sets_is_known() -> None:
    text = UNIT.read_text()
    named = set(re.findall(r"\bPRECEDENT_([A-Z_]+)=", text))
    assert named <= {name.upper() for name in Settings.model_fields}
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    service = unit["Service"]
    assert service["DynamicUser"] == "yes"
    assert f"PRECEDENT_DATA_DIR=/var/lib/{service['StateDirectory']}" in service["Environment"]
    assert service["ExecStart"].endswith("/precedent serve")
    assert "INSECURE" not in text
