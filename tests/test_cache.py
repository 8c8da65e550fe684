"""What earlier runs found changes how long a run takes, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitekit import DesignError, InputError, check_organisation, load_organisation
from sitekit.cli import cache, run
from sitekit.cli.cache import read, remembering, write
from sitekit.cli.output import stamp_of
from sitekit.load import LoadedOrganisation
from sitekit.load.memory import Memory, program_digest
from sitekit.load.organisation import summary_of
from sitekit.render import files_of
from tests.organisations import HORIZON, WRITTEN, copy_of_horizon, edit

SITES = sorted(path.stem for path in (HORIZON / "sites").glob("?????.yaml"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for one test."""
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_of_horizon(tmp_path)


def outcome(folder: Path, *, cached: bool, render: bool = True) -> object:
    """All that a run has to say: what is wrong, else the findings and every rendered byte."""
    with remembering(folder, unless=not cached) as memory:
        assert (memory is not None) == cached
        try:
            loaded = load_organisation(folder, memory=memory)
        except InputError as error:
            return error.problems, [problem.sensitive for problem in error.problems]
        report = check_organisation(loaded, today=WRITTEN)
    files = {code: rendered(loaded, code) for code in loaded.sites} if render else {}
    return report, len(loaded.people), tuple(loaded.people), files


def rendered(loaded: LoadedOrganisation, code: str) -> object:
    try:
        return files_of(loaded, code)
    except DesignError as error:
        return str(error)


def file_of(home: Path) -> Path:
    (path,) = home.iterdir()
    return path


# --- whatever is edited --------------------------------------------------------------------------


