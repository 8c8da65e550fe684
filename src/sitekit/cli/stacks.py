"""`sitekit stack init` and `sitekit preview|up|refresh|destroy`: many stacks in order."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import click

from ..errors import SitekitError
from ..findings import Severity
from . import console
from .cloud import chosen
from .crew import shared_crew
from .exit import Exit
from .files import create_whole, write_whole
from .locate import organisation_option, scheduler_option, select

if TYPE_CHECKING:
    from ..cloud import StackKind, StackPlan
    from ..cloud.fleet import Action, Job, Outcome
    from ..load import LoadedOrganisation
    from ..load.cluster import ClusterExecutor

WORKERS = 4  # every run is an engine, a program and two plug-ins
NOT_BEGUN = "written; not begun, for there is no pulumi on PATH"
REMEMBERED = Path(".sitekit") / "stacks.json"
_STEPS = ("create", "update", "replace", "import", "delete", "same")

stacks_argument = click.argument("stacks", nargs=-1, metavar="[SITE|SUBSIDIARY|platform]...")


# --- beginning stacks ----------------------------------------------------------------------------


@click.group(short_help="Begin stacks: their projects and generated files.")
def stack() -> None:
    """Begin stacks: what Pulumi needs beside the organisation's files."""


@stack.command(short_help="Write the generated file of each stack, and begin it.")
@stacks_argument
@organisation_option
@click.option(
    "--backend",
    metavar="PLACE",
    help="Where states are: file (beside the stacks), file://FOLDER, or "
    "azblob://CONTAINER?storage_account=ACCOUNT.",
)
@click.option(
    "--secrets-provider",
    default="passphrase",
    metavar="PROVIDER",
    help="What encrypts secrets in states: passphrase, or "
    "azurekeyvault://VAULT.vault.azure.net/keys/KEY.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def init(
    stacks: tuple[str, ...],
    organisation: Path | None,
    backend: str | None,
    secrets_provider: str,
    as_json: bool,
) -> Exit:
    """Begin the named stacks (default: all of them).

    Where there are no stacks yet, the projects are put into stacks/ beside organisation.yaml.
    Pulumi.STACK.yaml holds the code, the ids of the tenant and the subscription, and what encrypts
    secrets: nothing else. With a pulumi on PATH the stack is begun there too.

    \b
    Examples:
      sitekit stack init par02
      sitekit stack init --backend 'azblob://state?storage_account=sthrzstate' \\
          --secrets-provider azurekeyvault://kv-hrz-state.vault.azure.net/keys/pulumi
    """
    import shutil

    from ..cloud import workspace
    from ..load import load_organisation

    provider = workspace.secrets_provider(secrets_provider)
    loaded = load_organisation(select((), organisation).folder)
    plans = chosen(loaded, stacks, date.today())
    folder = _projects(loaded.folder, backend, {plan.kind for plan in plans})
    begun = []
    for plan in plans:
        file = workspace.stack_file(plan, loaded.folder, folder)
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        text = workspace.stack_text(plan, loaded.folder, folder, provider=provider, before=before)
        changed = write_whole(file, text)
        state = NOT_BEGUN
        if shutil.which("pulumi"):
            state = _begin(plan, folder, provider)
            now = file.read_text(encoding="utf-8")  # an engine may drop comments where it adds
            write_whole(file, workspace.stack_text(
                plan, loaded.folder, folder, provider=provider, before=now
            ))  # fmt: skip
        begun.append({"stack": plan.stack, "kind": plan.kind, "file": str(file),
                      "written": changed, "state": state})  # fmt: skip
    if as_json:
        console.say(console.as_json({"stacks": begun}))
    else:
        for each in begun:
            console.say(f"{_from_here(str(each['file']))}: {each['state']}")
        if any(each["state"] == NOT_BEGUN for each in begun):
            console.note("run it again where there is a pulumi: only an engine begins a stack")
        if not os.environ.get("PULUMI_CONFIG_PASSPHRASE") and provider == workspace.PASSPHRASE:
            console.note(
                "secrets in states are encrypted with PULUMI_CONFIG_PASSPHRASE, or with what "
                "PULUMI_CONFIG_PASSPHRASE_FILE names: set one and keep it"
            )
    failed = any(each["state"] not in ("begun", "was there") for each in begun)
    return Exit.REFUSED if failed and shutil.which("pulumi") else Exit.AS_DESIGNED


def _from_here(file: str) -> str:
    """A path as it is named from where we are, if it lies below."""
    near = os.path.relpath(file)
    return file if near.startswith("..") else near


