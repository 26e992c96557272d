"""Documents in passages that a prompt can hold, split where their authors did: along the headings.

The importers (`indexing.formats.documents`) leave headings as Markdown writes them, those of HTML too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexing.errors import InvalidInput
from indexing.records import Document

_FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
_UNDERLINE = re.compile(r" {0,3}(?:={3,}|-{3,})")

_SEAMS = r"(?<=\n\n)(?!\n)", r"(?<=\n)", r"(?<=[.!?] )", r"(?<=\s)(?=\S)"
_BOUNDARIES = [re.compile(seam) for seam in _SEAMS]
"""Where text without headings may be cut, best first: paragraphs, lines, sentences, words."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document: its text, and the headings it stands under, outermost first.

    `document` is the document's id, `title` its title.
    """

    document: str
    path: tuple[str, ...]
    text: str
    title: str = ""


def split(document: Document, most: int) -> list[Passage]:
    """The document in passages of at most `most` characters, in its order; one where it is short enough.

    A section that fits stays whole, and neighbours are joined while they fit, under the heading they
    share; a section that doesn't is cut at its own headings, then between paragraphs, lines, sentences,
    words. Headings with nothing under them are left out.

    >>> text = "# Tea\\n\\n## Green\\n\\nSteep two minutes.\\n\\n## Black\\n\\nSteep four minutes."
    >>> [passage.path for passage in split(Document("tea", "Tea", text), 36)]
    [('Tea', 'Green'), ('Tea', 'Black')]

    Raises
    ------
    InvalidInput
        Where `most` is less than one.
    """
    if most < 1:
        raise InvalidInput(f"a passage has at least 1 character, not {most}", "most")
    text = "\n".join(line.rstrip() for line in document.text.splitlines())
    pieces = _pieces(list(_sections(text)), (), most)
    shorn = ((piece.path, piece.text.strip("\n").rstrip()) for piece in pieces)
    return [Passage(document.id, path, text, document.title) for path, text in shorn if text]


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading and what stands under it before the next; level 0 is what stands before the first."""

    level: int
    heading: str
    body: str
    heading_text: str = ""

    @property
    def text(self) -> str:
        return self.heading_text + self.body


@dataclass(frozen=True, slots=True)
class _Piece:
    path: tuple[str, ...]
    text: str


def _sections(text: str) -> Iterator[_Section]:
    lines = text.splitlines(keepends=True)
    starts = [*_headings(lines), (len(lines), len(lines), 0, "")]
    yield _Section(0, "", "".join(lines[: starts[0][0]]))
    for (start, body, level, heading), (end, *_) in pairwise(starts):
        yield _Section(level, heading, "".join(lines[body:end]), "".join(lines[start:body]))


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, int, int, str]]:
    """Each heading outside of fenced code: its first line, the line after it, its level and its words."""
    fence, before = "", ""
    for number, line in enumerate(line.rstrip("\n") for line in lines):
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
            before = ""
        elif fence:
            continue
        elif heading := _HEADING.fullmatch(line):
            yield number, number + 1, len(heading[1]), _unclosed(heading[2])
            before = ""
        elif before.strip() and _UNDERLINE.fullmatch(line):
            yield number - 1, number + 1, 1 if "=" in line else 2, before.strip()
            before = ""
        else:
            before = line


def _unclosed(heading: str) -> str:
    """The heading without the `##` that may close it; C# keeps its sign."""
    bare = heading.rstrip("#")
    return bare.rstrip() if bare != bare.rstrip() else heading


def _pieces(sections: Sequence[_Section], above: tuple[str, ...], most: int) -> list[_Piece]:
    """The pieces of a section and of those under it, which follow it in `sections`."""
    if not any(section.body.strip() for section in sections):
        return []
    head = sections[0]
    path = (*above, head.heading) if head.heading else above
    whole = "".join(section.text for section in sections)
    if len(whole) <= most:
        return [_Piece(path, whole)]
    pieces = [_Piece(path, part) for part in _cut(head.text, most)] if head.body.strip() else []
    last_is_whole = len(pieces) == 1
    for group in _groups(sections[1:]):
        found = _pieces(group, path, most)
        if not found:
            continue
        is_whole = len(found) == 1
        if last_is_whole and is_whole and len(pieces[-1].text) + len(found[0].text) <= most:
            pieces[-1] = _Piece(path, pieces[-1].text + found[0].text)
        else:
            pieces += found
        last_is_whole = is_whole
    return pieces


def _groups(sections: Sequence[_Section]) -> list[list[_Section]]:
    """Each section with those of a deeper level that follow it."""
    groups: list[list[_Section]] = []
    for section in sections:
        if groups and section.level > groups[-1][0].level:
            groups[-1].append(section)
        else:
            groups.append([section])
    return groups


def _cut(text: str, most: int) -> list[str]:
    """The text in as few parts as its boundaries allow."""
    parts: list[str] = []
    for part in _parts(text, most, _BOUNDARIES):
        if parts and len(parts[-1]) + len(part) <= most:
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def _parts(text: str, most: int, boundaries: Sequence[re.Pattern[str]]) -> Iterator[str]:
    if len(text) <= most:
        yield text
    elif not boundaries:
        yield from (text[start : start + most] for start in range(0, len(text), most))
    else:
        for part in boundaries[0].split(text):
            yield from _parts(part, most, boundaries[1:])
