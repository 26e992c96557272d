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

# A value has no quote, no mask and no attribute inside: what one match takes, or takes and leaves as it
# is, can't open, close or hide another.
_QUOTED = r"""(?:"[^"'<>=\n]*"|'[^"'<>=\n]*')"""
_VALUE = rf"(?:{_QUOTED}|[\w-]+)"
_SECRET_VALUE = r"""(?:"[^"'<>\n]*"|'[^"'<>\n]*'|[^\s"'<>\]&;]+)"""
_NUMBER = r"bid|ref|browsergym_id|(?:backend[_-]?)?node[_-]?id|data-(?:bid|ref|reactid)"
_REFERENCE = r"id|for|aria-(?:controls|labelledby|describedby|owns|activedescendant|details)"
_EDGE = r"left|top|right|bottom|width|height|x|y"
_SECRET = (
    r"(?:csrf[_-]?(?:token|middlewaretoken)|xsrf[_-]?token|authenticity_token|__RequestVerificationToken"
    r"|__VIEWSTATE|_token|nonce|session[_-]?(?:id|token)|jsessionid|phpsessid|sid|(?:access|auth|id)[_-]token)"
)

_ROLE = (
    r"(?:button|link|textbox|searchbox|checkbox|radio|combobox|listbox|option|menuitem|tab|heading|img|image"
    r"|listitem|row|cell|switch|slider|spinbutton|generic|[Ss]tatic[Tt]ext)"
)
_MARK = re.compile(
    rf"^((?:[-*|+•] ?){{0,8}}(?:{_ROLE} )?)(?:\[[a-z]{{0,3}}[0-9]+\]|uid=[0-9]+(?:_[0-9]+)?(?!\S))",
    re.MULTILINE,
)
_ATTRIBUTE = re.compile(
    rf"(?<![\w-])(?:(?P<secret>(?i:{_SECRET}))=(?P<hidden>{_SECRET_VALUE})"
    rf"|(?:(?P<number>{_NUMBER})|(?P<reference>{_REFERENCE})|(?P<data>data-[\w-]{{1,40}})|(?P<edge>{_EDGE}))"
    rf"=(?P<value>{_VALUE}))"
)
_HIDDEN_SECRET = re.compile(
    rf"""(?i)(?<![\w-])(name=["']?{_SECRET}["']?[^<>"'\n]{{0,100}} (?:value|content)=)(?P<value>"""
    r"""\"[^"'<>\n]*\"|'[^"'<>\n]*')"""
)
_CACHE_BUSTER = re.compile(
    r"(?i)([?&](?:_|ts|timestamp|cb|rnd|utm_[a-z]{1,20}|fbclid|gclid|token)=)[^\s&\"'#<>]+"
)
_GENERATED = re.compile(
    r"(?=[cdeghjmrsuy])(?<![\w-])(?:(?:ui-id|gwt-uid|ext-gen|react-select|headlessui-[a-z-]{1,30}|radix-[a-z-]{0,30}"
    r"|mui|mat-[a-z-]{1,30}|cdk-[a-z-]{1,30}|select2-[\w-]{1,40}|downshift|yui)[-_:]{0,2}[0-9]+[\w:-]{0,40}"
    r"|ember[0-9]+(?!\w)|radix-:r[0-9a-z]+:|(?:css|sc|svelte|jsx)-(?=[a-z]{0,10}[0-9])[a-z0-9]{5,10}(?![\w-]))"
)
_JWT = re.compile(r"(?=ey)(?<![\w.-])eyJ[\w-]{10,}\.[\w-]+\.[\w-]*(?![\w.-])")
_HEX = re.compile(r"(?<![0-9a-zA-Z])(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8}")
_NUMBERED = re.compile(r"[0-9]|^:r[a-z]+:$")
_LONG_NUMBER = re.compile(r"[0-9]{4}")
_BOX = re.compile(
    r"(?=[bcr])(?<![\w-])(bbox|box|rect|bounds|center|coordinates)(=|: ?)"
    r"(?:[\"']?[\[({][0-9.,;\s\[\](){}-]*[\])}][\"']?)"
)
_ELEMENT_NUMBER = re.compile(r"[a-z]{0,3}[0-9]+")
_LONGEST_TAG = 500
_PIXELS = re.compile(r"-?[0-9.]{1,20}(?:px)?")
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
        text = _HIDDEN_SECRET.sub(lambda match: match[1] + _quoted(match["value"], TOKEN), text)
        text = _ATTRIBUTE.sub(_attribute, text)
        text = _CACHE_BUSTER.sub(rf"\1{TOKEN}", text)
    text = _JWT.sub(TOKEN, text)
    text = _GENERATED.sub(ID, text)
    text = _BOX.sub(rf"\1\2{BOX}", text)
    return _STYLE.sub(rf"\1:{BOX}", text)


def _attribute(match: re.Match[str]) -> str:
    value = match["hidden"] or match["value"]
    inner = value.strip("\"'")
    is_quoted = inner != value
    replacement = None
    if match["secret"]:
        replacement = TOKEN
    elif match["number"]:
        replacement = ID if is_quoted or _ELEMENT_NUMBER.fullmatch(value) else None
    elif match["edge"]:
        replacement = BOX if is_quoted and _PIXELS.fullmatch(inner) else None
    elif looks_random(inner) or (match["reference"] and _is_numbered(match, inner, is_quoted)):
        replacement = ID
    return match[0][: -len(value)] + _quoted(value, replacement) if replacement else match[0]


def _is_numbered(match: re.Match[str], value: str, is_quoted: bool) -> bool:
    """Whether an element goes by a number; without quotes outside of a tag, a short one may be content."""
    pattern = _NUMBERED if is_quoted or _is_in_tag(match.string, match.start()) else _LONG_NUMBER
    return pattern.search(value) is not None


def _is_in_tag(text: str, place: int) -> bool:
    opened = text.rfind("<", max(0, place - _LONGEST_TAG), place)
    return opened >= 0 and text.find(">", opened, place) < 0


def _quoted(value: str, replacement: str) -> str:
    quote = value[0] if value[0] in "\"'" else ""
    return f"{quote}{replacement}{quote}"


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