def _projects(organisation: Path, backend: str | None, kinds: Collection[StackKind]) -> Path:
    """The folder of the stacks, made where there is none; --backend goes into its projects."""
    from ..cloud import StackKind, workspace

    url = workspace.backend_url(backend or "file")
    folder = workspace.find(organisation)
    if folder is None:
        folder = organisation / workspace.FOLDER
        wanted = {*workspace.ALWAYS, *kinds}
        create_whole(
            {folder / path: text for path, text in workspace.projects(url, wanted).items()}
        )
        console.note(f"the projects are in {folder}: commit them")
    else:
        before = (folder / StackKind.PLATFORM / "Pulumi.yaml").read_text(encoding="utf-8")
        later = {
            folder / path: text
            for path, text in workspace.projects(workspace.backend_of(before) or url, kinds).items()
            if path.parts[0] in kinds and not (folder / path).exists()
        }
        create_whole(later)
        for file in later:
            console.note(f"{file} is new: commit it")
    if backend is not None:
        for kind in StackKind:
            file = folder / kind / "Pulumi.yaml"
            if not file.exists():
                continue
            write_whole(file, workspace.with_backend(file.read_text(encoding="utf-8"), url))
    if url == f"file://{workspace.STATE}":
        state = folder / ".state"
        if not state.is_dir():
            state.mkdir()
            write_whole(state / ".gitignore", "*\n!.gitignore\n")  # the folder is in a clone, too
    return folder


def _begin(plan: StackPlan, folder: Path, provider: str) -> str:
    """Begin a stack in its backend; what came of it."""
    from ..cloud import automation

    try:
        return automation.begin(plan.stack, folder / plan.kind, provider)
    except SitekitError as error:
        console.error(f"{plan.kind} {plan.stack}: {error.message}", hint=error.hint)
        return error.message


# --- running stacks ------------------------------------------------------------------------------


def _options(
    *, destroying: bool = False, changing: bool = True, asks_policy: bool = False
) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        options = [
            stacks_argument,
            organisation_option,
            click.option(
                "--workers",
                type=click.IntRange(1, 64),
                metavar="N",
                help=f"Stacks to run at once, each in processes of its own (default: {WORKERS}).",
            ),
            scheduler_option,
            click.option(
                "--secrets",
                type=click.Path(path_type=Path, exists=True, dir_okay=False),
                metavar="FILE",
                help="Values by reference, for what no key vault is to be asked.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON."),
        ]
        if changing:
            options += [
                click.option("--yes", is_flag=True, help="Do not ask."),
                click.option(
                    "--resume", is_flag=True, help="Leave out what the last run ended well."
                ),
            ]
        if asks_policy:
            options.append(
                click.option(
                    "--policy", is_flag=True, help="Let the engine ask the policy pack as well."
                )
            )
        if destroying:
            options.append(
                click.option(
                    "--with-protected", is_flag=True, help="Destroy what holds data as well."
                )
            )
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@click.command(short_help="What up would do, asked of the engine and the cloud.")
@_options(changing=False, asks_policy=True)
def preview(**options: Any) -> Exit:
    """Ask the engine what `up` would do to the named stacks (default: to all of them).

    Changes nothing. Exits with 1 where something would change, with 3 where an engine or a cloud
    refused. Without engine and cloud: sitekit cloud plan.
    """
    return _run("preview", **options)


@click.command(short_help="Bring the cloud to what the files say, in the right order.")
@_options(asks_policy=True)
def up(**options: Any) -> Exit:
    """Bring the named stacks (default: all of them) to what the organisation's files say.

    The tenant first, then subsidiaries, then sites. Stacks of one hub wait for one another, and so
    do those that change identities. What fails is told with the next step; stacks after it are not
    begun; --resume goes on where a run ended.

    \b
    Examples:
      sitekit up par02
      sitekit up --workers 6 --yes
      sitekit up --resume
      sitekit up --scheduler tcp://10.0.0.5:8786
    """
    return _run("up", **options)


@click.command(short_help="Read again what is really in the cloud.")
@_options()
def refresh(**options: Any) -> Exit:
    """Bring the states of the named stacks (default: of all of them) to what is in the cloud.

    The next `up` repairs what differs from the files. What a run that was killed had made is taken
    over, as in `up`.
    """
    return _run("refresh", **options)


