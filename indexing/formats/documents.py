"""Documents from Markdown, HTML, JSON and text: a file, a folder or an archive of them.

A document's id is its file's path, within JSON its own `id` where it has one. Its title is the
JSON's, the page's, the first heading or the file's name, in this order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from indexing.formats import ImportReport
from indexing.formats._files import iter_files
from indexing.formats._html import read_html
from indexing.formats._ids import Ids
from indexing.formats._values import JSON_SUFFIXES, decoded, iter_objects, repaired, scalars, text_in
from indexing.records import JSON, Document

MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdx")
HTML_SUFFIXES = (".html", ".htm", ".xhtml")
TEXT_SUFFIXES = (".txt", ".rst", ".text")
SUFFIXES = (*MARKDOWN_SUFFIXES, *HTML_SUFFIXES, *TEXT_SUFFIXES, *JSON_SUFFIXES)
EMPTY = "empty document"

_TEXT_FIELDS = ("text", "content", "body", "contents")
_TITLE_FIELDS = ("title", "name")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(?P<quote>[\"']?)(?P<title>.+?)(?P=quote)[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_CHARSET = re.compile(
    rb"<meta[^>]+charset=[\"']?(iso-8859-\d+|latin-?1|windows-125\d|gb2312|gbk|gb18030|big5|shift_jis"
    rb"|euc-(?:jp|kr)|koi8-[ru])\b",
    re.IGNORECASE,
)


def read(path: Path, report: ImportReport) -> Iterator[Document]:
    """Documents in the order of their files; empty ones and JSON without a text are counted."""
    ids = Ids()
    for name, content in iter_files(path, SUFFIXES, report):
        lowered = name.lower()
        if not content.strip():
            report.skip(EMPTY)
        elif lowered.endswith(JSON_SUFFIXES):
            yield from _from_json(name, content, ids, report)
        else:
            title, text = _from_text(lowered, content, report)
            if text.strip():
                yield Document(ids.unique(name), title or _name_title(name), text, metadata={"file": name})
            else:
                report.skip(EMPTY)


def _from_json(name: str, content: bytes, ids: Ids, report: ImportReport) -> Iterator[Document]:
    for index, item in enumerate(iter_objects(name, content, report)):
        text = text_in(item, *_TEXT_FIELDS)
        if text is None:
            report.skip(EMPTY if any(field in item for field in _TEXT_FIELDS) else "JSON without a text")
            continue
        own = item.get("id")
        known = isinstance(own, str | int) and own != ""
        yield Document(
            id=ids.unique(own) if known else ids.unique(name, index),
            title=text_in(item, *_TITLE_FIELDS) or markdown_title(text) or _name_title(name),
            text=text,
            url=text_in(item, "url"),
            metadata=_metadata(item) | {"file": name},
        )


def _metadata(item: Mapping[str, JSON]) -> dict[str, JSON]:
    told = {"id", "url", *_TITLE_FIELDS, *_TEXT_FIELDS}
    return scalars({field: value for field, value in item.items() if field not in told})


def _from_text(name: str, content: bytes, report: ImportReport) -> tuple[str | None, str]:
    if name.endswith(HTML_SUFFIXES):
        return read_html(repaired(decoded(content, report, _charset(content)), report))
    text = repaired(decoded(content, report), report).replace("\r\n", "\n")
    if not name.endswith(MARKDOWN_SUFFIXES):
        return None, text
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    told = _FRONT_TITLE.search(front[1]) if front else None
    return told["title"] if told else markdown_title(body), body


def _charset(content: bytes) -> str:
    """The encoding a page declares in its first kilobyte, UTF-8 where it names no other of the web's."""
    declared = _CHARSET.search(content[:1024])
    return declared[1].decode() if declared else "utf-8-sig"


def markdown_title(text: str) -> str | None:
    """The first heading of a Markdown text, outside of fenced code; None where there is none."""
    fence, before = "", ""
    for line in text.split("\n"):
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence:
            if heading := _HEADING.match(line):
                return heading[1]
            if _UNDERLINE.match(line) and before.strip():
                return before.strip()
        before = "" if fence else line
    return None


def _name_title(name: str) -> str:
    return " ".join(re.split(r"[-_\s]+", PurePosixPath(name).stem)).strip() or name
