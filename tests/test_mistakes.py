"""Every mistake in tests/mistakes/ is made in a copy of base/ and gives exactly the text beside it.

NAME.yaml says what to change: `file` (below base/) with one of `old` + `new`, `content`, `append`,
`bytes` (base64) or `remove`; `shipped` copies a file of sitekit's catalogue there first; `changes`
is a list of such changes. `today` decides which waivers hold; `hidden` must not be said anywhere.
NAME.txt is what sitekit says. Renew with SITEKIT_RENEW=1, and read the difference.
"""

from __future__ import annotations

import base64
import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from sitekit.design.group import check_organisation
from sitekit.errors import InputError
from sitekit.findings import Finding, Severity
from sitekit.load import load_organisation
from sitekit.load.catalogue import SHIPPED

MISTAKES = Path(__file__).parent / "mistakes"
BASE = MISTAKES / "base"
NAMES = sorted(path.stem for path in MISTAKES.glob("*.yaml"))
WRITTEN = date(2026, 11, 24)
AT_LEAST = 60
TOLD = (Severity.ERROR, Severity.WARNING)


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_gives_exactly_this_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_base(tmp_path)
    mistake = read(name)
    for change in mistake.get("changes", [mistake]):
        make(change, folder)
    monkeypatch.chdir(folder)
    text, hidden = said(date.fromisoformat(str(mistake.get("today", WRITTEN))))
    assert text, "sitekit accepts this"
    for secret in mistake.get("hidden", ()):
        assert secret not in text
        assert hidden, "the source line would be shown, and with it the secret"
    expected = MISTAKES / f"{name}.txt"
    if os.environ.get("SITEKIT_RENEW"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_the_base_has_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BASE)
    assert said(WRITTEN) == ("", False)


def test_there_are_enough_mistakes_and_each_has_its_message() -> None:
    assert len(NAMES) >= AT_LEAST
    assert {path.stem for path in MISTAKES.glob("*.txt")} == set(NAMES)


def test_every_message_says_what_to_do_next() -> None:
    for name in NAMES:
        text = (MISTAKES / f"{name}.txt").read_text(encoding="utf-8")
        first = [line for line in text.splitlines() if not line.startswith("  ")]
        hints = [line for line in text.splitlines() if line.startswith("  hint: ")]
        assert len(first) == len(hints), name


def test_all_problems_of_all_files_are_said_in_one_run() -> None:
    text = (MISTAKES / "several-at-once.txt").read_text(encoding="utf-8")
    files = {line.split(":")[0] for line in text.splitlines() if not line.startswith("  ")}
    assert len(files) >= 5


def read(name: str) -> dict[str, Any]:
    text = (MISTAKES / f"{name}.yaml").read_text(encoding="utf-8")
    mistake = yaml.safe_load(text)
    assert isinstance(mistake, dict)
    return mistake


def copy_of_base(to: Path) -> Path:
    return Path(shutil.copytree(BASE, to / "organisation"))


def make(change: dict[str, Any], folder: Path) -> None:
    """Make one change in a copy of the base."""
    path = folder / change["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    if change.get("shipped"):
        shutil.copy(SHIPPED / Path(change["file"]).relative_to("catalogue"), path)
    if change.get("remove"):
        path.unlink()
    elif "bytes" in change:
        path.write_bytes(base64.b64decode(change["bytes"]))
    elif "content" in change:
        path.write_text(change["content"], encoding="utf-8")
    elif "append" in change:
        path.write_text(path.read_text(encoding="utf-8") + change["append"], encoding="utf-8")
    else:
        text = path.read_text(encoding="utf-8")
        assert text.count(change["old"]) == 1, f"{change['old']!r}: {text.count(change['old'])}"
        path.write_text(text.replace(change["old"], change["new"]), encoding="utf-8")


def said(today: date) -> tuple[str, bool]:
    """What sitekit says of the organisation here, and whether it hides a source line."""
    try:
        organisation = load_organisation(".")
    except InputError as error:
        problems = error.problems
        return "".join(f"{p}\n" for p in problems), any(p.sensitive for p in problems)
    report = check_organisation(organisation, today=today)
    return "".join(shown(finding) for finding in report.findings if finding.severity in TOLD), False


def shown(finding: Finding) -> str:
    line = f"{finding.place}: {finding.severity}: {finding.message} [{finding.rule}]\n"
    return f"{line}  hint: {finding.remedy}\n"
