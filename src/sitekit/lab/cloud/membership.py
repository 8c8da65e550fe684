"""Who a dynamic group's rule means, such as `user.department -eq "Edit"`.

The operators, their priority and the spelling of values follow Microsoft's "Rules for dynamic
membership groups" (learn.microsoft.com/entra/identity/users/groups-dynamic-membership).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"[^"]*"|\'[^\']*\')|(?P<sign>[()\[\],])|(?P<operator>-\w+)'
    r"|(?P<word>[\w.]+))"
)
Test = Callable[[Mapping[str, Any]], bool]


class RuleError(ValueError):
    """A rule that Entra would refuse."""


def parse(rule: str) -> Test:
    """The test that a rule is. Raises RuleError when it cannot be understood."""
    parser = _Parser(_tokens(rule))
    test = parser.either()
    if parser.rest:
        raise RuleError(f"unexpected {parser.rest[0]}")
    return test


def _tokens(rule: str) -> list[str]:
    found, place = [], 0
    rule = rule.strip()
    while place < len(rule):
        match = _TOKEN.match(rule, place)
        if not match:
            raise RuleError(f"cannot read {rule[place : place + 20]}")
        found.append(match.group(0).strip())
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def _next(self) -> str:
        if not self.rest:
            raise RuleError("it ends too early")
        return self.rest.pop(0)

    def _is(self, *words: str) -> bool:
        return bool(self.rest) and self.rest[0].lower() in words

    def either(self) -> Test:
        tests = [self._all()]
        while self._is("-or", "or"):
            self._next()
            tests.append(self._all())
        return lambda user: any(test(user) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._is("-and", "and"):
            self._next()
            tests.append(self._one())
        return lambda user: all(test(user) for test in tests)

    def _one(self) -> Test:
        if self._is("-not", "not"):
            self._next()
            inner = self._one()
            return lambda user: not inner(user)
        if self._is("("):
            self._next()
            inner = self.either()
            if self._next() != ")":
                raise RuleError("a bracket is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        subject = self._next()
        owner, _, name = subject.partition(".")
        if owner.lower() != "user" or not re.fullmatch(r"[A-Za-z]\w*", name):
            raise RuleError(f"{subject} is not a property of a user")
        operator = "-" + self._next().lstrip("-").lower()
        if operator not in _OPERATORS:
            raise RuleError(f"there is no operator {operator}")
        value = self._list() if operator in ("-in", "-notin") else _value(self._next())
        return lambda user: _OPERATORS[operator](_of(user, name), value)

    def _list(self) -> list[Any]:
        if self._next() != "[":
            raise RuleError("-in needs a list in square brackets")
        values = []
        while not self._is("]"):
            values.append(_value(self._next()))
            if self._is(","):
                self._next()
        self._next()
        return values


def _value(token: str) -> Any:
    if token[0] in "\"'":
        return token[1:-1]
    known = {"true": True, "false": False, "null": None}
    if token.lower() in known:
        return known[token.lower()]
    raise RuleError(f"{token} needs quotes")


def _of(user: Mapping[str, Any], name: str) -> Any:
    """A property however it is capitalised; of a list, every item."""
    folded = {key.lower(): value for key, value in user.items()}
    value = folded.get(name.lower())
    return value if value != "" else None


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _any(value: Any, test: Callable[[Any], bool]) -> bool:
    return any(map(test, value)) if isinstance(value, list) else test(value)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "-eq": lambda a, b: _any(a, lambda item: _fold(item) == _fold(b)),
    "-ne": lambda a, b: not _any(a, lambda item: _fold(item) == _fold(b)),
    "-startswith": lambda a, b: _any(
        a, lambda item: isinstance(item, str) and _fold(item).startswith(_fold(b))
    ),
    "-notstartswith": lambda a, b: not (isinstance(a, str) and _fold(a).startswith(_fold(b))),
    "-contains": lambda a, b: _any(
        a, lambda item: isinstance(item, str) and _fold(b) in _fold(item)
    ),
    "-notcontains": lambda a, b: (
        not _any(a, lambda item: isinstance(item, str) and _fold(b) in _fold(item))
    ),
    "-match": lambda a, b: _any(
        a, lambda item: isinstance(item, str) and bool(re.search(b, item, re.I))
    ),
    "-notmatch": lambda a, b: not (isinstance(a, str) and re.search(b, a, re.I)),
    "-in": lambda a, b: _fold(a) in [_fold(item) for item in b],
    "-notin": lambda a, b: _fold(a) not in [_fold(item) for item in b],
    "-endswith": lambda a, b: _any(
        a, lambda item: isinstance(item, str) and _fold(item).endswith(_fold(b))
    ),
}
