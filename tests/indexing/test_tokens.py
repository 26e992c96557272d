from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.tokens import Tokenizer, lines, tokenizer

PIECES = (
    *(
        "[SEP]",
        "[CLS",
        "[UNK]",
        "##ing",
        "[MASK] ",
        "word" * 30,
        "東京",
        "한국",
        "e\u0301",
        "\u0301",
        "\u0338",
        "ß",
    ),
    *(
        "\x00",
        "\x1b",
        "\x1c",
        "\x85",
        "\u2028",
        "\r",
        "\n",
        "\t",
        "\u200d",
        "\ufeff",
        "\xad",
        "\u00a0",
        " ",
        "12.5",
    ),
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))).map("".join))


@pytest.fixture(params=["minilm", "words"])
def counter(request: pytest.FixtureRequest) -> Tokenizer:
    return tokenizer(request.param)


@pytest.mark.parametrize("name", ["minilm", "words"])
@settings(max_examples=300, deadline=None)
@given(one=TEXTS, other=TEXTS)
def test_lines_cost_what_their_parts_cost(name: str, one: str, other: str) -> None:
    counter = tokenizer(name)
    assert counter.additive
    together, *parts = counter.count([f"{one}\n{other}", one, other])
    assert together == sum(parts)


@settings(deadline=None)
@given(TEXTS)
def test_it_counts_what_lines_shows(text: str) -> None:
    counter = tokenizer()
    assert counter.count([text]) == counter.count([lines(text)])


def test_counts_of_the_packaged_tokenizer() -> None:
    texts = ["hello world", "", "a\u2028b", "one two three four " * 1_000]
    assert tokenizer().count(texts) == [2, 0, 2, 4_000]


def test_counts_of_words() -> None:
    assert tokenizer("words").count(["hello  world\n!", ""]) == [3, 0]


def test_no_texts_cost_nothing(counter: Tokenizer) -> None:
    assert counter.count([]) == []


def test_one_tokenizer_serves_many_threads(counter: Tokenizer) -> None:
    texts = [f"word {number} " * number for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(counter.count, [texts] * 16))
    assert counts == [counter.count(texts)] * 16


def test_the_default_is_loaded_once() -> None:
    assert tokenizer() is tokenizer("minilm") is tokenizer(None)


def test_a_path_or_its_folder_names_a_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(_word_level("WhitespaceSplit")))
    for setting in (path, tmp_path):
        read = tokenizer(str(setting))
        assert read.count(["a b a"]) == [3]
        assert read.name == str(setting)
        assert not read.additive


def _word_level(splitter: str) -> dict[str, object]:
    return {
        "version": "1.0",
        "truncation": {"max_length": 2, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": splitter},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"},
    }


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("missing.json", "can't be read as a tokenizer.json"),
        ("nobody/no-such-model", "isn't in the local Hugging Face cache"),
        ("two words", "unknown tokenizer 'two words'"),
        ("\x00", "unknown tokenizer"),
    ],
)
def test_a_tokenizer_that_is_not_there_is_named(setting: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        tokenizer(setting)
    assert refused.value.field == "tokenizer"


@pytest.mark.parametrize("content", ["{}", "[]", "nonsense", '{"model": {"type": "Nope"}}'])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="tokenizer"):
        tokenizer(str(path))
