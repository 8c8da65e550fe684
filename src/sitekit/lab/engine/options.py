"""The command line: flags in any order, `--name value` and `--name=value`, `-x value`.

The grammar is that of the real command line, as far as the stand-in answers it: a flag that it
does not know is an error, never ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from .faults import UsageError


class Kind(Enum):
    """What follows a flag."""

    SWITCH = 0
    VALUE = 1
    LIST = 2


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a command."""

    name: str
    kind: Kind = Kind.SWITCH
    short: str = ""


@dataclass(slots=True)
class Arguments:
    """What was given."""

    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    #: Flags in the order in which they were given, for commands where that matters.
    order: list[tuple[str, str]] = field(default_factory=list)

    def on(self, name: str) -> bool:
        """Whether a switch is on.

        Raises:
            UsageError: its value is not a truth value.
        """
        text = self.values.get(name, "false").lower()
        if text in ("true", "1", "t"):
            return True
        if text in ("false", "0", "f"):
            return False
        raise UsageError(f'invalid argument "{text}" for "--{name}" flag: not a truth value')

    def given(self, name: str) -> bool:
        """Whether the flag was given at all."""
        return name in self.values or name in self.lists

    def get(self, name: str, default: str = "") -> str:
        """The value of a flag."""
        return self.values.get(name, default)

    def all(self, name: str) -> list[str]:
        """The values of a flag that may be given many times."""
        return self.lists.get(name, [])

    def number(self, name: str, default: int) -> int:
        """The value of a flag, as a whole number.

        Raises:
            UsageError: it is not one.
        """
        text = self.values.get(name)
        if text is None:
            return default
        try:
            return int(text)
        except ValueError:
            raise UsageError(
                f'invalid argument "{text}" for "--{name}" flag: not a whole number'
            ) from None


def parse(words: Sequence[str], flags: Sequence[Flag]) -> Arguments:
    """Read the words after a command.

    Raises:
        UsageError: a flag is not known, or lacks its value.
    """
    long = {flag.name: flag for flag in flags}
    short = {flag.short: flag for flag in flags if flag.short}
    result = Arguments()
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--":
            result.rest.extend(words[index:])
            break
        if not word.startswith("-") or word == "-":
            result.rest.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            flag = long.get(name)
            if flag is None:
                raise UsageError(f"unknown flag: --{name}")
        else:
            letter, value = word[1], word[2:].removeprefix("=")
            equals = "=" if value else ""
            flag = short.get(letter)
            if flag is None:
                raise UsageError(f"unknown shorthand flag: '{letter}' in {word}")
        if flag.kind is Kind.SWITCH:
            value = value if equals else "true"
        elif not equals:
            if index >= len(words):
                raise UsageError(f"flag needs an argument: --{flag.name}")
            value = words[index]
            index += 1
        if flag.kind is Kind.LIST:
            result.lists.setdefault(flag.name, []).append(value)
        else:
            result.values[flag.name] = value
        result.order.append((flag.name, value))
    return result
