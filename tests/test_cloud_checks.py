"""`sitekit check` about the cloud: each finding with its place, and nothing is asked of Azure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sitekit.cli.ends import differences
from sitekit.cloud import StackKind, plan_of
from sitekit.cloud.checks import between, of_design
from sitekit.design.group import check_organisation
from sitekit.findings import Finding
from sitekit.load import LoadedOrganisation, load_organisation
from tests.organisations import WRITTEN, copy_of_horizon, edit, horizon

NETWORK = "cloud: { network: 10.127.132.0/22,"


def findings(organisation: LoadedOrganisation) -> list[Finding]:
    """What check says about the cloud beyond what it says of the example as it is."""
    report = check_organisation(
        organisation,
        today=WRITTEN,
        also=between(organisation, list(organisation.sites)),
        and_of=of_design,
    )
    return [f for f in report.findings if f.rule.startswith("cloud-")]


def test_the_example_has_nothing_wrong_in_its_cloud() -> None:
    assert findings(horizon()) == []


@pytest.mark.parametrize(
    ("network", "rule", "said"),
    [
        ("10.127.136.0/22", "cloud-network-overlap", "the network of mrs01 in Azure"),
        ("10.127.192.0/22", "cloud-network-outside", "10.127.132.0/22 is free"),
        ("10.127.240.0/22", "cloud-network-overlap", "the hub"),
        ("10.96.32.0/22", "cloud-network-overlap", "the block of par01"),
        ("10.127.132.0/25", "cloud-network-small", "too small"),
    ],
)
def test_networks_in_azure_have_their_place(
    tmp_path: Path, network: str, rule: str, said: str
) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "sites" / "par02.yaml", NETWORK, f"cloud: {{ network: {network},")
    found = [f for f in findings(load_organisation(folder)) if f.subject == "par02"]
    wanted = [f for f in found if f.rule == rule and said in f.message + f.remedy]
    assert wanted, found
    place = wanted[0].place
    assert place.file.endswith("sites/par02.yaml")
    text = (folder / "sites" / "par02.yaml").read_text(encoding="utf-8").splitlines()
    assert text[place.line - 1][place.column - 1 :].startswith(network)


def test_without_a_range_for_networks_each_is_told(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(
        folder / "organisation.yaml",
        "  networks: 10.127.128.0/18 # of sites that have servers or endpoints in Azure\n",
        "",
    )
    found = findings(load_organisation(folder))
    assert {(f.subject, f.rule) for f in found} == {
        (code, "cloud-network-outside") for code in ("par01", "par02", "mrs01")
    }


def test_names_to_adopt_must_exist(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(
        folder / "sites" / "par02.yaml",
        NETWORK,
        "cloud: { adopt: { vualt: /subscriptions/x, share: /subscriptions/y }, "
        "network: 10.127.132.0/22,",
    )
    loaded = load_organisation(folder)
    (found,) = findings(loaded)
    assert (found.rule, found.remedy) == ("cloud-adopt", "did you mean 'vault'?")
    text = (folder / "sites" / "par02.yaml").read_text(encoding="utf-8").splitlines()
    assert text[found.place.line - 1][found.place.column - 1 :].startswith("vualt")
    plan = plan_of(loaded, StackKind.SITE, "par02", today=WRITTEN)
    assert plan["share"].adopt == "/subscriptions/y"


def test_names_that_azure_would_refuse(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    (folder / "catalogue").mkdir()
    shipped = Path(__file__).parents[1] / "src" / "sitekit" / "catalogue" / "naming.yaml"
    text = shipped.read_text(encoding="utf-8").replace(
        'form: "kv-{org}-{owner}-{hash}{generation}"',
        'form: "vault-of-the-site-{org}-{owner}-{hash}{generation}"',
    ).replace('form: "st{org}{owner}{hash}{generation}"', 'form: "st-{org}"')  # fmt: skip
    (folder / "catalogue" / "naming.yaml").write_text(text, encoding="utf-8")
    found = findings(load_organisation(folder))
    rules = {(f.rule, f.subject) for f in found}
    assert {("cloud-name", code) for code in horizon().sites} <= rules
    assert ("cloud-name-twice", "par02") in rules  # every storage account would be st-hrz
    messages = "\n".join(f.message for f in found if f.subject == "bdx01")
    assert "key vault 'vault-of-the-site-hrz-bdx01-" in messages
    assert "it has 32 characters, 3 to 24 are allowed" in messages
    assert "storage account 'st-hrz' would be refused" in messages


def test_only_the_named_sites_are_told(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "sites" / "par02.yaml", NETWORK, "cloud: { network: 10.127.136.0/22,")
    loaded = load_organisation(folder)
    assert [f.subject for f in between(loaded, ["bdx01"])] == []
    assert [f.subject for f in between(loaded, ["mrs01"])] == ["mrs01"]


# --- both ends of a tunnel -----------------------------------------------------------------------


@pytest.mark.parametrize("code", ["bdx01", "par01", "lyo01"])
def test_both_ends_of_every_tunnel_agree_and_a_difference_is_seen(code: str) -> None:
    from sitekit.cli.crosscheck import rendered

    inputs = horizon().sites[code]
    plan = plan_of(horizon(), StackKind.SITE, code, today=WRITTEN)
    files = list(rendered(horizon(), code))
    assert list(differences(inputs, plan, files)) == []

    connection = plan["vpn-connection"]
    (first, *others) = connection.inputs["vpnLinkConnections"]  # type: ignore[misc,index]
    policy = {**first["ipsecPolicies"][0], "pfsGroup": "PFS2048"}
    weaker = replace(
        connection,
        inputs={
            **connection.inputs,
            "vpnLinkConnections": [{**first, "ipsecPolicies": [policy]}, *others],
        },
    )
    changed = replace(plan, specs=tuple(weaker if s is connection else s for s in plan.specs))
    (found,) = differences(inputs, changed, files)
    assert "Azure would have pfsGroup PFS2048, the firewall's text has ECP384" in found.message

    other = [replace(f, text=f.text.replace(f"{code}-psk", "par09-psk")) for f in files]
    assert any("and no firewall of the site has it" in f.message
               for f in differences(inputs, plan, other))  # fmt: skip
    moved = [replace(f, text=f.text.replace("198.51.100.", "198.51.101.")) for f in files]
    assert any("and no firewall has it" in f.message
               for f in differences(inputs, plan, moved))  # fmt: skip
