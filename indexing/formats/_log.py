"""What is gathered while one agent's log is read: its episode, its user's first words, its rewards."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexing.formats import ImportReport
from indexing.formats._episode import Episode
from indexing.formats._values import reward_in
from indexing.records import JSON

MAX_IMAGE_NAME = 2048


@dataclass(slots=True)
class Log:
    """One agent's log, as far as it was read."""

    report: ImportReport
    episode: Episode = field(default_factory=Episode)
    instruction: str | None = None
    images: list[str] = field(default_factory=list)
    reward: int | float | None = None
    _begun: bool = False

    def user(self, text: str) -> None:
        """The user said something; the first of it is the instruction."""
        if self.instruction is None and text.strip():
            self.instruction = text
        self.see(text)

    def system(self, text: str) -> None:
        """A system text: the prompt when it opens the log, else something seen."""
        if self._begun:
            self.see(text)
        else:
            self.report.skip("system message")

    def see(self, text: str) -> None:
        """The environment showed something."""
        self._begun = True
        self.episode.see(text)

    def act(self, action: str, *thoughts: str | None) -> None:
        """The agent did something, with these thoughts."""
        self._begun = True
        self.episode.act(action, "\n".join(thought for thought in thoughts if thought))

    def image(self, name: JSON) -> None:
        """A screenshot was seen; its name is kept, an image written out in place of a name isn't."""
        if isinstance(name, str) and len(name) <= MAX_IMAGE_NAME and not name.startswith("data:"):
            self.images.append(name)
        else:
            self.report.skip("image without a name")

    def add_reward(self, value: JSON) -> None:
        """A step was rewarded."""
        reward = reward_in(value)
        if reward is not None:
            self.reward = reward + (self.reward or 0)
