"""Seeded errors: what share of them the oracles see, by operator and platform."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .judges import PLATFORMS, across, oracle, texts
from .mutations import ACROSS, GRAMMAR, OPERATORS, Mutant
from .sites import Text
from .waivers import stands

SEED = 7_2026
EACH = 56  # of eight operators: 448 a platform
APART = 20  # of each that only another device can know
EXPECTED = yaml.safe_load((Path(__file__).parent / "expected.yaml").read_text(encoding="utf-8"))


def _objections(platform: str, text: str) -> Counter[tuple[str, str]]:
    judged = oracle(platform).judge(text)
    return Counter((v.path, v.why) for v in judged if not stands(v, platform))


def _mutants(platform: str, name: str) -> list[tuple[Text, Mutant]]:
    wanted = APART if name in ACROSS else EACH
    rng = random.Random(f"{SEED} {platform} {name}")
    found: list[tuple[Text, Mutant]] = []
    for _ in range(wanted * 40):
        text = rng.choice(texts(platform))
        try:
            mutant = OPERATORS[name](text.text.splitlines(), rng)
        except IndexError:  # nothing in this text to break in this way
            continue
        if mutant is not None:
            found.append((text, mutant))
        if len(found) == wanted:
            break
    return found


@pytest.mark.parametrize("platform", PLATFORMS)
def test_seeded_errors_are_caught(
    platform: str, record_property: Callable[[str, object], None]
) -> None:
    caught: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for name in OPERATORS:
        for text, mutant in _mutants(platform, name):
            tried[name] += 1
            # The texts themselves are clean (test_lines.py), so any objection is the error's.
            # What only the neighbours know is for the verifier of the whole site's text.
            if across(text, mutant.text) if name in ACROSS else _objections(platform, mutant.text):
                caught[name] += 1
            else:
                missed.setdefault(name, []).append(f"{text.name}: {mutant.what}")
    shares = {name: 100 * caught[name] / tried[name] for name in OPERATORS}
    grammar = 100 * sum(caught[n] for n in GRAMMAR) / sum(tried[n] for n in GRAMMAR)
    said = [f"{platform}: seeded errors caught (seed {SEED})"]
    for name in OPERATORS:
        apart = "  (by the cross-device verifier)" if name in ACROSS else ""
        count = f"{caught[name]:3} of {tried[name]:3}"
        said.append(f"  {name:<30} {count}  {shares[name]:5.1f} %{apart}")
    said.append(f"  {'what a grammar can know':<30} {grammar:17.1f} %")
    for name in missed:
        said += [f"    missed, {name}: {what[:140]}" for what in missed[name]]
    record_property("figures", "\n".join(said))
    assert sum(n for name, n in tried.items() if name not in ACROSS) >= 400, tried
    assert grammar >= 95, missed
    least = EXPECTED["caught_percent_at_least"][platform]
    fallen = {n: (shares[n], least[n]) for n in OPERATORS if shares[n] < least[n]}
    assert not fallen, {n: missed.get(n) for n in fallen}
