"""What can go wrong with an environment, as one tree.

EnvironmentFault                base; the message says what to do
├── MissingEnvironment          the package, or the Java it runs on, isn't installed; names the extra
├── UnknownTask                 the environment has no such task or variation
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


class NoEpisode(EnvironmentFault):
    """No episode is under way."""


class Stalled(EnvironmentFault):
    """The environment broke or gave no answer in time."""
