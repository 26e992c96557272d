from __future__ import annotations

import subprocess
import sys

import pytest

from indexing.errors import InvalidInput
from indexing.normalizers import NAMES, Normalizer, describe, normalizer
from indexing.records import JSON
from tests.contract.normalizer import NormalizerContract


class TestVerbatim(NormalizerContract):
    def make(self) -> Normalizer:
        return normalizer("verbatim")

    def test_changes_nothing(self) -> None:
        assert self.make()(" a \r\n\x1b[0m") == " a \r\n\x1b[0m"


class TestText(NormalizerContract):
    def make(self) -> Normalizer:
        return normalizer("text")


class TestHtml(NormalizerContract):
    def make(self) -> Normalizer:
        return normalizer("html")


class TestShell(NormalizerContract):
    def make(self) -> Normalizer:
        return normalizer("shell")


class TestMasked(NormalizerContract):
    def make(self) -> Normalizer:
        return normalizer(
            {"base": "text", "masks": [{"pattern": r"session \d+", "replacement": "session <n>"}]}
        )


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        ("  a \t b  \r\n\r\nc\u2028d ", "a b\nc\nd"),
        ("Cafe\u0301", "Café"),
        ("Logged in 2024-05-01 10:22:33.", "Logged in <time>."),
        ("2024-05-01T10:22:33.123Z, 2024-05-01T10:22:33+02:00", "<time>, <time>"),
        ("Mon, 20 May 2024 10:15:00 GMT", "<time>"),
        ("May 3rd, 2024 at 10:22 PM", "<time>"),
        ("Last updated 10:42, started 10:42:07", "Last updated <time>, started <time>"),
        ("It is 7:05 pm on 12/09/2016", "It is <time> on <time>"),
        ("-rw 4096 May 28 23:27 a.txt", "-rw 4096 <time> a.txt"),
        ('"2024-05-20T10:00:00Z" "2024-05-20"', '"<time>" "2024-05-20"'),
        ("<object at 0x7f3a2b1c44>", "<object at <address>>"),
        ("commit deadbeef12", "commit <hex>"),
        ("Posted 3 minutes ago, 12 days ago", "Posted <time>, <time>"),
        ('Session ID: kX92mQpL "csrf_token": "a1b2c3d4z"', 'Session ID: <token> "csrf_token": "<token>"'),
        ("123e4567-e89b-12d3-a456-426614174000", "<uuid>"),
    ],
)
def test_text_keeps_what_was_said_and_masks_when(observation: str, expected: str) -> None:
    assert normalizer("text")(observation) == expected


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        ('[12] button "Submit"\n  [a51] link "x [3]"', '[#] button "Submit"\n[#] link "x [3]"'),
        ("- generic [ref=e12] [cursor=pointer]: Foo", "- generic [ref=<id>] [cursor=pointer]: Foo"),
        ('<a id="ui-id-7" bid="a12" for="name">', '<a id="<id>" bid="<id>" for="name">'),
        ('<a id="12"><b id=7><label for="ch0">', '<a id="<id>"><b id=<id>><label for="<id>">'),
        ('button [12] "OK"\nuid=1_12 link "x"', 'button [#] "OK"\n[#] link "x"'),
        ('aria-controls="menu-12345" aria-label="2024"', 'aria-controls="<id>" aria-label="2024"'),
        ('data-key="9f86d081" data-price="12345"', 'data-key="<id>" data-price="12345"'),
        ('name="csrf_token" value="abc"', 'name="csrf_token" value="<token>"'),
        ('<script nonce="q1w2">', '<script nonce="<token>">'),
        ('href="/search?q=mug&page=2&_=1715000000"', 'href="/search?q=mug&page=2&_=<token>"'),
        ("bbox=[1,2,3,4] style='left: 12.5px'", "bbox=<box> style='left:<box>'"),
        ('[5] textbox #datepicker value="12/09/2016"', '[#] textbox #datepicker value="12/09/2016"'),
        ('class="css-1x2y3z btn"', 'class="<id> btn"'),
    ],
)
def test_html_keeps_what_is_seen_and_masks_the_machinery(observation: str, expected: str) -> None:
    assert normalizer("html")(observation) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('[1] option "Nigeria" selected', '[1] option "Niger" selected'),
        ('[1] checkbox #ch0 checked\n"front"', '[1] checkbox #ch0 unchecked\n"front"'),
        ('<input name="q" value="1234">', '<input name="q" value="1235">'),
        ('[1] cell "12"', '[1] cell "13"'),
        ('<a href="/items/1234">', '<a href="/items/1235">'),
        ('value="12/09/2016"', 'value="12/10/2016"'),
        ('<b id="save">', '<b id="cancel">'),
        ("where id=12", "where id=13"),
        ("see button [12]", "see button [13]"),
        ("width: 45%", "width: 55%"),
    ],
)
def test_html_tells_contents_apart(one: str, other: str) -> None:
    assert normalizer("html")(one) != normalizer("html")(other)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07x", "red x"),
        (" 10%\r 55%\r100%\r\ndone", "100%\ndone"),
        ("N\bNA\bA", "NA"),
        ("me@box:/repo$ ls", "<user>:/repo$ ls"),
        ("(venv) [me@box repo]$ ls", "(venv) [<user> repo]$ ls"),
        ("real\t0m0.1s\nRan 5 tests in 0.003s", "real <duration>\nRan 5 tests in <duration>"),
        ("took 12 ms", "took <duration>"),
        ("[1] 12345\npid 77\nsshd[1234]: up", "[1] <pid>\npid <pid>\nsshd[<pid>]: up"),
        ("/tmp/tmpab12/a.py /tmp/tmp.Xy12zz /tmp/notes.txt", "/tmp/<tmp>/a.py /tmp/<tmp> /tmp/notes.txt"),
        ("    def f():\n\treturn  1  ", "    def f():\n        return 1"),
    ],
)
def test_shell_keeps_the_output_and_masks_who_when_and_how_fast(observation: str, expected: str) -> None:
    assert normalizer("shell")(observation) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-rw-r--r-- 1 root root 4096 May 28 23:27 a", "-rw-r--r-- 1 root root 4097 May 28 23:27 a"),
        ("if x:\n    y", "if x:\ny"),
        ("a@b:/src$ ", "a@b:/tests$ "),
        ("arr[3]: 1", "arr[4]: 1"),
        ("/tmp/tmp_list.txt", "/tmp/tmp_note.txt"),
        ("19G", "20G"),
        ("sleep 5s", "sleep 6s"),
    ],
)
def test_shell_tells_outputs_apart(one: str, other: str) -> None:
    assert normalizer("shell")(one) != normalizer("shell")(other)


