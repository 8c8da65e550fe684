"""Older files become what this sitekit reads; nothing else in them changes, and all do or none."""

from __future__ import annotations

import difflib
import json
import os
import pty
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitekit import check_organisation, design_site, load_organisation, render_sites
from sitekit.cli.files import replace_whole
from sitekit.errors import InputError, OutputError, Place
from sitekit.load.schema import KINDS, schema_text
from sitekit.load.versions import FIRST, current_version
from sitekit.load.yaml_source import parse_yaml
from sitekit.migrate import STEPS, Change, Known, plan
from sitekit.migrate.steps import steps_from
from sitekit.migrate.written import Written, _scalar
from sitekit.scaffold import new_organisation, new_subsidiary
from tests.organisations import HORIZON, ROOT, WRITTEN, horizon
from tests.test_verbs import answer, sitekit

V1 = Path(__file__).parent / "frozen" / "v1" / "horizon"
# Nobody in people.csv had these names: the owners of the first example never existed.
ANSWERS = {"Inès Carvalho": "P0029", "Malik Ferrand": "P0045", "Solène Vidal": "P0039"}
ON_THE_LINE = [part for name, id_ in ANSWERS.items() for part in ("--person", f"{name}={id_}")]
PLACE = Place("any")
COMMENT = re.compile(r"(?:^|\s)#.*")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the first version's example."""
    return Path(shutil.copytree(V1, tmp_path / "horizon"))


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(changes: tuple[Change, ...]) -> None:
    for change in changes:
        change.path.write_bytes(change.after)


# --- the first version's example ---------------------------------------------------------------


