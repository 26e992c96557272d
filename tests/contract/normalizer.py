"""What every observation normalizer keeps; a suite inherits `NormalizerContract` and makes its own."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexing.normalizers import Normalizer

FRAGMENTS = (
    *(
        "2024-05-01",
        "10:22:33",
        "10:22",
        " PM",
        "Z",
        "+02:00",
        "T",
        "May 3, ",
        "20 May 2024",
        "Mon, ",
        "now ",
    ),
    *("deadbeef12", "0x7f3a2b1c44", "123e4567-e89b-12d3-a456-426614174000", "12", "1", "3.5", "v1.2.3", "$4"),
    *(
        "[12]",
        "[a5] ",
        "[",
        "]",
        "[ref=e12]",
        "bid=",
        'id="ui-id-7"',
        "id='",
        "data-x=",
        "nonce=",
        "?_=",
        "&ts=",
    ),
    *(
        '"',
        "'",
        "=",
        "<",
        ">",
        "<time>",
        "<id>",
        "<token>",
        "[#]",
        "ember12",
        "css-1a2b3c",
        "eyJhbGciOiJIUzI1.a.b",
    ),
    *(
        "name=csrf_token ",
        "value=",
        "content=",
        "left: 3px",
        'left="3"',
        "bbox=[1,2]",
        "box=(",
        "sid=abc",
        "#",
        "session id: ",
        "csrf_token=",
        "abcde12",
        "3 days ago",
        "button ",
        "uid=1_2",
        "<a ",
    ),
    *(
        "\x1b[31m",
        "\x1b]0;t\x07",
        "\x1b",
        "\x9b",
        "\r",
        "\r\n",
        "\b",
        "\x00",
        "\x85",
        "\u2028",
        "\x0c",
        "\t",
        "  ",
    ),
    *(
        "user@host:~$ ",
        "root@",
        ":/repo# ",
        "real 0m0.1s",
        "0.03s",
        "12 ms",
        "[1] 123",
        "pid 4",
        "==12==",
        "sh[12]: ",
    ),
    *(
        "/tmp/",
        "tmpab12",
        "/var/folders/a/b/T/c",
        "-",
        ":",
        ".",
        ",",
        "/",
        "_",
        "\n",
        " ",
        "\u0338",
        "e\u0301",
        "東",
    ),
)
TEXTS = st.one_of(
    st.text(), st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=2))).map("".join)
)
LONG = (
    *(
        "a",
        "1",
        "-",
        "a1-",
        "12:",
        "id=",
        'id="',
        "[1,",
        "box=[",
        "\x1b]",
        "x\b",
        "a@",
        "/tmp/a-",
        "2024-05-01 ",
    ),
    *("Mon, ", "=='", "eyJ", " ", "\u0301\u0316", "name=csrf_token ", "ui-id--1", "a b\n", "a\r"),
)
PROPERTY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.differing_executors])


class NormalizerContract:
    """Inherit and say which normalizer; `is_idempotent` where it promises to be."""

    is_idempotent = True

    def make(self) -> Normalizer:
        raise NotImplementedError

    @PROPERTY
    @given(TEXTS)
    def test_normalizing_twice_is_normalizing_once(self, observation: str) -> None:
        normalize = self.make()
        once = normalize(observation)
        if self.is_idempotent:
            assert normalize(once) == once

    @PROPERTY
    @given(TEXTS)
    def test_the_same_observation_gives_the_same_text(self, observation: str) -> None:
        assert self.make()(observation) == self.make()(observation)

    @pytest.mark.parametrize("observation", ["", " ", "\n", "\ud800", "\x00", "\U0010ffff", "\u0338"])
    def test_any_text_has_a_normal_form(self, observation: str) -> None:
        assert isinstance(self.make()(observation), str)

    @pytest.mark.parametrize("unit", LONG)
    def test_long_and_hostile_texts_end(self, unit: str) -> None:
        assert isinstance(self.make()(unit * (100_000 // len(unit))), str)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("You see a mug 1.", "You see a mug 2."),
            ("You arrive at loc 12.", "You arrive at loc 13."),
            ("The price is $12.50", "The price is $12.55"),
            ("Total: 12345678", "Total: 12345679"),
            ("[(1,), (2,)]", "[(1,), (3,)]"),
            ('{"seats": 2, "date": "2024-05-20"}', '{"seats": 2, "date": "2024-05-21"}'),
            ('{"departure": "06:00"}', '{"departure": "07:00"}'),
            ("Order W1234567 is pending", "Order W7654321 is pending"),
            ("python 3.11.2", "python 3.12.1"),
            ("exit code 1", "exit code 2"),
            ("Username", "username"),
            ("12:00", "17:00"),
            ("Make it for 12:45 pm.", "Make it for 1:15 pm."),
            ("module.py:12:30: error", "module.py:14:30: error"),
            ("x = 0x10", "x = 0x20"),
            ("3 minutes", "5 minutes"),
            ("payment_id: credit_card_4421486", "payment_id: credit_card_7815826"),
            ("session key: piano", "session key: guitar"),
        ],
    )
    def test_states_that_call_for_different_actions_stay_apart(self, one: str, other: str) -> None:
        assert self.make()(one) != self.make()(other)

    def test_the_name_is_stable(self) -> None:
        assert self.make().name == self.make().name != ""
