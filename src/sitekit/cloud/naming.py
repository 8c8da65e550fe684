"""Physical names out of the one table of names; what a name may look like is checked here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from ..model.cloud import NameRule, Naming


@dataclass(frozen=True, slots=True)
class BadName:
    """A name that Azure or Entra would refuse."""

    kind: str
    name: str
    why: str


@dataclass(slots=True)
class Namer:
    """Names for the resources of one owner: a site, a subsidiary or the organisation.

    Names that do not fit are kept in `bad`; they are given all the same, so that every complaint
    comes in one run.
    """

    naming: Naming
    tenant: str
    organisation: str
    owner: str
    region: str
    generation: int = 1
    bad: list[BadName] = field(default_factory=list)

    def name(self, kind: str, extra: str = "", *, owner: str | None = None) -> str:
        """The name of a resource; `extra` tells several of one owner apart."""
        rule = self.naming.names[kind]
        text = rule.form.format(
            owner=self.owner if owner is None else owner,
            org=self.organisation,
            region=self.short_region,
            extra=extra,
            hash=self.digest(owner),
            generation=self.generation if self.generation > 1 else "",
        )
        self._check(kind, rule, text)
        return text

    @property
    def short_region(self) -> str:
        """The region as names have it; Azure's own code where the table has no short one."""
        return self.naming.regions.get(self.region, self.region)

    def digest(self, owner: str | None = None) -> str:
        """Four letters and digits that no other tenant's owner of this code has, as a rule."""
        what = f"{self.tenant}/{self.organisation}/{owner or self.owner}"
        return hashlib.sha256(what.encode()).hexdigest()[:4]

    def _check(self, kind: str, rule: NameRule, text: str) -> None:
        if not rule.shortest <= len(text) <= rule.longest:
            why = f"it has {len(text)} characters, {rule.shortest} to {rule.longest} are allowed"
        elif re.fullmatch(rule.allowed, text) is None:
            why = "it has characters, or an end, that are not allowed"
        else:
            return
        bad = BadName(kind, text, f"{why} ({rule.source})")
        if bad not in self.bad:
            self.bad.append(bad)