def test_the_first_versions_example_is_refused_with_what_to_do(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(old)
    with pytest.raises(InputError) as error:
        load_organisation(".")
    hint = "rewrite it: sitekit migrate --dry-run shows how, sitekit migrate does it"
    assert [(str(p.place), p.message, p.hint) for p in error.value.problems] == [
        (place, "schema 1 is older than what this sitekit reads (2)", hint)
        for place in ("productions.yaml:3:9", "waivers.yaml:2:9")
    ]


def test_the_first_versions_example_becomes_the_example(old: Path) -> None:
    before = files(old)
    planned = plan(old, answers=ANSWERS)
    assert files(old) == before, "planning writes nothing"
    assert [change.path.name for change in planned.changes] == ["productions.yaml", "waivers.yaml"]
    write((*planned.changes, *planned.schemas))
    after = files(old)
    assert after.keys() == before.keys()
    # All other files are as they were; of the schemas only those that are other now.
    touched = {name for name in before if before[name] != after[name]}
    assert touched == {
        str(change.path.relative_to(old)) for change in (*planned.changes, *planned.schemas)
    }
    for kind in KINDS:
        if kind != "identity":  # there were no rules for people then
            assert after[f".schemas/{kind}.json"].decode() == schema_text(kind)
    # The example of today is this, with additions since: a pin, its waiver, what clouds need.
    for name, text in after.items():
        today = (HORIZON / name).read_bytes()
        if name == "people.csv":  # two of the freelancers are guests since
            today = today.replace(b";guest;;", b";member;frontline;")
        if name.startswith((".schemas/", "productions.yaml", "people.csv")):
            assert text == today, name
            continue
        ours, theirs = (data.decode().splitlines() for data in (text, today))
        gone = [line for line in difflib.ndiff(ours, theirs) if line.startswith("- ")]
        assert not gone, name


def test_the_migrated_example_is_designed_and_rendered_as_the_example(old: Path) -> None:
    write(plan(old, answers=ANSWERS).changes)
    loaded, today = load_organisation(old), horizon()
    assert loaded.productions == today.productions
    assert loaded.waivers == today.waivers[:1]
    report = check_organisation(loaded, today=WRITTEN)
    assert report.is_as_designed
    assert [waived.waiver.id for waived in report.waived] == ["W-2026-01"]
    nce01 = old / "sites/nce01.yaml"
    pin = 'archetype: temporary-office\nstandard: "2026.1"'
    text = nce01.read_text(encoding="utf-8").replace("archetype: temporary-office", pin)
    nce01.write_text(text, encoding="utf-8")
    loaded = load_organisation(old)
    for code in loaded.sites:
        ours, theirs = (design_site(o.sites[code]) for o in (loaded, today))
        for part in ("policy", "networks"):
            have, want = (
                [replace(item, place=PLACE) for item in getattr(d, part)] for d in (ours, theirs)
            )
            assert have == want
    for code, artifacts in render_sites(loaded, loaded.sites):
        for artifact in artifacts:
            committed = HORIZON / "rendered" / code / artifact.path
            assert artifact.text == committed.read_text(encoding="utf-8"), artifact.path


def test_comments_order_and_quotes_survive(old: Path) -> None:
    for change in plan(old, answers=ANSWERS).changes:
        before, after = (d.decode().splitlines() for d in (change.before, change.after))
        assert len(before) == len(after)
        others = [(b, a) for b, a in zip(before, after, strict=True) if b != a]
        for one, other in others:
            assert re.match(r"(schema|    owner):", one)
            assert one.partition(":")[0] == other.partition(":")[0]
        kept = [m.group() for line in before if (m := COMMENT.search(line))]
        comments = [m.group() for line in after if (m := COMMENT.search(line))]
        added = list(comments)
        for comment in kept:  # in their order
            added = added[: added.index(comment)] + added[added.index(comment) + 1 :]
        assert {c.strip("# ") for c in added} <= {"Karim Vidal", "Gaël Vidal", "Maëlle Vidal"}


def test_migrating_again_changes_nothing(old: Path) -> None:
    planned = plan(old, answers=ANSWERS)
    assert planned
    write((*planned.changes, *planned.schemas))
    again = plan(old)
    assert not again
    assert (again.changes, again.schemas) == ((), ())
    assert again.files == planned.files == 19


def test_the_example_is_up_to_date() -> None:
    assert not plan(HORIZON)


# --- whose id an owner becomes -----------------------------------------------------------------

HEADER = "person_id;subsidiary;last_name;first_name;usage_name;contract_type;contract_id;"
HEADER += "production;department;start_date;end_date;site;manager_id\n"
PEOPLE = HEADER + "".join(
    f"{id_};hmp;{last};{first};{usage};cdi;C-{id_};;direction;2020-01-01;;par01;\n"
    for id_, last, first, usage in (
        ("P1", "Lefèvre", "Anaïs", ""),
        ("P2", "Martin", "Jean", ""),
        ("P3", "Martin", "Jean", ""),
        ("P4", "Durand", "Zoé", "Petit-Durand"),
        ("77", "Chiffre", "Yves", ""),
    )
)


def waivers(owner: str) -> str:
    return f"""schema: 1 # one
waivers:
  - id: W-2026-01
    scope: bdx01
    rule: WAN-002
    reason: 'Because: yes'
    risk: low
    compensating: "None"
    {owner}
    approver: CIO
    opened: 2026-11-16
    expires: 2027-05-14
"""


def small(tmp_path: Path, owner: str, *, people: str | None = PEOPLE) -> Path:
    """A folder with a file of waivers of the first version, and people."""
    (tmp_path / "organisation.yaml").write_text("schema: 1\n", encoding="utf-8")
    (tmp_path / "waivers.yaml").write_bytes(waivers(owner).encode())
    if people is not None:
        (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    return tmp_path


def migrated(folder: Path, **answers: str) -> str:
    (change,) = plan(folder, answers=answers).changes
    return change.after.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("owner: Anaïs Lefèvre", "owner: P1 # Anaïs Lefèvre"),
        ("owner: anais LEFEVRE", "owner: P1 # Anaïs Lefèvre"),
        ("owner: Lefèvre  Anaïs", "owner: P1 # Anaïs Lefèvre"),
        ("owner: Zoé Petit Durand", "owner: P4 # Zoé Durand"),
        ("owner: Durand, Zoé", "owner: P4 # Zoé Durand"),
        ("owner: P2", "owner: P2"),
        ("owner: 'Anaïs Lefèvre'", "owner: 'P1' # Anaïs Lefèvre"),
        ('owner: "Anaïs Lefèvre"', 'owner: "P1" # Anaïs Lefèvre'),
        ("owner: Anaïs Lefèvre # asked 3 May", "owner: P1 # asked 3 May"),
        ("owner: Anaïs Lefèvre  ", "owner: P1 # Anaïs Lefèvre  "),
        ("owner: Yves Chiffre", 'owner: "77" # Yves Chiffre'),
        ("owner: |\n      Anaïs Lefèvre", "owner: P1 # Anaïs Lefèvre"),
        ("owner: >- # the boss\n      Anaïs\n      Lefèvre\n", "owner: P1 # the boss\n"),
        ("owner: Anaïs\n      Lefèvre", "owner: P1 # Anaïs Lefèvre"),
    ],
)
def test_a_name_becomes_the_id_of_whom_it_means(before: str, after: str, tmp_path: Path) -> None:
    text = migrated(small(tmp_path, before))
    assert text == waivers(after).replace("schema: 1", "schema: 2")


