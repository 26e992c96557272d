"""What of an observation tells where an agent stands, without what differs at every visit.

A normalizer maps observations of one state to one text, so that a state seen before is recognised
although a clock, a session or an element's number has changed. Merging states that call for
different actions is worse than missing a recurrence: where a pattern could be content, it stays.

verbatim    the observation itself
text        Unicode, white space, times, identifiers: any environment (the default)
html        text, and the marks, generated ids, tokens and boxes of HTML and accessibility trees
axtree      another name for html
shell       text with indentation kept, and what terminals, clocks and process tables add
{...}       one of these, then masks of the collection's own (`indexing.normalizers._custom`)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from indexing.errors import InvalidInput
from indexing.normalizers import _html, _shell, _text
from indexing.records import JSON

DEFAULT = "text"
FIELD = "observation_normalizer"
_ALIASES = {"axtree": "html"}


class Normalizer(Protocol):
    """Maps an observation to the text that its state is known by.

    Pure, total and linear in the observation's length. Normalising twice is normalising once, save
    under masks of the collection's own.
    """

    @property
    def name(self) -> str:
        """The same for the same behaviour: it enters the fingerprint of a generation's settings."""

    def __call__(self, observation: str) -> str: ...


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    normalize: Callable[[str], str]

    def __call__(self, observation: str) -> str:
        return self.normalize(observation)


def _verbatim(observation: str) -> str:
    return observation


# The number rises whenever the same observation would normalise to something else.
_NORMALIZERS: Mapping[str, Normalizer] = {
    "verbatim": _Named("verbatim/1", _verbatim),
    "text": _Named("text/2", _text.normalize),
    "html": _Named("html/2", _html.normalize),
    "shell": _Named("shell/2", _shell.normalize),
}
NAMES = (*_NORMALIZERS, *_ALIASES)


def normalizer(setting: JSON = None) -> Normalizer:
    """The normalizer that a collection's setting names; None is the default.

    Raises
    ------
    InvalidInput
        For an unknown name or masks that can't be used; `field` says which.
    """
    described = describe(setting)
    if isinstance(described, str):
        return _NORMALIZERS[described]
    from indexing.normalizers._custom import Masked

    return Masked.from_setting(_NORMALIZERS[described["base"]], described)


def describe(setting: JSON = None) -> JSON:
    """The setting in its one canonical form: aliases resolved, defaults written out.

    Raises InvalidInput as `normalizer` does, save for patterns that don't compile.

    >>> describe(None), describe("axtree")
    ('text', 'html')
    >>> describe({"masks": [{"pattern": "loc [0-9]+"}]})
    {'base': 'text', 'masks': [{'pattern': 'loc [0-9]+', 'replacement': '<masked>'}]}
    """
    if isinstance(setting, Mapping):
        from indexing.normalizers._custom import describe_masks

        return {"base": _named(setting.get("base"), f"{FIELD}.base"), "masks": describe_masks(setting, FIELD)}
    return _named(setting, FIELD)


def _named(setting: JSON, field: str) -> str:
    if setting is None:
        return DEFAULT
    if not isinstance(setting, str) or setting not in NAMES:
        shown = repr(setting)[:80]
        raise InvalidInput(
            f"unknown normalizer {shown}; choose one of {', '.join(NAMES)}, or give an object with "
            '"base" and "masks"',
            field,
        )
    return _ALIASES.get(setting, setting)
