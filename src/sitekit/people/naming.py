"""Sign-in names: one rule, a number for the second of a name, and a memory that never forgets.

Pure: the register comes in, the register goes out; `people apply` writes it down.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from ..load.register import COLUMNS, Registered
from ..model.identity import NamingRules
from ..model.people import Person

LONGEST = 64  # characters before the @: Entra's limit


def part_of(name: str, rules: NamingRules) -> str:
    """A name in the letters of a sign-in name; '' where the rules have none for some letter."""
    found = []
    for letter in unicodedata.normalize("NFC", name).casefold():
        if letter in rules.letters:
            found.append(rules.letters[letter])
            continue
        for plain in unicodedata.normalize("NFD", letter):
            if plain in rules.letters:
                found.append(rules.letters[plain])
            elif plain.isascii() and plain.isalnum():
                found.append(plain)
            elif plain in "-‐":
                found.append("-")
            elif plain.isalpha():
                return ""
    return "".join(found).strip("-")


def local_part(person: Person, rules: NamingRules, number: int = 1) -> str:
    """The part before the @ that the rule gives; '' where a name has letters without a rule."""
    first = part_of(person.first_name, rules)
    last = part_of(person.usage_name or person.last_name, rules)
    if not first or not last:
        return ""
    tail = "" if number < 2 else str(number)
    text = rules.pattern.format(first=first, last=last, initial=first[0]).strip(".-_")
    return text[: LONGEST - len(tail)].rstrip(".-_") + tail


class Register:
    """Every sign-in name that was ever given. A plan works on a register of its own."""

    __slots__ = ("_by_person", "_entries")

    def __init__(self, entries: Iterable[Registered] = ()) -> None:
        """The register as it was read; of two entries of one name the elder counts."""
        self._entries: dict[str, Registered] = {}
        for entry in entries:
            known = self._entries.get(entry.upn)
            if known is None or (entry.given, entry.person) < (known.given, known.person):
                self._entries[entry.upn] = entry
        self._by_person: dict[str, list[str]] = {}
        for upn, entry in self._entries.items():
            self._by_person.setdefault(entry.person, []).append(upn)

    @property
    def entries(self) -> tuple[Registered, ...]:
        """Every entry, by name."""
        return tuple(self._entries[upn] for upn in sorted(self._entries))

    def __eq__(self, other: object) -> bool:
        """Whether two registers have the same entries."""
        return isinstance(other, Register) and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]

    def owner(self, upn: str) -> str | None:
        """Who has or had this name."""
        entry = self._entries.get(upn.lower())
        return entry.person if entry else None

    def current(self, person: str, domains: Iterable[str]) -> str | None:
        """The name somebody has in a tenant with these domains."""
        known = set(domains)
        names = [
            self._entries[upn]
            for upn in self._by_person.get(person, ())
            if self._entries[upn].until is None and upn.partition("@")[2] in known
        ]
        return max(names, key=lambda e: (e.given, e.upn)).upn if names else None

    def give(self, upn: str, person: str, day: date, *, instead: str | None = None) -> None:
        """Give a name; the one it takes the place of is kept, with its end."""
        if instead is not None and instead != upn and instead in self._entries:
            old = self._entries[instead]
            self._entries[instead] = replace(old, until=old.until or day)
        known = self._entries.get(upn)
        if known is None:
            self._entries[upn] = Registered(upn=upn, person=person, given=day)
            self._by_person.setdefault(person, []).append(upn)
        elif known.until is not None:
            self._entries[upn] = replace(known, until=None)

    def end(self, person: str, day: date) -> bool:
        """End all names of somebody, who keeps them for ever; whether there was one."""
        current = [
            entry
            for upn in self._by_person.get(person, ())
            if (entry := self._entries[upn]).until is None
        ]
        for entry in current:
            self._entries[entry.upn] = replace(entry, until=day)
        return bool(current)

    def text(self) -> str:
        """The file: one line a name, by name, so that two branches seldom touch one line."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerow(COLUMNS)
        for entry in self.entries:
            writer.writerow([entry.upn, entry.person, entry.given, entry.until or ""])
        return out.getvalue()