@click.command(short_help="Take a stack's resources away.")
@_options(destroying=True)
def destroy(**options: Any) -> Exit:
    """Destroy everything that the named stacks hold, sites first.

    People are in no stack: their accounts and groups stay. Where something is protected (vaults,
    shares, gateways, break-glass accounts) nothing at all is touched, unless --with-protected.
    """
    if not options["stacks"]:
        raise click.UsageError("name what to destroy")
    return _run("destroy", **options)


def _run(
    word: str,
    *,
    stacks: tuple[str, ...],
    organisation: Path | None,
    workers: int | None,
    scheduler: str | None,
    secrets: Path | None,
    as_json: bool,
    yes: bool = True,
    resume: bool = False,
    with_protected: bool = False,
    policy: bool = False,
) -> Exit:
    from ..cloud import fleet, processes, workspace
    from ..cloud.automation import act
    from ..load import load_organisation
    from ..load.secrets import read_secrets

    action = fleet.Action(word)
    loaded = load_organisation(select((), organisation).folder)
    if secrets is not None:
        secrets = secrets.absolute()
        read_secrets(secrets)  # refused here, once, rather than in every stack
    plans = chosen(loaded, stacks, date.today())
    if action is not fleet.Action.DESTROY and _wrong(plans):
        return Exit.FINDINGS
    folder = workspace.find(loaded.folder)
    if folder is None:
        raise SitekitError("there are no stacks yet", hint="sitekit stack init")
    memory = _Memory(loaded.folder / REMEMBERED, action, plans, resume=resume)
    jobs = [
        fleet.job_of(
            plan,
            folder,
            secrets=secrets,
            with_protected=with_protected,
            policy=folder / workspace.POLICY if policy else None,
            marks=None if action is fleet.Action.PREVIEW else _marks(loaded.folder),
        )
        for plan in plans
        if not memory.knows(plan)
    ]
    if len(jobs) < len(plans):
        console.note(f"{len(plans) - len(jobs)} of {len(plans)} stacks ended well before")
    if action in (fleet.Action.UP, fleet.Action.DESTROY) and jobs and not yes:
        _confirm(action, jobs)
    outcomes: list[Outcome] = []
    told = threading.Event()
    with (
        _crew(loaded, folder, scheduler, workers, len(jobs), secrets) as (pool, width),
        console.progress(len(jobs), f"{action}") as advance,
        processes.passing_on_interrupts(told),
    ):
        for outcome in fleet.run(
            jobs,
            action,
            act,
            pool,
            workers=width,
            on_begin=lambda job: console.note(f"{job.name}: {action} begins"),
            stopping=told.is_set,
        ):
            advance()
            outcomes.append(outcome)
            memory.keep(outcome)
            console.note(_line(outcome))
    left = [job for job in jobs if job.stack not in {o.stack for o in outcomes}]
    if as_json:
        console.say(
            console.as_json(
                {
                    "action": action,
                    "interrupted": told.is_set(),
                    "outcomes": [asdict(outcome) for outcome in outcomes],
                    "not_begun": [{"kind": job.kind, "stack": job.stack} for job in left],
                }
            )
        )
    else:
        _table(action, outcomes, left)
    if told.is_set():
        console.note(f"interrupted: sitekit {action} --resume goes on where this run ended")
        return Exit.INTERRUPTED
    if any(not outcome.done for outcome in outcomes):
        return Exit.REFUSED
    would = any(step != "same" for outcome in outcomes for step in outcome.changes)
    return Exit.FINDINGS if action is fleet.Action.PREVIEW and would else Exit.AS_DESIGNED


@contextmanager
def _crew(
    loaded: LoadedOrganisation,
    stacks: Path,
    scheduler: str | None,
    workers: int | None,
    jobs: int,
    secrets: Path | None,
) -> Iterator[tuple[Executor, int]]:
    """Who runs the stacks, and how many at once: processes here, or the workers of a cluster."""
    from ..cloud import processes

    if (shared := shared_crew(loaded, scheduler, workers)) is not None:
        _look_at(shared, stacks, secrets)
        yield shared, shared.width
        return
    width = min(workers or WORKERS, max(jobs, 1))
    with processes.pool(width) as pool:
        yield pool, width


def _look_at(cluster: ClusterExecutor, stacks: Path, secrets: Path | None) -> None:
    """Refuse workers that cannot run stacks; states in files get a marker that they must see."""
    from ..cloud import workers

    folder = workers.states(stacks)
    if folder is None:
        workers.refuse(cluster.ask(workers.complaint, workers.needs(stacks, secrets=secrets)))
        return
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(prefix=".sitekit-", dir=folder) as marker:
        wanted = workers.needs(stacks, secrets=secrets, marker=Path(marker.name))
        workers.refuse(cluster.ask(workers.complaint, wanted))


