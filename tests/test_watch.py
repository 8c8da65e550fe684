"""Saving a file has its site checked and rendered again; Ctrl-C ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.organisations import copy_of_horizon, edit

TEMPLATES = Path(__file__).parents[1] / "device_templates"


def test_a_save_is_checked_and_rendered_again(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    out = tmp_path / "out"
    own = copy / "catalogue/platforms/arista_eos"
    shutil.copytree(TEMPLATES / "arista_eos", own)
    running = subprocess.Popen(
        [sys.executable, "-m", "sitekit", "watch", "bdx01", "lyo01", "--out", str(out)],
        cwd=copy,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert running.stderr is not None
    try:

        def until(word: str) -> str:
            assert running.stderr is not None
            return next(line for line in running.stderr if word in line)

        assert until("files written").startswith("bdx01, lyo01: ")
        site = copy / "sites/bdx01.yaml"
        edit(site, "people: 4", "peeple: 4")
        assert "sites/bdx01.yaml" in until("peeple")
        text = site.read_text(encoding="utf-8").replace("peeple", "people")
        aside = tmp_path / "aside"  # one save, whole
        aside.write_text(text.replace("Bordeaux Chartrons", "Bordeaux Lac"), encoding="utf-8")
        aside.replace(site)
        assert until("files written").startswith("bdx01: ")
        edit(own / "_switch.j2", "no aaa root", "! of our own\nno aaa root")
        assert until("files written").startswith("bdx01, lyo01: ")
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
    finally:
        running.kill()
        running.communicate()
    assert "Bordeaux Lac" in (out / "bdx01/topology.svg").read_text(encoding="utf-8")
    assert "! of our own" in (out / "bdx01/bdx01-sw-01.cfg").read_text(encoding="utf-8")
