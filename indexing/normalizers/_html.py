"""The normalizer for HTML, accessibility trees and pages rendered as text.

What a person sees stays: text, roles, names, values, states. What the page's machinery wrote goes:
an element's number, generated ids, tokens, boxes. Nothing is deleted, only masked, so that no two
neighbours join into something new.
"""

from __future__ import annotations

import re

from indexing.normalizers._text import flatten
from indexing.normalizers._text import mask as mask_text
from indexing.unicode import composed

ID, TOKEN, BOX = "<id>", "<token>", "<box>"

_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"'<>\]&;]+)"""
_SECRET = (
    r"(?:csrf[_-]?(?:token|middlewaretoken)|xsrf[_-]?token|authenticity_token|__RequestVerificationToken"
    r"|__VIEWSTATE|_token|nonce|session[_-]?(?:id|token)|jsessionid|phpsessid|sid|(?:access|auth|id)[_-]token)"
)

_MARK = re.compile(r"^((?:[-*|+•] ?){0,8})\[[a-z]{0,3}[0-9]+\]", re.MULTILINE)
_NUMBERED = re.compile(
    r"(?<![\w-])(?P<name>bid|ref|backend[_-]?node[_-]?id|node[_-]?id|browsergym_id|data-(?:bid|ref|reactid))"
    r"=(?P<value>\"[^\"]*\"|'[^']*'|[a-z]{0,3}[0-9]+(?!\w))"
)
_HIDDEN_SECRET = re.compile(
    rf"""(?i)(?<![\w-])(name=["']?{_SECRET}["']?[^<>"']{{0,100}}(?:value|content)=){_VALUE}"""
)
_SECRET_VALUE = re.compile(rf"(?i)(?<![\w-])({_SECRET}=){_VALUE}")
_CACHE_BUSTER = re.compile(
    r"(?i)([?&](?:_|ts|timestamp|cb|rnd|utm_[a-z]{1,20}|fbclid|gclid|token)=)[^\s&\"'#<>]+"
)
_REFERENCE = re.compile(
    rf"(?<![\w-])(id|for|aria-(?:controls|labelledby|describedby|owns|activedescendant|details)"
    rf"|data-[\w-]{{1,40}})=({_VALUE})"
)
_GENERATED = re.compile(
    r"(?=[cdeghjmrsuy])(?<![\w-])(?:(?:ui-id|gwt-uid|ext-gen|react-select|headlessui-[a-z-]{1,30}|radix-[a-z-]{0,30}"
    r"|mui|mat-[a-z-]{1,30}|cdk-[a-z-]{1,30}|select2-[\w-]{1,40}|downshift|yui)[-_:]{0,2}[0-9]+[\w:-]{0,40}"
    r"|ember[0-9]+(?!\w)|radix-:r[0-9a-z]+:|(?:css|sc|svelte|jsx)-(?=[a-z]{0,10}[0-9])[a-z0-9]{5,10}(?![\w-]))"
)
_JWT = re.compile(r"(?=ey)(?<![\w.-])eyJ[\w-]{10,}\.[\w-]+\.[\w-]*(?![\w.-])")
_HEX = re.compile(r"(?<![0-9a-zA-Z])(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8}")
_LONG_NUMBER = re.compile(r"[0-9]{4}|^:r[0-9a-z]+:$")
_BOX = re.compile(
    r"(?=[bcr])(?<![\w-])(bbox|box|rect|bounds|center|coordinates)(=|: ?)"
    r"(?:[\"']?[\[({][0-9.,;\s\[\](){}-]*[\])}][\"']?)"
)
_EDGE = re.compile(
    r"""(?<![\w-])(left|top|right|bottom|width|height|x|y)=(?P<quote>["'])-?[0-9.]{1,20}(?:px)?(?P=quote)"""
)
_STYLE = re.compile(
    r"(?<![\w-])(left|top|right|bottom|width|height): ?-?[0-9]{1,9}(?:\.[0-9]{1,20})?px(?!\w)"
)


def normalize(observation: str) -> str:
    """The `html` normalizer."""
    return composed(mask_text(mask(flatten(composed(observation)))))


def mask(text: str) -> str:
    """Element marks, generated ids, tokens and boxes become masks."""
    text = _MARK.sub(r"\1[#]", text)
    if "=" in text:
        text = _NUMBERED.sub(_number, text)
        text = _HIDDEN_SECRET.sub(rf'\1"{TOKEN}"', text)
        text = _SECRET_VALUE.sub(rf'\1"{TOKEN}"', text)
        text = _CACHE_BUSTER.sub(rf"\1{TOKEN}", text)
        text = _REFERENCE.sub(_reference, text)
        text = _EDGE.sub(rf'\1="{BOX}"', text)
    text = _JWT.sub(TOKEN, text)
    text = _GENERATED.sub(ID, text)
    text = _BOX.sub(rf"\1\2{BOX}", text)
    return _STYLE.sub(rf"\1:{BOX}", text)


def _number(match: re.Match[str]) -> str:
    return f'{match["name"]}="{ID}"'


def _reference(match: re.Match[str]) -> str:
    name, value = match[1], match[2].strip("\"'")
    generated = looks_random(value) or (not name.startswith("data-") and _LONG_NUMBER.search(value))
    return f'{name}="{ID}"' if generated else match[0]


def looks_random(value: str) -> bool:
    """Whether a machine drew it: hexadecimal, or many letters of both cases mixed with digits."""
    if _HEX.search(value):
        return True
    return (
        len(value) >= 16
        and " " not in value
        and any(character.isdigit() for character in value)
        and any(character.islower() for character in value)
        and any(character.isupper() for character in value)
    )