def _marks(organisation: Path) -> Path:
    """Where the runs of this machine hold their stacks; nobody else's, so git ignores it."""
    folder = organisation / REMEMBERED.parent
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        write_whole(ignore, "*\n")
    return folder / "runs"


def _wrong(plans: Iterable[StackPlan]) -> bool:
    """Say what is wrong in the plans; a run would be refused for it."""
    found = [f for plan in plans for f in plan.findings if f.severity is Severity.ERROR]
    console.findings(found)
    return bool(found)


def _confirm(action: Action, jobs: Sequence[Job]) -> None:
    names = ", ".join(job.name for job in jobs[:12]) + (", …" if len(jobs) > 12 else "")
    if not sys.stdin.isatty():
        raise click.UsageError(f"{action} changes {names}: say --yes where nobody can be asked")
    if action == "destroy":
        console.note(f"destroys what is in {names}; accounts and groups of people stay")
        if click.prompt("Type the name of the first stack to go on", err=True) != jobs[0].stack:
            raise click.Abort
    elif not click.confirm(f"Bring {names} to what the files say?", err=True):
        raise click.Abort


def _line(outcome: Outcome) -> str:
    again = ", at the second try" if outcome.retried else ""
    if outcome.adopted:
        again += f", after taking over {', '.join(outcome.adopted)} of a run that was killed"
    if outcome.done:
        return f"{outcome.kind} {outcome.stack}: {_steps(outcome)}{again} ({outcome.seconds:.0f} s)"
    return f"{outcome.kind} {outcome.stack}: failed{again} ({outcome.seconds:.0f} s)"


def _steps(outcome: Outcome) -> str:
    known = [(step, outcome.changes[step]) for step in _STEPS if step in outcome.changes]
    known += [(step, n) for step, n in outcome.changes.items() if step not in _STEPS]
    return ", ".join(f"{count} {step}" for step, count in known) or "nothing"


def _table(action: Action, outcomes: Sequence[Outcome], left: Sequence[Job]) -> None:
    if outcomes or left:
        console.table(
            f"{str(action).title()}",
            ("stack", "kind", "ended", "steps", "seconds"),
            [
                (o.stack, o.kind, "well" if o.done else "failed", _steps(o) if o.done else "",
                 f"{o.seconds:.0f}")
                for o in outcomes
            ]
            + [(job.stack, job.kind, "not begun", "", "") for job in left],
        )  # fmt: skip
    for outcome in outcomes:
        if not outcome.done:
            console.error(f"{outcome.kind} {outcome.stack}: {outcome.message}", hint=outcome.hint)
    if left:
        console.note(f"{len(left)} not begun: sitekit {action} --resume goes on")


class _Memory:
    """How the stacks of an action ended, kept beside the organisation for --resume.

    A stack is left out only where its plan is still the same.
    """

    def __init__(
        self, file: Path, action: Action, plans: Sequence[StackPlan], *, resume: bool
    ) -> None:
        self.file, self.action = file, str(action)
        self.marks = {self._name(p.kind, p.stack): _mark(p) for p in plans}
        self.known = self._read()
        self.before = dict(self.known.get(self.action, {})) if resume else {}
        if not resume and self.action in self.known:
            for name in self.marks:
                self.known[self.action].pop(name, None)

    def knows(self, plan: StackPlan) -> bool:
        """Whether it ended well, with this very plan."""
        name = self._name(plan.kind, plan.stack)
        return self.before.get(name) == self.marks[name]

    def keep(self, outcome: Outcome) -> None:
        """Remember what ended well; forget what did not."""
        if self.action == "preview":
            return
        name = self._name(outcome.kind, outcome.stack)
        own = self.known.setdefault(self.action, {})
        own.pop(name, None)
        if outcome.done:
            own[name] = self.marks[name]
        for other in {"up", "destroy"} - {self.action}:
            self.known.get(other, {}).pop(name, None)
        _marks(self.file.parent.parent)
        write_whole(self.file, json.dumps(self.known, indent=1, sort_keys=True) + "\n")

    @staticmethod
    def _name(kind: str, stack: str) -> str:
        return f"{kind}/{stack}"

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return {str(k): dict(v) for k, v in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}


def _mark(plan: StackPlan) -> str:
    """The same for the same plan; plans hold no secrets, only references."""
    return hashlib.sha256(repr((plan.specs, plan.tenant)).encode()).hexdigest()[:16]
