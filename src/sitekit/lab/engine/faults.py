"""What ends a command.

EngineError           a message and an exit code, printed as `error: ...`
├── UsageError        the command line is wrong
└── StackNotFoundError     there is no such stack (exit code 6)
"""

from __future__ import annotations

FAILED = 1
NOT_INTERACTIVE = 2
NO_STACK = 6
CHANGES_PROPOSED = 7
INTERRUPTED_TWICE = 8


class EngineError(Exception):
    """A command cannot go on; the message is for the person who typed it."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(EngineError):
    """The command line is not one that the stand-in answers."""


class StackNotFoundError(EngineError):
    """There is no stack of that name in the backend."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no stack named '{name}' found", NO_STACK)