@pytest.mark.parametrize(
    ("owner", "people", "message", "hint"),
    [
        (
            "owner: Jean Martin",
            PEOPLE,
            "'Jean Martin' is the name of 2 people: P2, P3",
            "say whose id it becomes: --person 'Jean Martin=ID'",
        ),
        (
            "owner: Anaïs Lefebvre",
            PEOPLE,
            "nobody in people.csv is called 'Anaïs Lefebvre'",
            "did you mean 'Anaïs Lefèvre'? say whose id it becomes: --person 'Anaïs Lefebvre=ID'",
        ),
        (
            "owner: Anaïs Lefèvre",
            None,
            "'Anaïs Lefèvre' becomes a person_id, and there is no people.csv to find it in",
            "say whose id it becomes: --person 'Anaïs Lefèvre=ID'",
        ),
    ],
)
def test_a_name_that_could_be_nobody_or_several_is_asked_for(
    owner: str, people: str | None, message: str, hint: str, tmp_path: Path
) -> None:
    folder = small(tmp_path, owner, people=people)
    with pytest.raises(InputError) as error:
        plan(folder)
    (problem,) = error.value.problems
    assert (problem.place.line, problem.place.column) == (9, 12)
    assert (problem.message, problem.hint) == (message, hint)
    name = owner.removeprefix("owner: ")
    assert "owner: P1 # " in migrated(folder, **{name: "P1"})


def test_an_answer_is_somebody(tmp_path: Path) -> None:
    folder = small(tmp_path, "owner: Jean Martin")
    with pytest.raises(InputError) as error:
        plan(folder, answers={"Jean Martin": "P9"})
    assert "nobody has the id 'P9', which was given for 'Jean Martin'" in str(error.value)


def test_a_flow_of_one_line_keeps_its_line(tmp_path: Path) -> None:
    folder = small(tmp_path, "owner: Anaïs Lefèvre")
    path = folder / "waivers.yaml"
    path.write_text(
        "waivers: [{ id: W-2026-01, scope: bdx01, rule: WAN-002, reason: a, risk: low,\n"
        "    compensating: b, owner: Anaïs Lefèvre, approver: c, opened: 2026-11-16,\n"
        "    expires: 2027-05-14 }] # all of them\n"
        "schema: 1",
        encoding="utf-8",
    )
    before = path.read_text(encoding="utf-8")
    (change,) = plan(folder).changes
    wanted = before.replace("Anaïs Lefèvre", "P1").replace("schema: 1", "schema: 2")
    assert change.after.decode() == wanted
    assert change.difference().endswith("+schema: 2\n\\ No newline at end of file\n")


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_stay(line_end: str, mark: str, tmp_path: Path) -> None:
    folder = small(tmp_path, "owner: Anaïs Lefèvre")
    path = folder / "waivers.yaml"
    path.write_bytes((mark + waivers("owner: Anaïs Lefèvre").replace("\n", line_end)).encode())
    wanted = mark + waivers("owner: P1 # Anaïs Lefèvre").replace("\n", line_end)
    assert migrated(folder) == wanted.replace("schema: 1", "schema: 2")


