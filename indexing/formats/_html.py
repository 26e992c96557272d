"""The readable text of an HTML page, and its title."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "head"})
_BLOCK_NAMES = """
    address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hr li main nav ol option p pre section summary table tbody thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_CELLS = frozenset({"td", "th"})
_BLANKS = re.compile(r"[ \t\r\f\v\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title_parts: list[str] = []
        self.heading_parts: list[str] = []
        self._open_hidden: list[str] = []
        self._in_title = False
        self._in_heading = False
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "title" and "svg" not in self._open_hidden:
            self._in_title = True
        elif tag in _HIDDEN:
            self._open_hidden.append(tag)
        elif tag == "body":
            self._open_hidden.clear()
        if self._open_hidden:
            return
        if tag in _BLOCKS:
            self._break()
        if tag == "pre":
            self._preformatted += 1
        elif tag == "li":
            self.parts.append("- ")
        elif tag in _CELLS:
            self.parts.append("\t")
        elif tag in _HEADINGS:
            self.parts.append("#" * _HEADINGS[tag] + " ")
            self._in_heading = tag == "h1" and not self.heading_parts

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._open_hidden:
            del self._open_hidden[self._open_hidden.index(tag) :]
        elif not self._open_hidden:
            if tag in _BLOCKS:
                self._break()
            if tag == "pre":
                self._preformatted = max(0, self._preformatted - 1)
            elif tag == "h1":
                self._in_heading = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title_parts.append(data)
        elif not self._open_hidden:
            self._add(data if self._preformatted else _BLANKS.sub(" ", data))

    def _add(self, text: str) -> None:
        after_blank = not self.parts or self.parts[-1][-1].isspace()
        if after_blank and not self._preformatted:
            text = text.lstrip(" ")
        if text:
            self.parts.append(text)
            if self._in_heading:
                self.heading_parts.append(text)

    def _break(self) -> None:
        self.parts.append("\n")


def read_html(page: str) -> tuple[str | None, str]:
    """The title (the `<title>`, else the first `<h1>`) and the text, headings and lists as in Markdown.

    Scripts, styles and the head are left out; what is malformed is read as browsers would, roughly.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    title = _one_line(reader.title_parts) or _one_line(reader.heading_parts)
    lines = (_clean_line(line) for line in "".join(reader.parts).split("\n"))
    return title or None, _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def _clean_line(line: str) -> str:
    line = line.rstrip()
    return line if line.strip("-# \t") else ""


def _one_line(parts: list[str]) -> str:
    return " ".join("".join(parts).split())
