"""The example is documentation and golden test at once. Renew with `make golden`, then read it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest

from sitekit import check_organisation, design_site, render_site
from sitekit.cloud import all_plans, workspace
from sitekit.design.assign import assigned_text
from sitekit.load.catalogue import load_catalogue
from sitekit.load.schema import KINDS, schema, schema_text
from sitekit.load.yaml_source import read_yaml
from sitekit.render.capabilities import capability_matrix
from tests.organisations import HORIZON, ROOT, WRITTEN, horizon

SITES = sorted(p.stem for p in (HORIZON / "sites").glob("*.yaml") if "assigned" not in p.name)


@pytest.mark.parametrize("code", SITES)
def test_example_renders_as_committed(code: str) -> None:
    organisation = horizon()
    design = design_site(organisation.sites[code])
    catalogue = organisation.sites[code].catalogue
    rendered = {str(a.path): a.text for a in render_site(design, catalogue)}
    folder = HORIZON / "rendered" / code
    committed = {
        str(p.relative_to(folder)): p.read_text(encoding="utf-8")
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith(".")
    }
    assert sorted(rendered) == sorted(committed)
    for name, text in rendered.items():
        assert text == committed[name], f"{name} differs: make golden, and read the difference"


@pytest.mark.parametrize("code", SITES)
def test_what_was_chosen_is_committed(code: str) -> None:
    inputs = horizon().sites[code]
    text = assigned_text(inputs, design_site(inputs))
    path = HORIZON / "sites" / f"{code}.assigned.yaml"
    assert text == path.read_text(encoding="utf-8")


def test_the_stacks_are_committed_as_stack_init_writes_them() -> None:
    plans, folder = list(all_plans(horizon(), today=WRITTEN)), HORIZON / "stacks"
    kinds = {workspace.POLICY, *(str(plan.kind) for plan in plans)}  # people are no stack here
    wanted = {
        folder / path: text
        for path, text in workspace.projects(workspace.backend_url("file")).items()
        if path.parts[0] in kinds
    }
    for plan in plans:
        file = workspace.stack_file(plan, HORIZON, folder)
        wanted[file] = workspace.stack_text(plan, HORIZON, folder, provider=workspace.PASSPHRASE)
    if os.environ.get("SITEKIT_RENEW"):
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
    committed = {
        path: path.read_text(encoding="utf-8") for path in folder.glob("[a-z]*/*") if path.is_file()
    }
    assert committed == wanted


def test_nothing_but_remarks_is_open() -> None:
    report = check_organisation(horizon(), today=WRITTEN)
    assert [f for f in report.findings if f.severity != "info"] == []
    assert sorted(w.waiver.id for w in report.waived) == ["W-2026-01", "W-2026-02"]


def test_the_example_exercises_everything() -> None:
    organisation = horizon()
    assert {i.archetype.name for i in organisation.sites.values()} == {
        "headquarters",
        "small-office",
        "post-facility",
        "studio",
        "micro-office",
        "temporary-office",
    }
    assert len(organisation.subsidiaries) == 4
    assert any(s.acquired and s.tenant for s in organisation.subsidiaries.values())
    assert len(organisation.productions) == 3
    assert len(organisation.waivers) == 2
    assert {i.standard.version for i in organisation.sites.values()} == {"2026.1", "2026.2"}
    assert 110 <= len(organisation.people) <= 130
    assert any(len(person.engagements) > 2 for person in organisation.people)
    platforms = {d.platform for i in organisation.sites.values() for d in design_site(i).devices}
    assert {"arista_eos", "cisco_iosxe", "fortinet_fortios"} <= platforms


@pytest.mark.parametrize("code", SITES)
def test_site_files_are_short(code: str) -> None:
    lines = (HORIZON / "sites" / f"{code}.yaml").read_text(encoding="utf-8").splitlines()
    limit = 15 if horizon().sites[code].archetype.name == "micro-office" else 45
    assert len(lines) <= limit
    assert max(map(len, lines)) <= 100


FILES = {
    path: header.group(1)
    for path in sorted(HORIZON.rglob("*.yaml"))
    if (header := re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text("utf-8")))
}


def test_every_example_file_names_its_schema() -> None:
    written = {path for path in HORIZON.rglob("*.yaml") if "stacks" not in path.parts}
    assert set(FILES) == written


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HORIZON)))
def test_example_files_satisfy_the_schema_they_name(path: Path) -> None:
    wanted = json.loads((path.parent / FILES[path]).read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(wanted)
    validator.validate(read_yaml(path, shown=str(path)).data)


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_valid_and_committed(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))
    committed = (HORIZON / ".schemas" / f"{kind}.json").read_text(encoding="utf-8")
    assert committed == schema_text(kind)


def test_a_schema_turns_a_misspelt_key_away() -> None:
    data = read_yaml(HORIZON / "sites" / "bdx01.yaml", shown="x").data
    with pytest.raises(jsonschema.ValidationError, match="poeple"):
        jsonschema.Draft202012Validator(schema("site")).validate({**data, "poeple": 4})


def test_the_capability_matrix_is_committed() -> None:
    catalogue, _ = load_catalogue(None, str)
    path = ROOT / "docs" / "capabilities.md"
    if os.environ.get("SITEKIT_RENEW"):
        path.write_text(capability_matrix(catalogue.platforms), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == capability_matrix(catalogue.platforms)


@pytest.mark.parametrize(
    "platform", sorted(p.name for p in (ROOT / "device_templates").glob("*_*"))
)
def test_every_platform_claims_only_roles_it_has_templates_for(platform: str) -> None:
    catalogue, _ = load_catalogue(None, str)
    folder = catalogue.platform_folders[platform]
    assert (folder / "notes.md").is_file()
    for role in catalogue.platforms[platform].roles:
        assert (folder / f"{role.value}.j2").is_file()
    for capability in catalogue.platforms[platform].capabilities.values():
        assert capability.supported or capability.alternative
