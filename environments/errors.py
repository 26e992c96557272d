"""What can go wrong with an environment, as one tree.

EnvironmentFault                base; the message says what to do
├── MissingEnvironment          the package, or the Java it runs on, isn't installed; names the extra
├── UnknownTask                 the environment has no such task or variation
├── BadPlace                    an environment as it was written down can't be made: its name, its path
├── NoEpisode                   an action before `reset`, or after the episode's end
└── Stalled                     it broke or didn't answer in time; a new `reset` may help
"""

from __future__ import annotations


class EnvironmentFault(Exception):
    """Base of all errors of this room."""


class MissingEnvironment(EnvironmentFault):
    """What the environment is made of isn't installed."""


class UnknownTask(EnvironmentFault):
    """No such task or variation."""


class BadPlace(EnvironmentFault):
    """What was written names no environment that can be made; `field` is what to change."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class NoEpisode(EnvironmentFault):
    """No episode is under way."""


class Stalled(EnvironmentFault):
    """The environment broke or gave no answer in time."""
