"""Records that would do harm if a page took their text for anything but text."""

from __future__ import annotations

import re
from html import unescape

HOSTILE = (
    '<script>document.title = "taken"</script>"><img src=x onerror=alert(1)></textarea></pre></details>'
    "{{ 7919 * 7907 }}{% raw %}\u202egnp.exe\u2066\x1b[31m\n<!-- \x07"
)
PRODUCT = str(7919 * 7907)
"""What would stand in a page that took a record for a template."""

ODD_ID = 'a/b?c=&"<d> é#%2e'


def hostile() -> dict[str, object]:
    """A trajectory whose every text is hostile; so are the names in its metadata."""
    steps = [{"observation": HOSTILE, "action": HOSTILE, "thought": HOSTILE} for _ in range(3)]
    source = {"rollout": HOSTILE, "documents": [HOSTILE], "instruction": ["<b>"], HOSTILE: HOSTILE}
    told = {"instruction": HOSTILE, "steps": steps, "final_observation": HOSTILE, "source": source}
    return {"id": ODD_ID, "metadata": {HOSTILE: {HOSTILE: HOSTILE}}, "outcome": {HOSTILE: HOSTILE}, **told}


def field(page: str, name: str) -> str:
    """What a text area holds, as a browser reads it."""
    found = re.search(rf'<textarea id="{name}"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def assert_harmless(page: str) -> None:
    """Nothing of the records stands in it as markup, nor as a character that moves what is around it."""
    assert not re.search(r"<script(?! src=\"/ui/-/static/live\.[0-9a-f]+\.js\" defer></script>)", page)
    assert "<img" not in page
    assert not re.search(r"<[bid]>", page)
    assert PRODUCT not in page
    outside = re.sub(r"<textarea.*?</textarea>|<input[^>]*>", "", page, flags=re.DOTALL)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", outside)