def _replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        if path.exists():
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def _appended(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        if path.exists():
            path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return change


def _made(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return change


def _restored(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        if (HORIZON / name).exists():
            shutil.copyfile(HORIZON / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)

    return change


def _removed(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink(missing_ok=True)


def _copied(name: str, to: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        if (folder / name).exists():
            shutil.copyfile(folder / name, folder / to)

    return change


ZONES = (Path(load_organisation.__code__.co_filename).parents[1] / "catalogue").joinpath
EDITS: dict[str, Callable[[Path], None]] = {
    "a comment": _appended("sites/bdx01.yaml", "# nothing\n"),
    "a line more above everything": _replaced("sites/bdx01.yaml", "schema: 1\n", "\nschema: 1\n"),
    "more people": _replaced("sites/bdx01.yaml", "people: 4", "people: 9"),
    "fewer people": _replaced("sites/bdx01.yaml", "people: 9", "people: 4"),
    "a misspelt key": _replaced("sites/bdx01.yaml", "people:", "peeple:"),
    "a key spelt right": _replaced("sites/bdx01.yaml", "peeple:", "people:"),
    "a tab": _appended("sites/lyo01.yaml", "\tx: 1\n"),
    "an unknown model": _replaced("sites/bdx01.yaml", "fg-40f", "fg-41f"),
    "an unknown subsidiary": _replaced("sites/bdx01.yaml", "subsidiary: kin", "subsidiary: kim"),
    "two sites with one block": _copied("sites/bdx01.yaml", "sites/bdx02.yaml"),
    "the second site gone": _removed("sites/bdx02.yaml"),
    "a site gone": _removed("sites/mrs01.yaml"),
    "a site back": _restored("sites/mrs01.yaml"),
    "a site as it was": _restored("sites/bdx01.yaml"),
    "another as it was": _restored("sites/lyo01.yaml"),
    "choices of no site": _made("sites/abc01.assigned.yaml", "schema: 1\nsite: abc01\n"),
    "choices of no site gone": _removed("sites/abc01.assigned.yaml"),
    "choices of another": _made("sites/bdx01.assigned.yaml", "schema: 1\nsite: lyo01\n"),
    "a name that another site has": _made(
        "sites/bdx01.assigned.yaml",
        "schema: 1\nsite: bdx01\ndevices: { firewall: [par01-fw-01] }\n",
    ),
    "no choices": _removed("sites/bdx01.assigned.yaml"),
    "choices as they were": _restored("sites/bdx01.assigned.yaml"),
    "a .yml": _made("sites/par09.yml", "schema: 1\n"),
    "no .yml": _removed("sites/par09.yml"),
    "the organisation renamed": _replaced("organisation.yaml", "name: ", "name: New "),
    "another language": _replaced("organisation.yaml", "language: fr", "language: en"),
    "the organisation broken": _appended("organisation.yaml", "nonsense: 1\n"),
    "the organisation as it was": _restored("organisation.yaml"),
    "a subsidiary commented": _appended("subsidiaries/kin.yaml", "# x\n"),
    "a subsidiary broken": _appended("subsidiaries/kin.yaml", "nonsense: 1\n"),
    "a subsidiary gone": _removed("subsidiaries/kin.yaml"),
    "a subsidiary back": _restored("subsidiaries/kin.yaml"),
    "no productions": _removed("productions.yaml"),
    "productions back": _restored("productions.yaml"),
    "a production renamed": _replaced("productions.yaml", "name: ", "name: X "),
    "a production in another slot": _replaced("productions.yaml", "slot: 1", "slot: 2"),
    "no waivers": _removed("waivers.yaml"),
    "waivers back": _restored("waivers.yaml"),
    "no people": _removed("people.csv"),
    "people back": _restored("people.csv"),
    "people at no site": _replaced("people.csv", ";par01;", ";par00;"),
    "sizing of the user": _copied("../sizing.yaml", "catalogue/sizing.yaml"),
    "no sizing of the user": _removed("catalogue/sizing.yaml"),
    "an unknown part": _made("catalogue/strange.yaml", "schema: 1\n"),
    "no unknown part": _removed("catalogue/strange.yaml"),
}


REMOVALS = ("no productions", "no waivers", "no people", "no choices")  # the example has these


def _argue(edits: list[str], folder: Path) -> None:
    (folder / "catalogue").mkdir(exist_ok=True)
    sizing = ZONES("sizing.yaml").read_text(encoding="utf-8")
    (folder.parent / "sizing.yaml").write_text(sizing.replace("growth: 1.", "growth: 2."))
    for name in edits:
        EDITS[name](folder)
        assert outcome(folder, cached=True) == outcome(folder, cached=False), name
    assert outcome(folder, cached=True) == outcome(folder, cached=False)


PROVED = settings(
    max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@PROVED
@given(st.lists(st.sampled_from(sorted(EDITS)), min_size=1, max_size=4))
def test_edits_have_the_same_outcome_with_and_without(
    tmp_path_factory: pytest.TempPathFactory, edits: list[str]
) -> None:
    _argue(edits, copy_of_horizon(tmp_path_factory.mktemp("organisation")))


@pytest.mark.slow
@settings(PROVED, max_examples=75)
@given(st.lists(st.sampled_from(sorted(EDITS)), min_size=1, max_size=8))
def test_many_edits_have_the_same_outcome_with_and_without(
    tmp_path_factory: pytest.TempPathFactory, edits: list[str]
) -> None:
    _argue(edits, copy_of_horizon(tmp_path_factory.mktemp("organisation")))


def test_every_edit_is_one(copy: Path) -> None:
    """No edit of the list is without effect for want of the text that it looks for."""
    (copy / "catalogue").mkdir()
    (copy.parent / "sizing.yaml").write_text("")

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    original = content()
    undoing = ("no ", "fewer people", "a key spelt right", "the second site gone", "choices of no ")
    for name, change in EDITS.items():
        change(copy)
        changed = content() != original
        if not name.endswith((" back", "as it was", "as they were")):
            undoes = name.startswith(undoing) and name != "choices of no site"
            assert changed != (undoes and name not in REMOVALS), name
        for path in content().keys() - original.keys():
            path.unlink()
        for path, data in original.items():
            path.write_bytes(data)


def test_messages_name_files_as_seen_from_here(
    copy: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for here in (copy, copy / "sites", copy.parent, copy):
        monkeypatch.chdir(here)
        for folder in (copy, Path(os.path.relpath(copy))):
            assert outcome(folder, cached=True) == outcome(folder, cached=False)


def test_what_is_known_of_a_site_is_what_it_says(copy: Path, home: Path) -> None:
    outcome(copy, cached=True, render=False)
    with remembering(copy) as memory:
        known = load_organisation(copy, memory=memory)
        for code in SITES:
            assert known.summary(code) == summary_of(load_organisation(copy).sites[code])


# --- a cache that is wrong -----------------------------------------------------------------------


def damaged(path: Path) -> Iterator[bytes]:
    whole = path.read_bytes()
    for length in (0, 1, 40, 80, 81, len(whole) // 2, len(whole) - 1):
        yield whole[:length]
    for at in range(0, len(whole), max(len(whole) // 40, 1)):
        yield whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    yield whole + b" "
    yield whole.partition(b"\n")[2]
    yield b"{}"
    yield b"\n" * 100


def test_a_torn_or_altered_file_is_nothing_and_is_replaced(copy: Path, home: Path) -> None:
    expected = outcome(copy, cached=True, render=False)
    path = file_of(home)
    whole = path.read_bytes()
    for content in damaged(path):
        path.write_bytes(content)
        assert read(path, program_digest()) == {}
    path.write_bytes(whole[: len(whole) // 2])
    assert outcome(copy, cached=True, render=False) == expected
    assert json.loads(path.read_bytes().partition(b"\n")[2])["sites"].keys() == set(SITES)


def test_another_sitekit_believes_nothing(copy: Path, home: Path) -> None:
    outcome(copy, cached=True, render=False)
    assert read(file_of(home), program_digest())
    assert read(file_of(home), program_digest()[::-1]) == {}


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_file_that_others_may_write_is_nothing(copy: Path, home: Path, mode: int) -> None:
    outcome(copy, cached=True, render=False)
    file_of(home).chmod(mode)
    assert read(file_of(home), program_digest()) == {}


def test_a_link_is_nothing(copy: Path, home: Path) -> None:
    outcome(copy, cached=True, render=False)
    path = file_of(home)
    path.rename(home.parent / "elsewhere")
    path.symlink_to(home.parent / "elsewhere")
    assert read(path, program_digest()) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_file_of_somebody_else_is_nothing(copy: Path, home: Path) -> None:
    outcome(copy, cached=True, render=False)
    os.chown(file_of(home), 12345, 12345)
    assert read(file_of(home), program_digest()) == {}


def altered(known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What no run of ours would have written, with the digest of one that would."""
    first, second, *_ = SITES
    sites = known["sites"]
    yield {**known, "sites": {**sites, first: sites[second], second: sites[first]}}
    yield {**known, "sites": {code: {**entry, "key": ""} for code, entry in sites.items()}}
    for strange in (None, 1, "x", [], [[]], {"x": 1}, [None] * 8, {"shown": 1, "found": 2}, True):
        yield {**known, "sites": strange}
        yield {**known, "people": strange}
        yield {**known, "sites": {**sites, first: strange}}
        if strange is not None and strange != []:
            yield {**known, "sites": {**sites, first: {**sites[first], "lines": strange}}}
            yield {**known, "sites": {**sites, first: {**sites[first], "devices": strange}}}
        yield {**known, "sites": {**sites, first: {**sites[first], "subsidiary": strange}}}
        yield {**known, "sites": {**sites, first: {**sites[first], "findings": strange}}}
        found = {**sites[first]["findings"], "found": [strange]}
        yield {**known, "sites": {**sites, first: {**sites[first], "findings": found}}}
    yield {**known, "sites": {**sites, first: {**sites[first], "block": ["10.0.0.0/99", 0, 1, 1]}}}
    yield {**known, "sites": {**sites, first: {**sites[first], "block": ["10.0.0.0/8", "a", 1, 1]}}}


def test_content_of_a_strange_form_is_nothing(copy: Path, home: Path) -> None:
    expected = outcome(copy, cached=True, render=False)
    path, program = file_of(home), program_digest()
    for known in altered(read(path, program)):
        write(path, program, known)
        assert outcome(copy, cached=True, render=False) == expected, str(known)[:300]


def test_nothing_of_what_was_wrong_is_remembered(copy: Path, home: Path) -> None:
    edit(copy / "sites/bdx01.yaml", "people: 4", "peeple: 4")
    outcome(copy, cached=True)
    assert read(file_of(home), program_digest())["sites"].keys() == set(SITES) - {"bdx01"}


def test_a_common_file_that_is_wrong_vouches_for_nothing(copy: Path, home: Path) -> None:
    with (copy / "organisation.yaml").open("a", encoding="utf-8") as file:
        file.write("nonsense: 1\n")
    outcome(copy, cached=True)
    known = read(file_of(home), program_digest()) if home.exists() else {}
    assert known.get("sites", {}) == {}


def test_a_catalogue_saved_while_it_is_read_vouches_for_nothing(
    copy: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sitekit.load.standard as module

    path = copy / "catalogue" / "services.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("schema: 1\nservices: {}\n", encoding="utf-8")
    real = module.load_catalogue

    def saved(extra: Path | None, show: Callable[[Path], str], **more: Any) -> Any:
        found = real(extra, show, **more)
        path.write_text("schema: 1\nservices: {} # saved\n", encoding="utf-8")
        return found

    monkeypatch.setattr(module, "load_catalogue", saved)
    outcome(copy, cached=True, render=False)
    assert not home.exists()


def test_a_template_saved_while_we_render_vouches_for_no_output(
    copy: Path, home: Path, rendering: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sitekit.render as package

    template = copy / "catalogue" / "platforms" / "own" / "port.j2"
    template.parent.mkdir(parents=True, exist_ok=True)
    template.write_text("old", encoding="utf-8")
    counted = package.files_of

    def saved(organisation: LoadedOrganisation, code: str) -> Any:
        template.write_text("new", encoding="utf-8")
        return counted(organisation, code)

    arguments = ["render", "bdx01", "--organisation", str(copy), "--out", str(copy.parent / "out")]
    monkeypatch.setattr(package, "files_of", saved)
    assert run(arguments) == 0
    monkeypatch.setattr(package, "files_of", counted)
    template.write_text("old", encoding="utf-8")
    assert run(arguments) == 0
    assert rendering == ["bdx01", "bdx01"]
    assert run(arguments) == 0
    assert rendering == ["bdx01", "bdx01"]


def test_many_at_once_leave_one_whole_file(copy: Path, home: Path) -> None:
    command = [sys.executable, "-m", "sitekit", "check", str(copy), "--today", str(WRITTEN)]
    alone = subprocess.run([*command, "--no-cache"], capture_output=True, check=False)
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    assert {process.communicate() for process in running} == {(alone.stdout, alone.stderr)}
    assert read(file_of(home), program_digest())["sites"].keys() == set(SITES)
    again = subprocess.run(command, capture_output=True, check=False)
    assert (again.stdout, again.stderr) == (alone.stdout, alone.stderr)


# --- where there is none -------------------------------------------------------------------------


def test_switched_off_nothing_is_written(
    copy: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["check", str(copy), "--no-cache"]) in (0, 1)
    monkeypatch.setenv(cache.OFF, "1")
    assert run(["check", str(copy)]) in (0, 1)
    assert run(["render", "bdx01", "--organisation", str(copy), "--out", f"{copy}-out"]) == 0
    assert not home.exists()


def test_no_folder_can_be_made(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "file" / "cache"))
    assert outcome(copy, cached=True) == outcome(copy, cached=False)


def test_the_organisation_is_left_alone(copy: Path, home: Path) -> None:
    before = stamp_of(copy)
    outcome(copy, cached=True, render=False)
    outcome(copy, cached=True, render=False)
    assert stamp_of(copy) == before


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"SITEKIT_CACHE_DIR": "/a"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/sitekit"),
        ({"XDG_CACHE_HOME": "b", "HOME": "/c"}, "/c/.cache/sitekit"),
        ({"HOME": "/c"}, "/c/.cache/sitekit"),
    ],
)
def test_where_it_is(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SITEKIT_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.cache_folder() == Path(folder)


# --- what is spared ------------------------------------------------------------------------------


def test_only_the_changed_site_is_designed_again(
    copy: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sitekit.design.group as group

    designed: list[str] = []
    real = group.design_site

    def counted(inputs: Any) -> Any:
        designed.append(inputs.code)
        return real(inputs)

    monkeypatch.setattr(group, "design_site", counted)
    outcome(copy, cached=True, render=False)
    assert sorted(designed) == SITES
    designed.clear()
    outcome(copy, cached=True, render=False)
    assert designed == []
    edit(copy / "sites/bdx01.yaml", "people: 4", "people: 5")
    outcome(copy, cached=True, render=False)
    assert designed == ["bdx01"]
    designed.clear()
    with (copy / "subsidiaries/kin.yaml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    outcome(copy, cached=True, render=False)
    loaded = load_organisation(copy)
    assert sorted(designed) == [c for c in SITES if loaded.sites[c].subsidiary_code == "kin"]


def test_one_memory_serves_run_after_run(copy: Path) -> None:
    memory = Memory(program_digest())
    for old, new in (("people: 4", "people: 5"), ("people: 5", "people: 6")):
        loaded = load_organisation(copy, memory=memory)
        check_organisation(loaded, today=WRITTEN)
        edit(copy / "sites/bdx01.yaml", old, new)
    loaded = load_organisation(copy, memory=memory)
    fresh = load_organisation(copy)
    assert check_organisation(loaded, today=WRITTEN) == check_organisation(fresh, today=WRITTEN)
    assert loaded.sites["bdx01"].site.people == 6
    assert {c: replace(s) for c, s in loaded.sites.items()}.keys() == fresh.sites.keys()


# --- rendered files ------------------------------------------------------------------------------


@pytest.fixture
def rendering(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sites that are rendered from now on."""
    import sitekit.render as package

    seen: list[str] = []
    real = package.files_of

    def counted(organisation: LoadedOrganisation, code: str) -> Any:
        seen.append(code)
        return real(organisation, code)

    monkeypatch.setattr(package, "files_of", counted)
    return seen


def test_only_what_changed_is_rendered_again(
    copy: Path, home: Path, rendering: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = copy.parent / "out"

    def rendered(*more: str) -> dict[str, list[str]]:
        rendering.clear()
        capsys.readouterr()
        arguments = ["render", "--organisation", str(copy), "--out", str(out), "--json", *more]
        assert run(arguments) == 0
        report: dict[str, list[str]] = json.loads(capsys.readouterr().out)
        return report

    def same_as_without() -> None:
        """The next report and all files are those of a run that knows nothing."""
        known = copy.parent / "known"
        shutil.rmtree(known, ignore_errors=True)
        shutil.copytree(out, known)
        with_cache = rendered()
        files = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
        shutil.rmtree(out)
        shutil.copytree(known, out)
        assert rendered("--no-cache") == with_cache
        assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} == files

    first = rendered()
    assert rendering == SITES
    assert len(first["written"]) > 100
    again = rendered()
    assert rendering == []
    assert again["unchanged"] == first["written"]
    edit(copy / "sites/bdx01.yaml", "Bordeaux Chartrons", "Bordeaux Lac")
    after = rendered()
    assert rendering == ["bdx01"]
    assert {name.partition("/")[0] for name in after["written"]} == {"bdx01"}
    picture = out / "lyo01" / "topology.svg"
    text = picture.read_text(encoding="utf-8")
    status = picture.stat()
    picture.write_text(text.replace("<svg", "<SVG", 1), encoding="utf-8")
    os.utime(picture, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if nothing had happened
    assert rendered()["overwritten"] == ["lyo01/topology.svg"]
    assert rendering == ["lyo01"]
    assert picture.read_text(encoding="utf-8") == text
    picture.unlink()
    assert rendered()["written"] == ["lyo01/topology.svg"]
    (out / "mrs01" / ".sitekit-manifest.json").unlink()
    rendered()
    assert rendering == ["mrs01"]
    rendered()
    assert rendering == []
    shutil.rmtree(out / "par02")
    rendered()
    assert rendering == ["par02"]
    (out / "par02" / "mine.txt").write_text("a file of somebody else")
    rendered()
    rendered()
    assert rendering == ["par02"]  # a folder that holds more is looked at every time
    (out / "par02" / "mine.txt").unlink()
    (out / "bdx01").rename(copy.parent / "moved")
    (out / "bdx01").symlink_to(copy.parent / "moved")
    assert run(["render", "--organisation", str(copy), "--out", str(out)]) == 2
    (out / "bdx01").unlink()
    rendered()
    same_as_without()
    for name in ("sites/mrs01.yaml", "sites/mrs01.assigned.yaml", "people.csv", "productions.yaml"):
        (copy / name).unlink()
    assert [name for name in rendered()["stale"] if not name.startswith("mrs01/")] == []
    same_as_without()


def test_a_file_that_changes_while_we_write_is_not_taken_for_ours(
    copy: Path, home: Path, rendering: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sitekit.cli.output as output

    out = copy.parent / "out"
    real = output.stamp_of

    def meddled(folder: Path) -> Any:
        if folder.name == "bdx01":
            (folder / "topology.svg").write_text("mine now")
        return real(folder)

    monkeypatch.setattr(output, "stamp_of", meddled)
    arguments = ["render", "bdx01", "lyo01", "--organisation", str(copy), "--out", str(out)]
    assert run(arguments) == 0
    monkeypatch.setattr(output, "stamp_of", real)
    rendering.clear()
    assert run(arguments) == 0
    assert rendering == ["bdx01"]
    assert "mine now" not in (out / "bdx01" / "topology.svg").read_text(encoding="utf-8")


def test_workers_make_no_difference(copy: Path, home: Path) -> None:
    one, two = copy.parent / "one", copy.parent / "two"
    for out, workers in ((one, "1"), (two, "2"), (one, "2")):
        arguments = ["render", "--organisation", str(copy), "--out", str(out)]
        assert run([*arguments, "--workers", workers]) == 0
    texts = [
        {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
        for out in (one, two)
    ]
    assert texts[0] == texts[1]
