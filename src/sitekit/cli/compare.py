"""`sitekit render --compare`: the effect of a change on every device, against a git ref or folder.

Only this module runs git, always with fixed words and never through a shell.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from ..errors import InputError, SitekitError
from . import console
from .exit import Exit
from .locate import repository_of, sites_of

if TYPE_CHECKING:
    from ..diff.effect import Effect, Text
    from ..load import LoadedOrganisation
    from ..render import Artifact

SHOWN_FILES = 6


def compare(
    organisation: LoadedOrganisation,
    codes: Sequence[str],
    artifacts: Iterable[tuple[str, Artifact]],
    against: str,
    *,
    everything: bool,
    as_json: bool,
) -> Exit:
    """Say what differs from `against`, a folder of rendered files or a git ref."""
    after = _texts(artifacts)
    if Path(against).is_dir():
        before = _rendered(Path(against), None if everything else codes, after, organisation)
    else:
        before = _at_ref(organisation.folder, against, None if everything else codes)
    return _told(organisation, before, after, against, as_json=as_json)


def compare_standards(
    organisation: LoadedOrganisation,
    moved: LoadedOrganisation,
    codes: Sequence[str],
    workers: int,
    *,
    as_json: bool,
) -> Exit:
    """Say what the sites' files get when they are moved to another version of the standard."""
    from .render import artifacts_of

    before = _texts(artifacts_of(organisation, codes, workers))
    after = _texts(artifacts_of(moved, codes, workers))
    title = f"standard {moved.moved_to}"
    return _told(organisation, before, after, title, as_json=as_json)


def _told(
    organisation: LoadedOrganisation,
    before: Mapping[str, Text],
    after: Mapping[str, Text],
    against: str,
    *,
    as_json: bool,
) -> Exit:
    from ..diff.effect import effects

    found = effects(before, after, organisation.catalogue.platforms)
    if as_json:
        console.say(console.as_json({"against": against, "effects": found}))
    else:
        for effect in found:
            _say(effect)
        same = len(before.keys() & after.keys()) - sum(
            len(e.files) for e in found if e.kind == "changed"
        )
        console.note(
            f"{against}: {len(found)} different effects on "
            f"{sum(len(e.files) for e in found)} files; {same} files are the same"
        )
    return Exit.FINDINGS if found else Exit.AS_DESIGNED


def _texts(artifacts: Iterable[tuple[str, Artifact]]) -> dict[str, Text]:
    from ..diff.effect import Text

    return {
        f"{code}/{a.path}": Text(text=a.text, platform=None if _first_day(a.path) else a.platform)
        for code, a in artifacts
    }


def _first_day(path: PurePosixPath) -> bool:
    """A bootstrap says nothing about a device that already runs: it counts as a document."""
    return len(path.parts) > 1


def _rendered(
    folder: Path,
    codes: Sequence[str] | None,
    after: Mapping[str, Text],
    organisation: LoadedOrganisation,
) -> dict[str, Text]:
    """Rendered files of a folder; the platform of a device that is gone is told by its suffix."""
    from ..diff.effect import Text
    from .output import refuse_unfinished

    refuse_unfinished(folder)
    by_suffix = {p.suffix: name for name, p in organisation.catalogue.platforms.items()}
    found: dict[str, Text] = {}
    for path in sorted(folder.glob("*/**/*")):
        within = PurePosixPath(path.relative_to(folder).as_posix())
        name = str(within)
        if not path.is_file() or any(part.startswith(".") for part in within.parts):
            continue
        if codes is not None and within.parts[0] not in codes:
            continue
        known = after.get(name)
        try:
            text = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            raise SitekitError(
                f"{path} cannot be read as text", hint="name a folder that sitekit rendered"
            ) from None
        there = PurePosixPath(*within.parts[1:])
        platform = None if _first_day(there) else by_suffix.get(path.suffix)
        if known is not None:
            platform = known.platform
            _refuse_secrets(path, text, known.text)
        found[name] = Text(text=text, platform=platform)
    if not found:
        raise SitekitError(
            f"{folder} holds no rendered files of these sites",
            hint="name a folder that sitekit rendered, or a git ref",
        )
    return found


