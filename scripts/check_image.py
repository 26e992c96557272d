"""Go through deploy/Containerfile without a container engine: every step for real, in a folder of its own.

    python -m scripts.check_image            # installs everything, as the image would: minutes
    python -m scripts.check_image --reuse    # the locked packages are those of this environment

Paths like /opt/precedent lie below that folder; the base image is this machine's Python. Then the entry
point is started, as the image's user where this one is root: it must refuse without keys, answer on
loopback, be healthy, write nothing but its data, and stop when told. PIP_INDEX_URL and TORCH_INDEX_URL
are passed on. Exits 1 with what failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.image_build import Build, Failed
from scripts.image_run import check_run

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "deploy" / "Containerfile"


def say(message: str) -> None:
    """Talk to whoever is watching."""
    sys.stderr.write(f"{message}\n")


def main() -> int:
    """Build and run; 1 with one clear line where something fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reuse", action="store_true", help="link the packages of this environment")
    parser.add_argument("--keep", action="store_true", help="leave the folder where it is")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="precedent-image-"))
    folder.chmod(0o755)
    try:
        arguments = {name: os.environ.get(name, "") for name in ("PIP_INDEX_URL", "TORCH_INDEX_URL")}
        image = Build(ROOT, folder, arguments, asked.reuse, say).run(FILE.read_text())
        check_run(image, folder, say)
    except (Failed, subprocess.CalledProcessError) as error:
        say(f"check_image: {error}")
        return 1
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    say("check_image: the image builds, starts, answers, is healthy and stops")
    return 0


if __name__ == "__main__":
    sys.exit(main())
