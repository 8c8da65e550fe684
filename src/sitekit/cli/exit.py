"""What the shell is told at the end."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes; a verb returns one of the first four."""

    AS_DESIGNED = 0
    FINDINGS = 1  # understood, and something is not as it should be, or differs
    WRONG_INPUT = 2  # the input or the usage is wrong
    REFUSED = 3  # a device or a cloud refused or did not answer
    BUG = 70  # sitekit broke: never to be mistaken for findings
    INTERRUPTED = 130  # Ctrl-C
    NOBODY_READS = 141  # the reader of our output went away, as `head` does