def test_masks_apply_in_order_within_lines_and_literally() -> None:
    masks = [{"pattern": r"loc (\d+)", "replacement": r"\1"}, {"pattern": "^a$"}, {"pattern": "x[^q]*y"}]
    assert normalizer({"masks": masks})("loc 12\na\nab\nx\ny") == "\\1\n<masked>\nab\nx\ny"


def test_masks_reach_the_end_of_a_long_observation() -> None:
    masked = normalizer({"base": "verbatim", "masks": [{"pattern": "[0-9]+", "replacement": "n"}]})
    assert masked("line 12\n" * 2_000) == "line n\n" * 2_000


def test_masks_are_part_of_the_name() -> None:
    names = {normalizer({"masks": [{"pattern": pattern}]}).name for pattern in ("a", "b")}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("setting", "field", "message"),
    [
        ("markdown", "", "choose one of verbatim, text, html, shell, axtree"),
        (7, "", "unknown normalizer 7"),
        ({"base": "nope", "masks": []}, ".base", "unknown normalizer 'nope'"),
        ({"base": "text"}, ".masks", "must be a list of at most 32 masks"),
        ({"masks": [{"pattern": "a"}] * 33}, ".masks", "must be a list of at most 32 masks"),
        ({"masks": [], "mask": 1}, "", "unknown field 'mask'"),
        ({"masks": [7]}, ".masks.0", "must be an object"),
        ({"masks": [{"pattern": "a"}, {"pattern": "("}]}, ".masks.1.pattern", "not a pattern of RE2"),
        ({"masks": [{"pattern": "(?=a)"}]}, ".masks.0.pattern", "not a pattern of RE2"),
        ({"masks": [{"pattern": "x*"}]}, ".masks.0.pattern", "matches the empty string"),
        ({"masks": [{"pattern": r"\b"}]}, ".masks.0.pattern", "matches the empty string"),
        ({"masks": [{"pattern": "a" * 1001}]}, ".masks.0.pattern", "1 to 1000 characters"),
        ({"masks": [{"pattern": "a", "replacement": 1}]}, ".masks.0.replacement", "0 to 1000 characters"),
        ({"masks": [{"pattern": "\ud800"}]}, ".masks.0.pattern", "not a pattern of RE2"),
    ],
)
def test_a_setting_without_meaning_is_refused(setting: JSON, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalizer(setting)
    assert message in str(refused.value)
    assert refused.value.field == f"observation_normalizer{field}"


@pytest.mark.parametrize("setting", [None, *NAMES, {"masks": [{"pattern": "a", "replacement": None}]}])
def test_a_description_describes_itself(setting: JSON) -> None:
    described = describe(setting)
    assert describe(described) == described
    assert normalizer(described).name == normalizer(setting).name


def test_importing_it_loads_no_engine() -> None:
    heavy = "{'re2', 'tokenizers', 'torch', 'transformers'}"
    program = f"import sys, indexing.normalizers, indexing.tokens; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["text", "html", "shell"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Home page, views: 1,024", "Home page, views: 1,025"),
        ("You are visitor number 17", "You are visitor number 18"),
        ("Inbox 3 unread", "Inbox 4 unread"),
        ("12 users online", "9 users online"),
        ("uptime 17", "uptime 18"),
    ],
)
def test_counters_that_say_so_do_not_hide_a_state(name: str, before: str, after: str) -> None:
    assert normalizer(name)(before) == normalizer(name)(after)


@pytest.mark.parametrize("name", ["text", "html", "shell"])
def test_amounts_are_no_counters(name: str) -> None:
    for before, after in (
        ("Step 3 of 5", "Step 4 of 5"),
        ("3 items", "4 items"),
        ("a view of 3", "a view of 4"),
    ):
        assert normalizer(name)(before) != normalizer(name)(after)
