"""Documents from Markdown, HTML, JSON and text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.formats import ImportReport
from indexing.formats._html import read_html
from indexing.formats.documents import markdown_title
from tests.indexing.formats.checks import documents, write_json

PAGE = """<!DOCTYPE html><html><head><title>The
 Guide</title><style>p {color: red}</style><script>var x = "<p>";</script></head>
<body><nav><a href="/">Home</a></nav><h1>Welcome &amp; hello</h1><p>One
  two<br>three <b>four</b>.</p><ul><li>a</li><li>b</li></ul>
<table><tr><th>k</th><td>v</td></tr></table><pre>  x = 1
  y = 2</pre><noscript>no</noscript></body></html>"""


def test_a_page_becomes_text() -> None:
    title, text = read_html(PAGE)
    assert title == "The Guide"
    assert text.split("\n\n") == [
        "Home",
        "# Welcome & hello",
        "One two\nthree four.",
        "- a",
        "- b",
        "\tk\tv",
        "  x = 1\n  y = 2",
    ]


def test_a_page_without_a_title_has_its_first_heading() -> None:
    assert read_html("<h1>First <i>one</i></h1><h1>Second</h1>") == ("First one", "# First one\n\n# Second")
    assert read_html("<p>x") == (None, "x")
    assert read_html("<svg><title>icon</title></svg><p>x") == (None, "x")


@given(st.text("<>/ph1scriptle=\"'-! \n&;a"))
def test_no_page_is_too_broken(page: str) -> None:
    title, text = read_html(page)
    assert title is None or title == " ".join(title.split())
    assert text == text.strip("\n")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# One\n## Two", "One"),
        ("text\n\n### Deep ##\n", "Deep"),
        ("```\n# comment\n```\n# Real", "Real"),
        ("~~~~\n```\n# comment\n~~~~\n# Real", "Real"),
        ("Underlined\n=====\n", "Underlined"),
        ("\n---\nplain", None),
        ("#hashtag", None),
        ("", None),
    ],
)
def test_the_title_of_markdown_is_its_first_heading(text: str, title: str | None) -> None:
    assert markdown_title(text) == title


def test_a_folder_of_everything(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.md").write_text('---\ntitle: "Front matter"\nhide: true\n---\n# Heading\nBody')
    (tmp_path / "b.html").write_text(PAGE)
    (tmp_path / "sub" / "how_to-win.txt").write_text("Just win.\r\nAlways.")
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "front-only.md").write_text("---\ntitle: x\n---\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    report = ImportReport()
    first, second, third = documents(tmp_path, report)
    assert (first.id, first.title, first.text) == ("a.md", "Front matter", "# Heading\nBody")
    assert (second.id, second.title) == ("b.html", "The Guide")
    assert (third.id, third.title, third.text) == ("sub/how_to-win.txt", "how to win", "Just win.\nAlways.")
    assert third.metadata == {"file": "sub/how_to-win.txt"}
    assert report.skipped == {"empty document": 2, "another kind of file": 1}


def test_json_documents_keep_their_ids_titles_and_addresses(tmp_path: Path) -> None:
    items = [
        {
            "id": "d1",
            "title": "One",
            "content": "text",
            "url": "https://example.org/1",
            "lang": "en",
            "tags": [],
        },
        {"text": "# Two\nx"},
        {"id": "d1", "text": "again"},
        {"id": "d4", "text": " "},
        {"question": "?"},
        "text",
    ]
    report = ImportReport()
    one, two, again = documents(write_json(tmp_path / "docs.json", items), report)
    assert (one.id, one.title, one.text, one.url) == ("d1", "One", "text", "https://example.org/1")
    assert one.metadata == {"lang": "en", "file": "docs.json"}
    assert (two.id, two.title, two.url) == ("docs.json/1", "Two", None)
    assert (again.id, again.title) == ("d1~2", "docs")
    assert report.skipped == {"empty document": 1, "JSON without a text": 1, "value that is not an object": 1}


def test_lines_of_json_documents(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text("\n".join(json.dumps({"id": number, "body": f"text {number}"}) for number in range(3)))
    assert [(document.id, document.text) for document in documents(path, ImportReport())] == [
        ("0", "text 0"),
        ("1", "text 1"),
        ("2", "text 2"),
    ]


def test_encodings_are_found_out_and_what_is_no_text_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b'<meta charset="latin-1"><p>caf\xe9')
    (tmp_path / "b.html").write_bytes(b'<meta charset="nonsense"><p>x')
    (tmp_path / "c.txt").write_bytes(b"a\x00b\xff")
    report = ImportReport()
    texts = [document.text for document in documents(tmp_path, report)]
    assert texts == ["café", "x", "a\ufffdb\ufffd"]
    assert report.replaced == 2


@pytest.mark.parametrize(
    ("path", "count", "skipped"),
    [
        ("tau2_docs/banking_documents.tar.gz", 698, {}),
        ("tau2_docs/domains", 7, {}),
        ("tau_bench/airline", 1, {}),
        ("miniwob_docs/docs", 12, {}),
        ("scienceworld_docs/UPSTREAM_README.md", 1, {}),
        ("spider2v_docs/verbose_and_retrieved_docs.tar.gz", 852, {"empty document": 136}),
        ("spider2v_docs/tasks_json.tar.gz", 0, {"JSON without a text": 494}),
    ],
)
def test_all_documents(shared_data: Path, path: str, count: int, skipped: dict[str, int]) -> None:
    report = ImportReport()
    found = documents(shared_data / path, report)
    assert len(found) == count
    assert report.skipped == skipped
    assert all(document.title and document.text for document in found)
