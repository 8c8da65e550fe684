"""Secrets: only in files that nobody else reads, never in a message."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitekit.cli.secrets import Vault, refuse_repository, with_secrets
from sitekit.errors import InputError, OutputError, RenderError, SitekitError
from sitekit.load.catalogue import load_catalogue
from sitekit.load.secrets import read_secrets
from sitekit.model.platform import Platform
from sitekit.render.artifact import Artifact
from sitekit.render.secrets import references, resolve

CATALOGUE, _ = load_catalogue(None, str)
PLATFORMS = CATALOGUE.platforms
VALUE = "hunter2hunter2"
A, B = "keyvault:kv-x/a", "env:B"


def placed(platform: Platform, form: str, reference: str = A) -> str:
    return platform.secrets[form].placeholder.replace("{token}", f"<secret:{reference}>")


FORMS = [(platform, form) for platform in sorted(PLATFORMS) for form in PLATFORMS[platform].secrets]

# --- the replacement ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_every_form_of_every_platform_becomes_its_clear_form(name: str, form: str) -> None:
    platform = PLATFORMS[name]
    text = f"before 7\n line {placed(platform, form)} after\nend {placed(platform, form, B)}\n"
    clear = platform.secrets[form].clear
    assert resolve(text, platform, {A: VALUE, B: "other-value"}) == (
        f"before 7\n line {clear.replace('{value}', VALUE)} after\n"
        f"end {clear.replace('{value}', 'other-value')}\n"
    )


def test_two_forms_on_one_line() -> None:
    platform = PLATFORMS["cisco_iosxe"]
    line = (
        f"snmp-server user x SK v3 {placed(platform, 'snmp_auth')} "
        f"{placed(platform, 'snmp_priv', B)}"
    )
    assert resolve(line, platform, {A: VALUE, B: "other-value"}) == (
        "snmp-server user x SK v3 auth sha hunter2hunter2 priv aes 128 other-value"
    )


def test_a_longer_word_is_no_form() -> None:
    with pytest.raises(RenderError, match="no form for the placeholder of keyvault:kv-x/a"):
        resolve(f"key 17 <secret:{A}>", PLATFORMS["cisco_iosxe"], {A: VALUE})


def test_text_without_placeholders_stays() -> None:
    assert resolve("a {value} b\n", PLATFORMS["arista_eos"], {}) == "a {value} b\n"


def test_every_missing_reference_is_listed() -> None:
    platform = PLATFORMS["fortinet_fortios"]
    text = f"set x {placed(platform, 'enc')}\nset y {placed(platform, 'enc', B)}\n"
    assert references(text) == {A, B}
    with pytest.raises(RenderError) as refused:
        resolve(text, platform, {})
    assert str(refused.value) == f"no value for {B}, {A}"


UNFIT = [
    "",
    "short",
    "9",
    "two\nlines-of-it",
    "carriage\rreturn",
    "tab\there-and",
    'quo"te-quote',
    "quo'te-quote",
    "help?-me-now",
    "back\\slash-it",
    "accenté-word",
    "less<than-it",
    " leading-one",
    "trailing-one ",
    "nul\0character",
    "x" * 129,
]


@pytest.mark.parametrize("name", sorted(PLATFORMS))
@pytest.mark.parametrize("value", UNFIT)
def test_a_value_that_the_platform_cannot_hold_is_refused_unseen(name: str, value: str) -> None:
    platform = PLATFORMS[name]
    with pytest.raises(RenderError) as refused:
        resolve(placed(platform, next(iter(platform.secrets))), platform, {A: value})
    assert A in str(refused.value)
    assert len(value) < 8 or value not in str(refused.value)


def test_a_space_stands_only_where_the_platform_quotes() -> None:
    value = "correct horse battery"
    fortios = PLATFORMS["fortinet_fortios"]
    assert value in resolve(placed(fortios, "enc"), fortios, {A: value})
    for name in ("cisco_iosxe", "arista_eos"):
        platform = PLATFORMS[name]
        with pytest.raises(RenderError):
            resolve(placed(platform, next(iter(platform.secrets))), platform, {A: value})


@given(st.sampled_from(FORMS), st.text(max_size=24))
def test_a_secret_is_refused_or_is_one_word_in_its_place(form: tuple[str, str], value: str) -> None:
    platform = PLATFORMS[form[0]]
    text = f"one {placed(platform, form[1])}\ntwo {placed(platform, form[1])} three\n"
    clear = platform.secrets[form[1]].clear
    try:
        resolved = resolve(text, platform, {A: value})
    except RenderError:
        return
    filled = clear.replace("{value}", value)
    assert resolved == f"one {filled}\ntwo {filled} three\n"
    assert re.fullmatch(r"[!-~]+" if platform.syntax != "fortios" else r"[ -~]+", value)


# --- the file ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    organisation = tmp_path / "repository" / "group"
    organisation.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    return organisation


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_private_file_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "s.yaml", f'{A}: "{VALUE}"\n{B}: "0123"\nfile:~/x: plain\n')
    assert read_secrets(file) == {A: VALUE, B: "0123", "file:~/x": "plain"}
    file.chmod(0o400)
    assert read_secrets(file)[A] == VALUE


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path / "s.yaml", f'{A}: "{VALUE}"\n', mode)
    with pytest.raises(SitekitError, match=f"its mode is {mode:04o}") as refused:
        read_secrets(file)
    assert VALUE not in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    write(tmp_path / "large", "#" * (1 << 20) + "\n")
    for name in ("pipe", "folder", "large", "gone", "nul\0"):
        with pytest.raises(SitekitError):
            read_secrets(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        f"{A}: 0123456789012\n",
        f"{A}: 123456789\n",
        f"{A}: yes\n",
        f"{A}: [hunter2hunter2]\n",
        f"{A}: {{x: hunter2hunter2}}\n",
        f"{A}: 'hunter2hunter2\n",
        f"{A}: hunter2hunter2: x\n",
        f"{A}: &x hunter2hunter2\n",
        "hunter2hunter2\n",
        "- hunter2hunter2\n",
        f"hunter2hunter2: {A}\n",
        f"{A}: hunter2hunter2\n{A}: hunter2hunter2\n",
        f"{A}: @hunter2hunter2\n",
        f"{A}: `hunter2hunter2\n",
        f"{A}: %hunter2hunter2\x00\n",
        "{hunter2hunter2\n",
    ],
)
def test_no_problem_of_the_file_repeats_what_stands_there(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "s.yaml", text)
    with pytest.raises(InputError) as refused:
        read_secrets(file)
    said = str(refused.value)
    assert "hunter" not in said
    assert "123" not in said
    assert all(problem.sensitive for problem in refused.value.problems)


def test_neither_file_nor_output_is_in_a_repository(tmp_path: Path, folder: Path) -> None:
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(folder)
    outside = tmp_path / "outside"
    for path in (folder / "s", folder.parent / "s", other / "x" / "s", link / "s", folder):
        with pytest.raises(OutputError, match="is inside"):
            refuse_repository(folder, path, what="--out")
    refuse_repository(folder, outside, what="--out")
    with pytest.raises(OutputError, match="is inside"):  # no git at all
        refuse_repository(outside, outside / "s", what="--out")


# --- all together ------------------------------------------------------------------------------


def artifacts_of(*texts: str) -> Any:
    def artifacts() -> Iterator[tuple[str, Artifact]]:
        for number, text in enumerate(texts):
            yield f"par0{number}", Artifact(PurePosixPath("fw.conf"), text, "fortinet_fortios")
        yield "par09", Artifact(PurePosixPath("notes.md"), f"<secret:{A}> explained")

    return artifacts


def loaded(folder: Path) -> Any:
    return SimpleNamespace(folder=folder, catalogue=CATALOGUE)


def line(reference: str) -> str:
    return f"set key {placed(PLATFORMS['fortinet_fortios'], 'enc', reference)}\n"


def test_values_come_from_the_file_then_the_environment_then_files(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("B", "from-environment")
    monkeypatch.setenv("C", "not-this-one-c")
    (folder / "psk").write_text("from-the-file\n")
    secrets = write(tmp_path / "s.yaml", f'{A}: "{VALUE}"\nenv:C: "from-secrets-file"\n')
    texts = (line(A) + line(B), line("env:C") + line("file:psk"))
    found = list(with_secrets(artifacts_of(*texts), loaded(folder), secrets, tmp_path / "out"))
    assert [artifact.text for _, artifact in found] == [
        f'set key "{VALUE}"\nset key "from-environment"\n',
        'set key "from-secrets-file"\nset key "from-the-file"\n',
        f"<secret:{A}> explained",
    ]


def test_everything_missing_is_said_before_the_first_artifact(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    secrets = write(tmp_path / "s.yaml", f'keyvault:kv-x/other: "{VALUE}"\n')
    texts = (line("keyvault:kv-x/other"), line(A) + line("env:EMPTY"), line("file:gone"))
    with pytest.raises(InputError) as refused:
        with_secrets(artifacts_of(*texts), loaded(folder), secrets, tmp_path / "out")
    said = str(refused.value)
    assert len(refused.value.problems) == 3
    assert f"{A}: the file of secrets does not have it, and no key vault is asked" in said
    assert "env:EMPTY: neither a file nor the environment has it" in said
    assert "file:gone: it is in no file of secrets, and the file it names gives no text" in said
    assert VALUE not in said


def test_a_value_that_cannot_be_held_is_said_before_the_first_artifact(
    tmp_path: Path, folder: Path
) -> None:
    secrets = write(tmp_path / "s.yaml", f'{A}: "{VALUE}"\n{B}: "hunter2 quo?te"\n')
    with pytest.raises(RenderError, match=f"cannot hold the value of {B}") as refused:
        with_secrets(artifacts_of(line(A), line(B)), loaded(folder), secrets, tmp_path / "out")
    assert "hunter2" not in str(refused.value)


def test_a_vault_shows_nothing(tmp_path: Path, folder: Path) -> None:
    vault = Vault(write(tmp_path / "s.yaml", f'{A}: "{VALUE}"\n'), folder)
    vault.look_up(Artifact(PurePosixPath("x"), line(A), "fortinet_fortios"))
    assert vault.values == {A: VALUE}
    assert VALUE not in repr(vault)
