"""Every line of every example and of 200 generated sites answers to an authority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sitekit.load.catalogue import load_catalogue

from .interface import Answer
from .judges import PLATFORMS, generated, oracle, texts
from .sites import SEED, WANTED
from .waivers import HERE, Waiver, waiver_of, waivers

EXPECTED = yaml.safe_load((Path(__file__).parent / "expected.yaml").read_text(encoding="utf-8"))


def test_the_generated_sites_are_all_there_and_use_every_model_and_archetype(
    record_property: Callable[[str, object], None],
) -> None:
    made = generated()
    catalogue, _ = load_catalogue(None, str)
    said = f"{made.sites} sites from seed {SEED}, {len(made.dropped)} draws dropped"
    record_property("figures", said)
    assert made.sites == WANTED, made.dropped[:10]
    models = {t.model for t in made.texts}
    configured = {n for n, m in catalogue.hardware.items() if "access-point" not in m.roles}
    assert configured == models
    assert {t.archetype for t in made.texts} == set(catalogue.archetypes)


@pytest.mark.parametrize("bootstrap", [False, True], ids=["complete", "bootstrap"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_line_is_contradicted_and_none_is_unknown_without_a_waiver(
    platform: str, bootstrap: bool, record_property: Callable[[str, object], None]
) -> None:
    answers: Counter[str] = Counter()
    authorities: Counter[str] = Counter()
    used: set[Waiver] = set()
    wrong: dict[str, str] = {}
    judged = texts(platform, bootstrap=bootstrap)
    assert judged
    for text in judged:
        for verdict in oracle(platform).judge(text.text):
            waiver = waiver_of(verdict, platform)
            if waiver:
                answers["waived"] += 1
                used.add(waiver)
            else:
                answers[verdict.answer.value] += 1
            if verdict.answer is Answer.ATTESTED:
                authorities[verdict.authority] += 1
            elif not waiver:
                where = f"{text.name}:{verdict.number}: {verdict.answer}: {verdict.path}"
                wrong.setdefault(verdict.line, f"{where} ({verdict.authority}: {verdict.why})")
    total = sum(answers.values())
    share = 100 * answers["waived"] / total
    kind = "bootstraps" if bootstrap else "complete configurations"
    said = [f"{platform}: {total} lines of {len(judged)} {kind}"]
    said += [f"  {100 * n / total:7.3f} %  {name}" for name, n in authorities.most_common()]
    said.append(f"  {share:7.3f} %  waived, by {len(used)} waivers")
    record_property("figures", "\n".join(said))
    assert not wrong, "\n".join(list(wrong.values())[:40])
    if bootstrap:  # so short that the same few waived lines are a larger share of them
        return
    assert share <= EXPECTED["waived_percent_at_most"][platform]
    idle = [w.pattern.pattern for w in waivers(platform) if w not in used]
    assert not idle, f"waivers that nothing needs: {idle}"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_waiver_cites_its_source_and_excuses_no_foreign_line(platform: str) -> None:
    entries = yaml.safe_load((HERE / "waivers" / f"{platform}.yaml").read_text(encoding="utf-8"))
    assert len(waivers(platform)) == len(entries)
    for foreign in ("switchport acces vlan 10", "set statuss enable", "ip addres 10.0.0.1", "x"):
        assert not any(w.pattern.fullmatch(foreign) for w in waivers(platform)), foreign
