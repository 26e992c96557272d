"""The normalizer for terminals: what was on the screen, without who, when and how fast.

Indentation stays, since it is code; so do sizes, counts, exit codes and line numbers.
"""

from __future__ import annotations

import re

from indexing.normalizers._text import mask as mask_text
from indexing.unicode import composed

_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x9c|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1b\x7f\x80-\x84\x86-\x9f]")

_PROMPT = re.compile(
    r"^((?:\([\w.-]{1,60}\) ?)?\[?)[a-z_][\w.-]{0,63}@[\w.-]{1,255}(?=[: ][^\s<>$#%]{0,400}[$#%])",
    re.MULTILINE,
)
_DURATION = re.compile(
    r"(?=[0-9])(?<![\w.:/+-])(?:[0-9]{1,9}m[0-9]{1,2}(?:\.[0-9]{1,9})?s"
    r"|[0-9]{1,9}\.[0-9]{1,9} ?(?:seconds|second|secs|sec|s)|[0-9]{1,9}(?:\.[0-9]{1,9})? ?(?:ms|µs|μs|us|ns))"
    r"(?![\w:/+-]|\.\w)"
)
_PROCESS = re.compile(
    r"(?=[Pp])(?<!\w)(?P<pid>[Pp][Ii][Dd][=: ]{1,3})[0-9]{1,10}(?!\w)"
    r"|^(?P<job>\[[0-9]{1,4}\][+-]? )[0-9]{2,10}$"
    r"|^(?P<valgrind>==)[0-9]{2,10}=="
    r"|(?=\[)(?<=[a-z])\[[0-9]{2,10}\](?=: )",
    re.MULTILINE,
)
_TEMPORARY = re.compile(r"(/tmp/)([\w.+-]+)|(/var/folders/)[\w.+-]+/[\w.+-]+/T/[\w.+-]+")
_DRAWN = re.compile(
    r"tmp\.[A-Za-z0-9]{6,}|tmp[a-z0-9_]{8}|tmp[\w-]*[0-9][\w-]*|.*[-_.](?=[a-z_]*[0-9])[a-z0-9_]{8}"
)


def normalize(observation: str) -> str:
    """The `shell` normalizer."""
    return composed(mask_text(mask(tidy(composed(screen(observation))))))


def screen(text: str) -> str:
    """What a terminal shows in the end: escapes obeyed or gone, overwritten starts of lines gone."""
    text = _ESCAPE.sub("", text.replace("\r\n", "\n"))
    if "\r" in text:
        text = "\n".join(_last_written(line) for line in text.split("\n"))
    if "\b" in text:
        text = _rubbed_out(text)
    return _CONTROL.sub("", text)


def tidy(text: str) -> str:
    """Lines without blank ones and trailing space, single spaces after the indentation."""
    return "\n".join(_spaced(line) for line in text.splitlines() if not line.isspace() and line)


def mask(text: str) -> str:
    """Prompts, durations, process numbers and drawn names of temporary files become masks."""
    if "@" in text:
        text = _PROMPT.sub(r"\1<user>", text)
    text = _PROCESS.sub(_process, text)
    text = _TEMPORARY.sub(_temporary, text)
    return _DURATION.sub("<duration>", text)


def _last_written(line: str) -> str:
    return next((part for part in reversed(line.split("\r")) if part.strip()), "")


def _rubbed_out(text: str) -> str:
    shown: list[str] = []
    for character in text:
        if character != "\b":
            shown.append(character)
        elif shown and shown[-1] != "\n":
            shown.pop()
    return "".join(shown)


def _spaced(line: str) -> str:
    words = line.split()
    indentation = line[: len(line) - len(line.lstrip())].expandtabs(8)
    return indentation + " ".join(words)


def _process(match: re.Match[str]) -> str:
    if match["pid"]:
        return f"{match['pid']}<pid>"
    if match["job"]:
        return f"{match['job']}<pid>"
    return "==<pid>==" if match["valgrind"] else "[<pid>]"


def _temporary(match: re.Match[str]) -> str:
    if match[3]:
        return f"{match[3]}<tmp>"
    return f"{match[1]}<tmp>" if _DRAWN.fullmatch(match[2]) else match[0]
