"""Findings as SARIF 2.1.0 (OASIS), so that a code review shows each at its line.

Paths are relative to the repository's root. A fingerprint depends on what is wrong and in which
file, not on the line, so that a finding keeps its identity when lines above it move.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..errors import Place, Problem
from ..findings import Finding, Severity
from .locate import repository_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
INPUT = "input"  # the one rule of files that cannot be understood


def of_findings(
    findings: Iterable[Finding], waived: Iterable[tuple[Finding, str]], folder: Path
) -> dict[str, Any]:
    """A log of findings; waived ones are suppressed results with the reason of their waiver."""
    root = repository_of(folder) or folder
    results = [_result(finding, folder, root) for finding in findings]
    for finding, reason in waived:
        suppressed = _result(finding, folder, root)
        suppressed["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": reason}
        ]
        results.append(suppressed)
    return _log(results)


def of_problems(problems: Sequence[Problem], folder: Path) -> dict[str, Any]:
    """A log of problems with the input; what the files say is never repeated in it."""
    root = repository_of(folder) or folder
    return _log(
        [
            _entry(INPUT, "error", problem.message, problem.hint, problem.place, folder, root)
            for problem in problems
        ]
    )


def _result(finding: Finding, folder: Path, root: Path) -> dict[str, Any]:
    message = f"{finding.subject}: {finding.message}"
    return _entry(
        finding.rule,
        LEVELS[finding.severity],
        message,
        finding.remedy,
        finding.place,
        folder,
        root,
    )


def _entry(
    rule: str, level: str, message: str, hint: str, place: Place, folder: Path, root: Path
) -> dict[str, Any]:
    uri = _uri(place, folder, root)
    location: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": "SRCROOT"}}
    if place.line:
        location["region"] = {"startLine": place.line, "startColumn": max(place.column, 1)}
    lasting = re.sub(r":\d+(:\d+)?", "", message)  # it may name lines of other files
    identity = hashlib.sha256(f"{rule}\0{uri}\0{lasting}".encode()).hexdigest()
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": f"{message}\n{hint}" if hint else message},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"sitekit/v1": identity},
    }


def _log(results: list[dict[str, Any]]) -> dict[str, Any]:
    rules = sorted({result["ruleId"] for result in results})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "sitekit",
                        "semanticVersion": __version__,
                        "rules": [{"id": rule} for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    {**result, "ruleIndex": rules.index(result["ruleId"])} for result in results
                ],
            }
        ],
    }


def _uri(place: Place, folder: Path, root: Path) -> str:
    """A path below the root; what stands in sitekit's own catalogue is told at the organisation."""
    path = Path(place.file)
    if place.file.startswith("sitekit:"):
        path = folder / "organisation.yaml"
    return quote(Path(os.path.relpath(path, root)).as_posix())