def _refuse_secrets(path: Path, text: str, now: str) -> None:
    """A file that `render --with-secrets` wrote has values where ours has placeholders."""
    from ..render.secrets import references

    if references(now) and not references(text):
        raise SitekitError(
            f"{path} holds no placeholder: it was rendered with real secrets, which are not shown",
            hint="compare with a folder that was rendered without --with-secrets",
        )


def _at_ref(folder: Path, ref: str, codes: Sequence[str] | None) -> dict[str, Text]:
    """The organisation as it is at a ref, rendered by this sitekit; older files are migrated."""
    from ..load import load_organisation
    from ..load.spread import sensible_workers
    from ..migrate import plan
    from .render import artifacts_of

    with _checked_out(folder, ref) as then:
        try:
            for change in plan(then, compared_only=True).changes:
                change.path.write_bytes(change.after)  # in the copy that is thrown away
            loaded = load_organisation(then)
        except InputError as error:
            number = len(error.problems)
            raise SitekitError(
                f"the organisation at {ref} cannot be understood by this sitekit: "
                f"{error.problems[0].message} ({number} problem{'' if number == 1 else 's'})",
                hint="compare with a folder that the older sitekit rendered",
            ) from None
        there = sites_of(then)
        wanted = [code for code in there if codes is None or code in codes]
        return _texts(artifacts_of(loaded, wanted, sensible_workers(len(wanted))))


@contextmanager
def _checked_out(folder: Path, ref: str) -> Iterator[Path]:
    top = repository_of(folder)
    if top is None:
        raise SitekitError(
            f"{folder} is in no git repository, and {ref} is no folder",
            hint="name a folder of rendered files, or run this in a repository",
        )
    commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        raise SitekitError(
            f"there is no commit '{ref}' in {top}, and no folder of that name",
            hint="fetch it, or name a branch, a tag or a commit that git log shows",
        )
    inside = folder.resolve().relative_to(top.resolve()).as_posix()
    name = commit.decode().strip()
    tree = name if inside == "." else f"{name}:{inside}"
    archive = _git(top, "archive", "--format=tar", tree)
    if archive is None:
        raise SitekitError(
            f"{ref} has no folder {inside}", hint="name a commit that holds the organisation"
        )
    with tempfile.TemporaryDirectory(prefix="sitekit-compare-") as temporary:
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(temporary, filter="data")
        yield Path(temporary)


def _git(top: Path, *words: str) -> bytes | None:
    """The output of git, None when it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(top), *words], capture_output=True, check=False, timeout=120
        )
    except FileNotFoundError:
        raise SitekitError("git is not installed", hint="install it, or name a folder") from None
    return done.stdout if done.returncode == 0 else None


def _say(effect: Effect) -> None:
    from ..model.platform import Impact

    colours = {
        Impact.UNKNOWN: "yellow",
        Impact.FLAPS_PORT: "yellow",
        Impact.DROPS_USERS: "yellow",
        Impact.MAY_LOCK_OUT: "red",
    }
    what = f"{_counted(effect)} {effect.kind}"
    shown = click.style(str(effect.impact), fg=colours.get(effect.impact), bold=True)
    more = len(effect.files) - SHOWN_FILES
    names = ", ".join(effect.files[:SHOWN_FILES]) + (f", and {more} more" if more > 0 else "")
    coloured = console.in_colour()
    console.say(f"{what}: impact: {shown if coloured else effect.impact}")
    console.say(f"  {names}")
    section: tuple[str, ...] = ()
    for change in effect.changes:
        if change.section != section:
            section = change.section
            console.say(f"    {console.printable(' / '.join(section))}")
        line = console.printable(f"{change.sign} {change.line}")
        colour = "green" if change.sign == "+" else "red"
        console.say(
            ("      " if section else "    ") + (_styled(line, colour) if coloured else line)
        )


def _styled(line: str, colour: str) -> str:
    return click.style(line, fg=colour)


def _counted(effect: Effect) -> str:
    number = len(effect.files)
    word = "document" if effect.platform is None else f"{effect.platform} device"
    return f"{number} {word}{'' if number == 1 else 's'}"
