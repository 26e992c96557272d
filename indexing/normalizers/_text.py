"""The normalizer for any text: one Unicode form, one kind of space, masks for times and identifiers.

Numbers stay: amounts, counts and answers are what an agent acts on. So does a date or a clock time
that is a quoted value ("date": "2024-05-20"), and a time of day to the minute unless it is told as
the present one: people book "13:30", and in the dialogues of SGD every two observations that such a
mask made equal called for different actions (`benchmarks/normalizers.py`).

Why normalising twice changes nothing: every match begins and ends with a letter or digit and may
not touch another one, so what follows a match can't begin the next; a mask has no digit; and no
pattern looks further than a separator that stays.
"""

from __future__ import annotations

import re

from indexing.unicode import composed

TIME, TOKEN, COUNTER = "<time>", "<token>", "<counter>"

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_WEEKDAY = r"(?:Mon|Tue(?:s)?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"
_DAY = r"(?:3[01]|[12][0-9]|0?[1-9])"
_YEAR = r"(?:19|20)[0-9]{2}"
_ZONE = r"(?:Z|(?: ?(?:UTC|GMT|[ECMP][SD]T|CES?T|[+-][0-9]{2}:?[0-9]{2})))"
_CLOCK = rf"(?:2[0-3]|[01]?[0-9]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{{1,9}})?)?(?: ?[AaPp][Mm])?{_ZONE}?"
_EXACT_CLOCK = (
    r"(?:2[0-3]|[01]?[0-9]):[0-5][0-9]:[0-5][0-9](?:[.,][0-9]{1,9})?(?: ?[AaPp][Mm])?"
    rf"{_ZONE}?|(?:2[0-3]|[01]?[0-9]):[0-5][0-9]{_ZONE}"
)
_TOLD = "".join(
    f"|(?<={words}{end})"
    for words in ("urrent time", "It is", "t's", "[Nn]ow", "pdated", "pdated at", "aved at", "ogin", "s of")
    for end in (" ", ": ")
).removeprefix("|")
_DATE = (
    rf"(?:{_YEAR}(?P<sep>[-/])(?:1[0-2]|0[1-9])(?P=sep)(?:3[01]|[12][0-9]|0[1-9])"
    rf"|(?:[0-3]?[0-9]/[0-3]?[0-9]|[0-3]?[0-9]\.[01]?[0-9]\.)(?:(?<=\.)|/){_YEAR}"
    rf"|(?:{_WEEKDAY},? )?(?:{_DAY}(?:st|nd|rd|th)?[ -]{_MONTH}\.?,?[ -]{_YEAR}"
    rf"|{_MONTH}\.? {_DAY}(?:st|nd|rd|th)?,? {_YEAR}))"
)
_STAMP = rf"(?:{_WEEKDAY},? )?{_MONTH} {_DAY} {_CLOCK}(?: {_YEAR})?"

# The first line only saves time: no match begins elsewhere.
_VOLATILE = re.compile(
    r"(?<!\w)(?=[0-9a-fA-FJMNOSTW])(?:"
    rf"(?<![.:/+-])(?P<time>(?P<date>{_DATE})(?:(?:T|,? |, at | at ){_CLOCK})?"
    rf"|(?P<clock>{_EXACT_CLOCK}|(?:{_TOLD}){_CLOCK})|{_STAMP})"
    r"(?![\w:/+-]|\.\w)"
    r"|(?P<ago>[0-9]{1,3} (?:second|sec|minute|min|hour|day|week|month|year)s? ago)(?!\w)"
    r"|(?P<uuid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?!\w)"
    r"|0[xX](?P<address>[0-9a-fA-F]{6,16})(?!\w)"
    r"|(?P<hex>(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,})(?!\w))"
)
_SESSION = re.compile(
    r"(?=[acrstxACRSTX])(?<![\w-])((?i:session|csrf|xsrf|auth|authenticity|access|request|trace)[ _-]?"
    r"(?i:id|token|key)[\"']?(?:=|: ?)[\"']?)(?=[\w-]{0,100}[0-9])[\w-]{6,}(?!\w)"
)
_COUNTED = r"(?:page )?(?:views?|visits?|visitors?|hits)|uptime|ticks?|frames?"
_NUMBER = r"[0-9]+(?:[.,][0-9]+)*"
_COUNTER = re.compile(
    rf"(?i)(?<!\w)(?:((?:{_COUNTED}|counter)(?: (?:count|number))?(?: ?[:=#]| ) ?){_NUMBER}(?!\w)"
    rf"|{_NUMBER}( (?:{_COUNTED}|users online|unread))(?!\w))"
)
"""Numbers that say by their own words that they count up, whoever looks; others stay."""

_QUOTES = "\"'"


def normalize(observation: str) -> str:
    """The `text` normalizer."""
    # Composed at the end too: a combining mark may follow what a mask has put there.
    return composed(mask(flatten(composed(observation))))


def flatten(text: str) -> str:
    """Lines without blank ones, each with single spaces between its words and none around."""
    return "\n".join(words for line in text.splitlines() if (words := " ".join(line.split())))


def mask(text: str) -> str:
    """Times, session tokens, counters, UUIDs, addresses and long hexadecimal identifiers become masks."""
    counted = _COUNTER.sub(lambda match: f"{match[1] or ''}{COUNTER}{match[2] or ''}", text)
    return _VOLATILE.sub(_mask, _SESSION.sub(rf"\1{TOKEN}", counted))


def _mask(match: re.Match[str]) -> str:
    if match["ago"]:
        return TIME
    if match["time"] is None:
        return next(f"<{kind}>" for kind in ("uuid", "address", "hex") if match[kind])
    is_bare = match["time"] in (match["date"], match["clock"])
    if is_bare and _is_quoted(match):
        return match[0]
    return TIME


def _is_quoted(match: re.Match[str]) -> bool:
    text, start, end = match.string, match.start(), match.end()
    return start > 0 and text[start - 1] in _QUOTES and text[end : end + 1] == text[start - 1]
