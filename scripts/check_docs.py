"""Check what people read: links lead somewhere, fences close, no address of one machine, every setting told.

Run from anywhere: `python scripts/check_docs.py`. Prints each fault as `file:line: what`, exits 1 if any.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("service", "evaluation", "synthesis", "retrievers", "indexing", "environments")
HANDWRITTEN = {".cfg", ".in", ".ini", ".lock", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}

FENCE = re.compile(r"^\s*(```+|~~~+)")
LINK = re.compile(r"!?\[[^\]]*]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$")
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:root|work|home)/\w")
REGISTRY = re.compile(r"//(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|registry|mirrors?)\b", re.IGNORECASE)
SETTING = re.compile(r"\bPRECEDENT_[A-Z][A-Z0-9_]*\b")


class Fault(NamedTuple):
    """Something to mend, and where."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


def tracked() -> list[Path]:
    """Every file that belongs to the project, committed or about to be."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for name in names if (path := ROOT / name).is_file()]


def prose(text: str) -> tuple[list[tuple[int, str]], int]:
    """The lines outside code fences, numbered from 1, and the line of a fence left open (else 0)."""
    lines, fence, opened = [], "", 0
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if mark and (not fence or (line.strip() == mark[1] and mark[1].startswith(fence))):
            fence, opened = ("", 0) if fence else (mark[1], number)
        elif not fence:
            lines.append((number, line))
    return lines, opened


def anchors(text: str) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    titles = (found[1] for _, line in prose(text)[0] if (found := HEADING.match(line)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_page(path: Path) -> Iterator[Fault]:
    """Faults of one Markdown page by itself: fences and relative links."""
    lines, opened = prose(path.read_text())
    if opened:
        yield Fault(path, opened, "code fence is never closed")
    for number, line in lines:
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            page = (path.parent / name).resolve() if name else path
            if not page.exists():
                yield Fault(path, number, f"link to {target}, which does not exist")
            elif anchor and page.suffix == ".md" and anchor not in anchors(page.read_text()):
                yield Fault(path, number, f"link to {target}: no such heading")


def check_addresses(path: Path) -> Iterator[Fault]:
    """Places that only one machine knows: absolute paths in pages, package registries anywhere."""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if path.suffix == ".md" and (found := MACHINE_PATH.search(line)):
            yield Fault(path, number, f"path of one machine: {found[0]}…")
        if found := REGISTRY.search(line):
            yield Fault(path, number, f"host of a package registry: {found[0]}")


def settings_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Settings a module reads: names written out, and fields of a class with `env_prefix="PRECEDENT_"`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if SETTING.fullmatch(node.value):
                yield node.lineno, node.value
        elif isinstance(node, ast.ClassDef) and "env_prefix='PRECEDENT_'" in ast.unparse(node):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    name = field.target.id
                    if not name.startswith("_") and name != "model_config":
                        yield field.lineno, f"PRECEDENT_{name.upper()}"


def check_settings(files: list[Path]) -> Iterator[Fault]:
    """Settings that the code reads and no page tells of; nothing to compare while there are no pages."""
    pages = [path for path in files if path.suffix == ".md" and path.is_relative_to(ROOT / "docs")]
    if not pages:
        return
    told = {name for page in pages for name in SETTING.findall(page.read_text())}
    for path in files:
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ROOMS:
            for line, name in settings_of(ast.parse(path.read_text())):
                if name not in told:
                    yield Fault(path, line, f"setting {name} is in no page of docs/")


def check() -> list[Fault]:
    """All faults of the project's pages and hand-written files."""
    files = tracked()
    faults = list(check_settings(files))
    for path in files:
        if path.suffix == ".md":
            faults += check_page(path)
        if path.suffix in HANDWRITTEN and path.stat().st_size < 1_000_000:
            faults += check_addresses(path)
    return sorted(faults)


def main() -> int:
    """Print every fault; 1 when there is one."""
    faults = check()
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
