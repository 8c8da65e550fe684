"""Findings and input problems as SARIF 2.1.0, for the review tools of GitHub and GitLab.

Source of the format: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0",
sections 3.14 (run), 3.27 (result), 3.30 (region), 3.35 (suppression), 3.49 (reporting descriptor).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..design.group import Waived
from ..errors import Place, Problem
from ..findings import Finding, Severity

VERSION = "2.1.0"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
INPUT = "input"  # the rule of everything that keeps the files from being understood
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_LINE_AND_COLUMN = re.compile(r":\d+:\d+\b")


@dataclass(frozen=True, slots=True)
class _Result:
    """One thing to report, wherever it came from."""

    rule: str
    level: str
    subject: str
    message: str
    remedy: str
    place: Place
    waived: Waived | None = None


def sarif(
    *,
    version: str,
    root: Path,
    findings: Iterable[Finding] = (),
    waived: Iterable[Waived] = (),
    problems: Iterable[Problem] = (),
) -> dict[str, Any]:
    """One SARIF log with one run, ready for JSON.

    `root` is the repository's folder: every uri is relative to it; a file outside of it, as one
    of sitekit's own catalogue is, keeps its absolute uri. Accepted findings are suppressed
    results. A fingerprint holds the rule, the subject, the file and the message without line
    numbers: it stays the same when lines move. Lines of files are never quoted.
    """
    results = [
        *(_of_finding(finding) for finding in findings),
        *(_of_finding(accepted.finding, accepted) for accepted in waived),
        *(_Result(INPUT, "error", "", p.message, p.hint, p.place) for p in problems),
    ]
    names = sorted({result.rule for result in results})
    seen: Counter[str] = Counter()
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "sitekit",
                        "version": version,
                        "rules": [_rule(name, results) for name in names],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    "ROOT": {"description": {"text": "The repository's top folder."}}
                },
                "results": [_result(r, names.index(r.rule), root, seen) for r in results],
            }
        ],
    }


def _of_finding(finding: Finding, waived: Waived | None = None) -> _Result:
    return _Result(
        finding.rule,
        _LEVELS[finding.severity],
        finding.subject,
        finding.message,
        finding.remedy,
        finding.place,
        waived,
    )


def _rule(name: str, results: Sequence[_Result]) -> dict[str, Any]:
    """A rule's help is what it asked for in this run, each remedy once."""
    own = [result for result in results if result.rule == name]
    remedies = list(dict.fromkeys(r.remedy for r in own if r.remedy))
    title = "the files cannot be understood" if name == INPUT else name.replace("-", " ")
    text = "\n".join(remedies) or "mend what the message names"
    levels = {result.level for result in own}
    return {
        "id": name,
        "shortDescription": {"text": title},
        "help": {"text": text, "markdown": "\n".join(f"- {_markdown(r)}" for r in [text])},
        "defaultConfiguration": {
            "level": next(level for level in ("error", "warning", "note") if level in levels)
        },
    }


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text).replace("\n", "\n- ")


def _result(result: _Result, index: int, root: Path, seen: Counter[str]) -> dict[str, Any]:
    artifact = _artifact(result.place.file, root)
    location: dict[str, Any] = {"artifactLocation": artifact}
    if result.place.line:
        location["region"] = {
            "startLine": result.place.line,
            "startColumn": max(result.place.column, 1),
        }
    text = f"{result.message}; {result.remedy}" if result.remedy else result.message
    mark = _fingerprint(result, artifact["uri"], seen)
    made: dict[str, Any] = {
        "ruleId": result.rule,
        "ruleIndex": index,
        "level": result.level,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"sitekit/v1": mark, "primaryLocationLineHash": mark},
        "properties": {"subject": result.subject},
    }
    if result.waived is not None:
        waiver = result.waived.waiver
        made["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": f"{waiver.id} until {waiver.expires}: {waiver.reason}",
            }
        ]
    return made


def _artifact(file: str, root: Path) -> dict[str, str]:
    path, top = Path(os.path.abspath(file)), Path(os.path.abspath(root))  # noqa: PTH100
    if path.is_relative_to(top):
        return {"uri": quote(path.relative_to(top).as_posix()), "uriBaseId": "ROOT"}
    return {"uri": path.as_uri()}


def _fingerprint(result: _Result, uri: str, seen: Counter[str]) -> str:
    """Equal things on one file are told apart by their order."""
    name = uri if not uri.startswith("file:") else uri.rpartition("/")[2]
    parts = (result.rule, result.subject, name, _LINE_AND_COLUMN.sub("", result.message))
    text = "\0".join(parts)
    seen[text] += 1
    return hashlib.sha256(f"{text}\0{seen[text]}".encode()).hexdigest()[:32]


def code_quality(log: dict[str, Any]) -> list[dict[str, Any]]:
    """The open results of a SARIF log as GitLab's code quality report.

    Source of the format: GitLab documentation, "Code Quality", "Code Quality report format".
    """
    severities = {"error": "critical", "warning": "minor", "note": "info"}
    made = []
    for result in log["runs"][0]["results"]:
        if "suppressions" not in result:
            where = result["locations"][0]["physicalLocation"]
            made.append(
                {
                    "description": result["message"]["text"],
                    "check_name": result["ruleId"],
                    "fingerprint": result["partialFingerprints"]["sitekit/v1"],
                    "severity": severities[result["level"]],
                    "location": {
                        "path": where["artifactLocation"]["uri"],
                        "lines": {"begin": where.get("region", {}).get("startLine", 1)},
                    },
                }
            )
    return made
