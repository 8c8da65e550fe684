"""One stack under two engines: begun by the stand-in, continued by a real pulumi, and back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.organisations import edit
from tests.stacks.office import Office, project_of

pytest.importorskip("pulumi_azure_native")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="needs a real pulumi on PATH"),
]
RUN = ("up", "--yes", "--skip-preview")


def stand_in(
    office: Office, stack: str, *arguments: str, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the lab's own engine in the folder of a stack; it must end well."""
    environment = office.environment | {
        "SITEKIT_SECRETS": str(office.secrets),
        "PULUMI_PYTHON_CMD": sys.executable,
    }
    done = subprocess.run(
        [sys.executable, "-m", "sitekit.lab.engine", *arguments, "--stack", stack,
         "--non-interactive"],
        cwd=office.folder / "stacks" / project_of(stack), env=environment,
        input=text or "", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


def test_stacks_move_between_engines_and_nothing_changes(tmp_path: Path) -> None:
    office = Office.open(tmp_path)
    try:
        for stack in ("hrz", "kin", "bdx01"):
            stand_in(office, stack, *RUN)
            office.pulumi(stack, *RUN, "--expect-no-changes")
            stand_in(office, stack, *RUN, "--expect-no-changes")
        file = office.folder / "subsidiaries" / "kin.yaml"
        edit(file, "name: Kinolune\n", "name: Kinolune Films\n")
        office.pulumi("kin", *RUN)
        exported = office.pulumi("kin", "stack", "export").stdout
        stand_in(office, "kin", "stack", "import", text=exported)
        stand_in(office, "kin", *RUN, "--expect-no-changes")
        edit(file, "name: Kinolune Films\n", "name: Kinolune\n")
        stand_in(office, "kin", *RUN)
        office.pulumi("kin", *RUN, "--expect-no-changes")
        office.pulumi("bdx01", "refresh", "--yes", "--skip-preview", "--expect-no-changes")
    finally:
        office.close()