def test_a_file_that_is_wrong_otherwise_is_not_rewritten(tmp_path: Path) -> None:
    folder = small(tmp_path, "owner: Anaïs Lefèvre\n    ownr: x")
    with pytest.raises(InputError) as error:
        plan(folder)
    assert "waivers.yaml:10:5: unknown key 'ownr'" in str(error.value)
    small(tmp_path, "owner: &a Anaïs")
    with pytest.raises(InputError, match="anchors"):
        plan(folder)
    small(tmp_path, "owner: [")
    with pytest.raises(InputError, match="is missing after"):
        plan(folder)
    small(tmp_path, "approved: 1").joinpath("waivers.yaml")
    with pytest.raises(InputError, match="key 'owner' is missing"):
        plan(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema: 3\nwaivers: []\n", "schema 3 is newer than what this sitekit reads"),
        ("waivers: []\n", "key 'schema' is missing"),
        ("schema: '1'\nwaivers: []\n", "'schema' should be a whole number"),
        ("", "the file is empty"),
    ],
)
def test_a_file_without_a_version_that_can_be_left_is_said(
    text: str, message: str, tmp_path: Path
) -> None:
    folder = small(tmp_path, "owner: P1")
    (folder / "waivers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        plan(folder)
    assert message in error.value.problems[0].message


def test_all_that_is_wrong_is_said_at_once(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(old)
    with pytest.raises(InputError) as error:
        plan(".")
    assert [str(problem.place) for problem in error.value.problems] == [
        "productions.yaml:11:12",
        "productions.yaml:22:12",
        "productions.yaml:32:12",
        "waivers.yaml:10:12",
    ]


def test_a_folder_without_an_organisation_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no organisation.yaml here"):
        plan(tmp_path)


# --- text with edits ---------------------------------------------------------------------------

CHARACTERS = st.text(st.sampled_from("abcXYZ01 _-.é'\":#,[]{}&*!|>%@`?"), min_size=1, max_size=12)
VALUES = CHARACTERS.map(str.strip).filter(bool)
WORD = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}", fullmatch=True)
BLOCK_STYLES = ("plain", "single", "double", "literal", "folded")


def styled(value: str, style: str) -> str:
    """A value as somebody may have written it."""
    if style == "single":
        return "'" + value.replace("'", "''") + "'"
    if style in ("literal", "folded"):
        return f"{'|' if style == 'literal' else '>-'} # on\n      {value}"
    return _scalar(value, "" if style == "plain" else '"')


@given(
    values=st.lists(
        st.tuples(VALUES, st.sampled_from(BLOCK_STYLES), st.sampled_from(["", " # note", "   "])),
        min_size=1,
        max_size=5,
    ),
    data=st.data(),
    new=WORD,
    flow=st.booleans(),
)
def test_an_edit_changes_one_value_and_nothing_else(
    values: list[tuple[str, str, str]], data: Any, new: str, flow: bool
) -> None:
    if flow:
        items = [
            f"{{b: x, a: {styled(v, s if s[0] != 'l' and s[0] != 'f' else 'double')}}}"
            for v, s, _ in values
        ]
        text = f"list: [{', '.join(items)}] # all\nz: end"
    else:
        text = "list: # all\n"
        for value, style, behind in values:
            behind = "" if style in ("literal", "folded") else behind
            text += f"  - a: {styled(value, style)}{behind}\n    # between\n    b: x\n"
        text += "z: end"
    document = parse_yaml(text.encode(), shown="x")
    assert not document.problems
    index = data.draw(st.integers(0, len(values) - 1))
    file = Written(text, document)
    edits = file.replaced(("list", index, "a"), new, remark="who # it is")
    after = file.with_edits(edits)
    read = parse_yaml(after.encode(), shown="x")
    assert not read.problems
    wanted = json.loads(json.dumps(document.data))
    wanted["list"][index]["a"] = new
    assert read.data == wanted
    assert after.startswith(text[: min(edit.start for edit in edits)])
    assert after.endswith(text[max(edit.end for edit in edits) :])
    for comment in ("# all", "# between", "# note", "# on"):
        assert text.count(comment) == after.count(comment)


def test_edits_that_overlap_and_paths_that_are_not_there_are_mistakes_of_a_step() -> None:
    text = "a: {b: c}\n"
    file = Written(text, parse_yaml(text.encode(), shown="x"))
    edits = file.replaced(("a", "b"), "d")
    with pytest.raises(ValueError, match="two edits at character 7"):
        file.with_edits([*edits, *edits])
    for path in (("a",), ("a", "x"), ("x",), ("a", 0)):
        with pytest.raises(KeyError):
            file.replaced(path, "d")
    assert file.value(("a", "b", "c")) is None
    assert file.length(("a",)) == 0
    assert file.text == text


# --- steps -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_steps_lead_from_the_first_version_to_the_one_that_is_read(kind: str) -> None:
    steps = steps_from(kind, FIRST)
    assert [step.to for step in steps] == list(range(FIRST + 1, current_version(KINDS[kind]) + 1))
    assert all(step.title for step in steps)
    assert steps_from(kind, current_version(KINDS[kind])) == ()


def test_every_step_is_of_a_kind() -> None:
    assert {step.kind for step in STEPS} <= set(KINDS)
    assert len({(step.kind, step.to) for step in STEPS}) == len(STEPS)


def test_a_step_says_nothing_of_a_file_that_it_does_not_understand() -> None:
    for text in ("schema: 1\n", "waivers: 3\n", "waivers: [1, {owner: [x]}, {}]\n"):
        file = Written(text, parse_yaml(text.encode(), shown="x"))
        (step,) = steps_from("waivers", 1)
        assert list(step.rewrite(file, Known())) == []


def test_what_new_writes_is_up_to_date(tmp_path: Path) -> None:
    organisation, done = (
        tmp_path / "lum",
        sitekit(
            "new", "organisation", "Lum", "--code", "lum", "--domain", "l.example", folder=tmp_path
        ),
    )
    assert done.returncode == 0, done.stderr
    again = sitekit("migrate", folder=organisation)
    assert (again.returncode, again.stdout) == (0, "")
    assert "1 file, all up to date" in again.stderr
    from ipaddress import IPv4Network

    texts = {
        "organisation": new_organisation(
            name="L", code="lu", domain="l.example", pool=IPv4Network("10.0.0.0/12"), language="fr"
        ),
        "subsidiary": new_subsidiary(name="L", domain="l.example", registration="123456789"),
    }
    for kind, text in texts.items():
        written = parse_yaml(text.encode(), shown="x").data["schema"]
        assert written == current_version(KINDS[kind])


def test_files_of_a_catalogue_are_looked_at_as_well(tmp_path: Path) -> None:
    folder = small(tmp_path, "owner: P2")
    for name in ("catalogue/fit_out.yaml", "catalogue/hardware/ours.yaml", "catalogue/zones.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("schema: 9\n", encoding="utf-8")
    platform = folder / "catalogue/platforms/ours/platform.yaml"
    platform.parent.mkdir(parents=True)
    platform.write_text("schema: 9\n", encoding="utf-8")
    (folder / "sites").mkdir()
    (folder / "sites/par01.assigned.yaml").write_text("schema: 9\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        plan(folder)
    assert len(error.value.problems) == 5
    assert all("is newer than" in problem.message for problem in error.value.problems)


# --- the verb ----------------------------------------------------------------------------------


def test_a_dry_run_shows_the_diff_and_writes_nothing(old: Path) -> None:
    before = files(old)
    done = sitekit("migrate", "--dry-run", *ON_THE_LINE, folder=old)
    assert done.returncode == 1
    assert files(old) == before
    assert "--- a/productions.yaml\n+++ b/productions.yaml\n" in done.stdout
    assert "-    owner: Solène Vidal\n+    owner: P0039 # Maëlle Vidal\n" in done.stdout
    assert "productions.yaml: productions 2: owner: a person_id of people.csv" in done.stderr
    schemas = len(plan(old, answers=ANSWERS).schemas)
    assert f"2 files and {schemas} schemas for editors would change" in done.stderr


def test_the_diff_is_one_that_others_can_apply(old: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(old, tmp_path / "other"))
    diff = "".join(change.difference() for change in plan(old, answers=ANSWERS).changes)
    diff = diff.replace(str(old).lstrip("/") + "/", "")
    done = subprocess.run(
        ["git", "apply", "-p1", "-"], cwd=other, input=diff, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    write(plan(old, answers=ANSWERS).changes)
    assert files(other) == files(old)


def test_migrate_writes_and_says_so(old: Path) -> None:
    (old / "waivers.yaml").chmod(0o640)
    done = sitekit("migrate", ".", *ON_THE_LINE, folder=old)
    assert done.returncode == 0, done.stderr
    assert "written; next: sitekit check" in done.stderr
    assert stat.S_IMODE((old / "waivers.yaml").stat().st_mode) == 0o640
    assert sitekit("check", "--today", "2026-11-24", folder=old).returncode == 0
    again = sitekit("migrate", old / "organisation.yaml", folder=old.parent)
    assert (again.returncode, again.stdout) == (0, "")
    assert "19 files, all up to date" in again.stderr
    assert not [p for p in old.rglob(".*") if p.name != ".schemas"], "nothing is left beside"


def test_migrate_speaks_json(old: Path) -> None:
    done = sitekit("migrate", "--dry-run", "--json", *ON_THE_LINE, folder=old)
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert said["written"] is False
    assert [(f["file"], f["kind"], f["from"], f["to"]) for f in said["files"]] == [
        ("productions.yaml", "productions", 1, 2),
        ("waivers.yaml", "waivers", 1, 2),
    ]
    assert said["files"][0]["steps"] == [{"title": "owner: a person_id of people.csv", "to": 2}]
    assert said["files"][1]["diff"].startswith("--- a/waivers.yaml\n")
    assert ".schemas/waivers.json" in said["schemas"]
    said = json.loads(sitekit("migrate", "--json", *ON_THE_LINE, folder=old).stdout)
    assert said["written"] is True
    said = json.loads(sitekit("migrate", "--json", folder=old).stdout)
    assert (said["written"], said["files"], said["schemas"]) == (False, [], [])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--person", "Inès Carvalho"],
        ["--person", "=P1"],
        ["--person", "A B=P0001", "--person", "A B=P0002"],
        ["--person", "A B=P9999"],
        ["no-such-folder"],
    ],
)
def test_what_cannot_be_done_ends_with_2_and_writes_nothing(
    arguments: list[str], old: Path
) -> None:
    before = files(old)
    done = sitekit("migrate", *arguments, folder=old)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert files(old) == before


def in_a_terminal(
    words: list[str], folder: Path, reply: str, *, colour: bool = False
) -> tuple[int, str]:
    """How the verb ends in a terminal where somebody replies to its question, and what it says."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ |= {"TERM": "xterm", "NO_COLOR": "" if colour else "1"}
        os.execv(sys.executable, [sys.executable, "-m", "sitekit", *words])
    said = answer(terminal, [reply])
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), said


def test_a_terminal_is_asked_first(old: Path) -> None:
    before = files(old)
    code, said = in_a_terminal(["migrate", *ON_THE_LINE], old, "n")
    assert "owner: P0039" in said
    assert "Write 2 files and" in said
    assert "nothing was written" in said
    assert code == 1
    assert files(old) == before
    code, said = in_a_terminal(["migrate", *ON_THE_LINE], old, "y", colour=True)
    assert "\x1b[32m+    owner: P0039 # Maëlle Vidal" in said
    assert code == 0
    assert not plan(old)


def test_compare_reaches_back_over_a_migration(old: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=old, check=True, capture_output=True)
    assert sitekit("migrate", *ON_THE_LINE, folder=old).returncode == 0
    done = sitekit("render", "bdx01", "--compare", "HEAD", folder=old)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "0 different effects" in done.stderr


def test_a_migration_that_was_killed_is_completed_by_the_next(old: Path) -> None:
    planned = plan(old, answers=ANSWERS)
    write(planned.changes[:1])
    assert plan(old, answers=ANSWERS).changes == planned.changes[1:]


def test_what_could_not_be_written_is_not_said_to_be(old: Path) -> None:
    target = old.parent / "waivers.yaml"
    (old / "waivers.yaml").rename(target)
    (old / "waivers.yaml").symlink_to(target)
    before = files(old)
    done = sitekit("migrate", "--json", *ON_THE_LINE, folder=old)
    assert (done.returncode, done.stdout) == (2, "")
    assert "waivers.yaml is a link; nothing was written" in done.stderr
    assert files(old) == before


# --- all files or none -------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path: Path) -> dict[Path, tuple[bytes, bytes]]:
    found = {}
    for name in ("a", "b", "c"):
        path = tmp_path / name
        path.write_bytes(name.encode())
        found[path] = (name.encode(), name.upper().encode())
    return found


def test_files_are_replaced_together(three: dict[Path, tuple[bytes, bytes]]) -> None:
    replace_whole(three)
    assert [path.read_bytes() for path in three] == [b"A", b"B", b"C"]
    assert len(list(next(iter(three)).parent.iterdir())) == 3


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_when_one_cannot_take_its_place_all_are_as_they_were(
    fails_at: int, three: dict[Path, tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    really, calls = Path.replace, 0

    def replace(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise OSError(28, "No space left on device", str(target))
        return really(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        replace_whole(three)
    monkeypatch.undo()
    assert [path.read_bytes() for path in three] == [b"a", b"b", b"c"]
    assert len(list(next(iter(three)).parent.iterdir())) == 3


def test_a_full_disk_is_noticed_before_the_first_file_changes(
    three: dict[Path, tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = 0

    def fsync(_: int) -> None:
        nonlocal synced
        synced += 1
        if synced == 3:
            raise OSError(28, "No space left on device", "c")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OutputError):
        replace_whole(three)
    assert [path.read_bytes() for path in three] == [b"a", b"b", b"c"]
    assert len(list(next(iter(three)).parent.iterdir())) == 3


def test_a_link_and_a_file_that_changed_meanwhile_stop_everything(
    three: dict[Path, tuple[bytes, bytes]],
) -> None:
    *_, last = three
    last.write_bytes(b"edited")
    with pytest.raises(OutputError, match="has changed meanwhile; nothing was written"):
        replace_whole(three)
    last.unlink()
    last.symlink_to(next(iter(three)))
    with pytest.raises(OutputError, match="is a link; nothing was written"):
        replace_whole(three)
    assert [path.read_bytes() for path in list(three)[:2]] == [b"a", b"b"]


def test_the_frozen_example_is_the_first_versions() -> None:
    """It is never touched again: it is what somebody's files look like."""
    for path in sorted(V1.rglob("*.yaml")):
        assert re.search(rb"^schema: 1$", path.read_bytes(), re.MULTILINE), path.relative_to(ROOT)
