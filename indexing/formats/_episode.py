"""Observations and actions in the order in which they happened, folded into steps."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexing.records import Step


@dataclass(slots=True)
class Episode:
    """Folds what an agent saw and did into steps.

    A step's observation is all that was seen since the last action, a line break between. Where
    nothing was (parallel tool calls, two messages in a row) the agent still stands where it stood:
    the step has the observation of the one before.
    """

    steps: list[Step] = field(default_factory=list)
    _seen: list[str] = field(default_factory=list)
    _standing: str = ""

    def see(self, text: str) -> None:
        """Something was seen."""
        self._seen.append(text)

    def act(self, action: str, thought: str | None = None) -> None:
        """Something was done, after all that was seen so far."""
        if self._seen:
            self._standing = "\n".join(self._seen)
            self._seen.clear()
        self.steps.append(Step(self._standing, action, thought if thought and thought.strip() else None))

    @property
    def final_observation(self) -> str | None:
        """What was seen after the last action, if anything."""
        return "\n".join(self._seen) or None
