"""What Graph understands in a query: $filter, $select, $orderby, $search, paging.

Grammar: OData 4.01 URL conventions as far as Graph supports them for directory objects
(learn.microsoft.com/graph/filter-query-parameter and aad-advanced-queries).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]
Test = Callable[[Item], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>[(),:])|"
    r"(?P<word>[^\s(),:']+(?::\d\d[^\s(),']*)*))"
)
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": lambda a, b: b in a,
}


class QueryError(ValueError):
    """A query that Graph would refuse."""


def where(text: str) -> Test:
    """The test that a $filter is. Raises QueryError."""
    parser = _Parser(_tokens(text))
    test = parser.either()
    if parser.rest:
        raise QueryError(f"Invalid filter clause: unexpected '{parser.rest[0]}'")
    return test


def _tokens(text: str) -> list[str]:
    found, place, text = [], 0, text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise QueryError("Invalid filter clause")
        found.append(match.group(0).strip())
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], variable: str = "") -> None:
        self.rest = tokens
        self.variable = variable

    def _next(self, wanted: str = "") -> str:
        if not self.rest or (wanted and self.rest[0] != wanted):
            raise QueryError(f"Invalid filter clause{f': expected {wanted}' if wanted else ''}")
        return self.rest.pop(0)

    def either(self) -> Test:
        tests = [self._all()]
        while self.rest[:1] == ["or"]:
            self._next()
            tests.append(self._all())
        return lambda item: any(test(item) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self.rest[:1] == ["and"]:
            self._next()
            tests.append(self._one())
        return lambda item: all(test(item) for test in tests)

    def _one(self) -> Test:
        if self.rest[:1] == ["not"]:
            self._next()
            inner = self._one()
            return lambda item: not inner(item)
        if self.rest[:1] == ["("]:
            self._next()
            inner = self.either()
            self._next(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        head = self._next()
        if head.lower() in _FUNCTIONS:
            return self._function(head.lower())
        if head.endswith(("/any", "/all")):
            return self._lambda(head)
        operator = self._next().lower()
        if operator == "in":
            values = self._list()
            return lambda item: _fold(self._of(item, head)) in values
        if operator not in ("eq", "ne", "ge", "le", "gt", "lt"):
            raise QueryError(f"Invalid filter clause: unknown operator '{operator}'")
        value = _value(self._next())
        return lambda item: _compare(operator, _fold(self._of(item, head)), value)

    def _function(self, name: str) -> Test:
        self._next("(")
        path = self._next()
        self._next(",")
        value = _value(self._next())
        self._next(")")

        def test(item: Item) -> bool:
            have = _fold(self._of(item, path))
            return isinstance(have, str) and _FUNCTIONS[name](have, str(value))

        return test

    def _lambda(self, head: str) -> Test:
        path, _, quantifier = head.rpartition("/")
        self._next("(")
        variable = self._next()
        self._next(":")
        depth, inside = 1, []
        while depth:
            token = self._next()
            depth += {"(": 1, ")": -1}.get(token, 0)
            inside.append(token)
        parser = _Parser(inside[:-1], variable)
        inner = parser.either()
        if parser.rest:
            raise QueryError("Invalid filter clause")
        every = all if quantifier == "all" else any

        def test(item: Item) -> bool:
            values = self._of(item, path) or []
            return every(inner({variable: value}) for value in values)

        return test

    def _list(self) -> list[Any]:
        self._next("(")
        values = []
        while self.rest[:1] != [")"]:
            values.append(_value(self._next()))
            if self.rest[:1] == [","]:
                self._next()
        self._next(")")
        return values

    def _of(self, item: Item, path: str) -> Any:
        value: Any = item
        for step in path.split("/"):
            value = value.get(step) if isinstance(value, Mapping) else None
        return value


def _value(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'").casefold()
    known = {"true": True, "false": False, "null": None}
    if token in known:
        return known[token]
    if re.fullmatch(r"-?\d+", token):
        return int(token)
    return token.casefold()  # a date, a GUID


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _compare(operator: str, have: Any, value: Any) -> bool:
    if operator in ("eq", "ne"):
        return bool((have == value) == (operator == "eq"))
    if have is None or value is None or isinstance(have, str) != isinstance(value, str):
        return False
    answers = {"ge": have >= value, "le": have <= value, "gt": have > value, "lt": have < value}
    return bool(answers[operator])


def searched(text: str) -> Test:
    """The test that a $search is: "displayName:word" clauses joined by AND or OR."""
    clauses = re.findall(r'"([^":]+):([^"]*)"', text)
    if not clauses:
        raise QueryError('Syntax error: $search needs "property:value"')
    every = any if re.search(r'"\s+OR\s+"', text) else all
    return lambda item: every(
        word.casefold() in str(item.get(key) or "").casefold() for key, word in clauses
    )


def ordered(items: Sequence[Item], text: str) -> list[Item]:
    """Items in the order of a $orderby."""
    answer = list(items)
    for clause in reversed([part.strip() for part in text.split(",")]):
        key, _, direction = clause.partition(" ")
        answer.sort(
            key=lambda item: str(item.get(key) or "").casefold(), reverse=direction == "desc"
        )
    return answer


def token_of(place: int) -> str:
    """A $skiptoken: opaque to clients."""
    return base64.urlsafe_b64encode(f"lab:{place}".encode()).decode().rstrip("=")


def place_of(token: str) -> int:
    """The place that a $skiptoken stands for. Raises QueryError."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        return int(text.removeprefix("lab:"))
    except (ValueError, UnicodeError):
        raise QueryError("The skip token is not valid.") from None
