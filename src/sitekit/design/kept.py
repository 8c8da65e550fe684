"""What follows from the catalogue alone is made once, not once per site."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from ..load.catalogue import Catalogue

P = ParamSpec("P")
R = TypeVar("R")

LATEST = 4  # catalogues whose results are kept: more than one only in `watch` and in tests


def once_per_catalogue(
    make: Callable[Concatenate[Catalogue, P], R],
) -> Callable[Concatenate[Catalogue, P], R]:
    """Keep what `make` gives for each of the latest catalogues and its further arguments.

    Catalogues are told apart by identity. The further arguments are hashable names of things of
    the catalogue, so that what is kept is never more than the catalogue holds.
    """
    kept: dict[int, tuple[Catalogue, dict[object, R]]] = {}

    @wraps(make)
    def known(catalogue: Catalogue, /, *args: P.args, **named: P.kwargs) -> R:
        entry = kept.get(id(catalogue))
        if entry is None or entry[0] is not catalogue:
            while len(kept) >= LATEST:
                kept.pop(next(iter(kept)), None)
            entry = kept[id(catalogue)] = (catalogue, {})
        results = entry[1]
        key = (args, *sorted(named.items())) if named else args
        try:
            return results[key]
        except KeyError:
            result = results[key] = make(catalogue, *args, **named)
            return result

    return known
