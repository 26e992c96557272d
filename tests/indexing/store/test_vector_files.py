from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from indexing.errors import InvalidInput
from indexing.store.vector_files import KEY, PackedVectors
from indexing.store.vectors import Vector

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
rows = arrays.arrays(np.float32, 3, elements=finite)


def packed(vectors: dict[bytes, Vector]) -> bytes:
    return PackedVectors("a model", 3, vectors).to_bytes()


def signed(content: bytes) -> bytes:
    """A file whose checksum is right, whatever it holds."""
    return content + blake2b(content, digest_size=KEY).digest()


ONE = packed({bytes(KEY): np.ones(3, np.float32)})


@given(st.dictionaries(st.binary(min_size=KEY, max_size=KEY), rows, max_size=5))
def test_vectors_come_back_bit_for_bit_and_in_one_form(vectors: dict[bytes, Vector]) -> None:
    file = packed(vectors)
    found = PackedVectors.from_bytes(file)
    assert (found.model, found.dimension) == ("a model", 3)
    assert {key: row.tobytes() for key, row in found.vectors.items()} == {
        key: row.tobytes() for key, row in vectors.items()
    }
    assert packed(dict(reversed(vectors.items()))) == file


@given(st.integers(0, len(ONE) - 1), st.integers(1, 255))
def test_one_changed_byte_is_refused(at: int, by: int) -> None:
    changed = bytearray(ONE)
    changed[at] ^= by
    with pytest.raises(InvalidInput):
        PackedVectors.from_bytes(bytes(changed))


@given(st.integers(0, len(ONE) - 1))
def test_a_cut_file_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput):
        PackedVectors.from_bytes(ONE[:length])


HEADER = b'{"format":1,"model":"m","dimension":1,"texts":1}\n'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "isn't JSON"),
        (b"nonsense\n", "isn't JSON"),
        (b"[]\n", "form"),
        (HEADER.replace(b":1,", b":2,", 1) + bytes(KEY + 4), "form"),
        (HEADER + bytes(KEY + 3), "size"),
        (HEADER + bytes(KEY + 5), "size"),
        (b'{"format":1,"model":"m","dimension":-8,"texts":-1}\n' + bytes(16), "size"),
        (HEADER + bytes(KEY) + np.array([np.nan], "<f4").tobytes(), "finite"),
        (HEADER + bytes(KEY) + np.array([-np.inf], "<f4").tobytes(), "finite"),
    ],
)
def test_what_is_no_file_of_vectors_is_told(content: bytes, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        PackedVectors.from_bytes(signed(content))
