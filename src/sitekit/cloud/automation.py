"""One stack through Pulumi's Automation API, and what its failures mean.

The texts are those that the engine prints (3.260), and those of Azure and Microsoft Graph.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import SitekitError
from . import processes, recovery, runs
from .fleet import IDENTITY, Action, Job, Outcome

if TYPE_CHECKING:
    from ..graph import Graph

SECRETS = "SITEKIT_SECRETS"  # names a file of secrets for the program of a stack

PARALLEL_IDENTITIES = 4  # more is throttled by Graph (terraform-provider-azuread#1891)
LONGEST = 500  # characters of what an engine or a cloud says

INTERRUPTED = (
    "interrupted: what was under way was finished",
    "run again: what was done stays done",
)


class Meaning(NamedTuple):
    """What a text of the engine or of the cloud means, and what to do."""

    pattern: str
    message: str
    hint: str
    shows_text: bool = False  # the engine's own words say which one


MEANINGS = tuple(
    Meaning(*row)
    for row in (
        (
            r"the stack is currently locked by",
            "another run holds the lock of this stack, or was killed while it did",
            "wait for it; where nothing runs any more: pulumi cancel --stack {stack}, then sitekit "
            "refresh {stack}",
        ),
        (
            r"incorrect passphrase",
            "the passphrase is not the one this stack was made with",
            "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the right one",
        ),
        (
            r"passphrase must be set",
            "no passphrase is set for the secrets in the state",
            "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
        ),
        (
            r"signed in to tenant|InvalidAuthenticationTokenTenant|AADSTS50020|AADSTS90002",
            "signed in to another tenant than organisation.yaml names",
            "az login --tenant with the tenant of organisation.yaml",
            True,
        ),
        (
            r"AADSTS7000222",
            "the secret of the application that signs in has expired",
            "give it a new one, set ARM_CLIENT_SECRET or AZURE_CLIENT_SECRET, then run again: what "
            "was done stays done",
        ),
        (
            r"AADSTS700082|AADSTS50173|AADSTS70043|ExpiredAuthenticationToken|"
            r"token.{0,40}(is|has) expired",
            "the sign-in has expired",
            "az login, then run again: what was done stays done",
        ),
        (
            r"AADSTS5007[69]|run:?\s+.?az login|DefaultAzureCredential|building authorizer",
            "nobody is signed in to Azure, or a second factor is wanted",
            "az login, then run again: what was done stays done",
        ),
        (
            r"AuthorizationFailed|Authorization_RequestDenied|does not have authorization|"
            r"Insufficient privileges",
            "whoever is signed in lacks a permission",
            "have it granted, then run again: what was done stays done",
            True,
        ),
        (
            r"no such host|dial tcp|Temporary failure in name resolution|connection refused|"
            r"ConnectionError|connect: network is unreachable|i/o timeout|TLS handshake timeout|"
            r"connection reset by peer|\w+\.(azure|microsoft|windows)\.\w+ cannot be reached",
            "the cloud does not answer",
            "check the network, DNS and HTTPS_PROXY, then run again: what was done stays done",
        ),
        (
            r"Directory_QuotaExceeded",
            "the directory may hold no more objects",
            "purge deleted objects, or ask Microsoft for more, then run again",
            True,
        ),
        (
            r"QuotaExceeded|quota.{0,20}exceeded|OperationNotAllowed.{0,80}quota|"
            r"CountLimitReached|exceeding (approved|quota)",
            "a quota of the subscription is used up",
            "ask for more in the portal (Quotas), then run again: what was done stays done",
            True,
        ),
        (
            r"StorageAccountAlreadyTaken|VaultAlreadyExists|AlreadyTaken|"
            r"already in use|in deleted state|Another object with the same value",
            "a name is taken by somebody else, or by something that was deleted",
            "restore or purge what was deleted, or raise cloud.generation in the file of the site",
            True,
        ),
        (
            r"ScopeLocked",
            "a lock in Azure forbids it",
            "look who set it and why; where it is wanted, take the lock away and run again",
            True,
        ),
        (
            r"cannot be deleted\s+because it is protected|marked for protection",
            "a protected resource would be deleted or replaced",
            "look at the preview; where it is wanted: pulumi state unprotect URN",
            True,
        ),
        (
            r"\[mandatory\]",
            "a guardrail refuses it",
            "change what it names; all guardrails: docs/cloud.md",
            True,
        ),
        (
            r"referenced by resource \S+ was not found|ResourceGroupNotFound",
            "something that this stack hangs on is not there",
            "where the tenant's stack was never brought up: sitekit up platform {stack}; else "
            "sitekit refresh {stack}, and look at the preview",
            True,
        ),
        (
            r"no stack named",
            "this stack was never begun",
            "sitekit stack init {stack}",
        ),
        (
            r"no resource plugin|could not load plugin",
            "a plug-in of Pulumi is not installed",
            "pulumi plugin install, or sitekit doctor to see which",
        ),
    )
)
# What is worth one more try: Entra answers before it has copied an object everywhere.
AGAIN = re.compile(r"Request_ResourceNotFound|\b429\b|TooManyRequests|throttl", re.IGNORECASE)


def meaning(text: str, stack: str) -> tuple[str, str]:
    """What a failure means and what to do; the engine's own first error where nobody knows."""
    first, where = _first_error(text), _where(text)
    if re.search(_PROGRAM_REFUSED, text):
        said, _, hint = first.partition("; ")  # as sitekit.cloud.program words it
        return said[:LONGEST], hint or f"sitekit check, then sitekit cloud plan {stack}"
    for known in MEANINGS:
        if re.search(known.pattern, text, re.IGNORECASE):
            said = known.message + (f", at {where}" if where else "")
            if held := _LOCKED_BY.search(text):
                said += f": {held[1]}"
            elif known.shows_text:
                said += f": {first[:LONGEST]}"
            return said, known.hint.format(stack=stack)
    if where:
        first = f"{where}: {first}"
    hint = f"run pulumi in the folder of the stack to see all of it: --stack {stack}"
    return first[:LONGEST], hint


_PROGRAM_REFUSED = r"\d+ things? (is|are) wrong: nothing was touched"
_GUARDRAIL = re.compile(r"\[mandatory\]\s+(\S+).*\n(?:.*\n)??\s*(\S+ must .*)")
_NO_REASON = re.compile(r"^(update|preview|destroy|refresh|import) failed$")
_LOCKED_BY = re.compile(r"created by (\S+ \(pid \d+\) at \S+)")
# As the engine heads what it says of a resource; the stack and providers are no place.
_HEADING = re.compile(r"^ {2}(?!pulumi:)[\w-]+:[\w/-]+:(?P<type>\w+) \((?P<name>[^)]+)\):$")
# A refusal of Azure as its newer clients print it, over many lines.
_RESPONSE = re.compile(
    r"^RESPONSE \d+: .*?^ERROR CODE: (?P<code>\S+).*?\"message\": \"(?P<said>[^\"]+)",
    re.MULTILINE | re.DOTALL,
)


def _where(text: str) -> str:
    """The resource that the first reason is said of, as `ResourceGroup par02-group`."""
    heading = ""
    for line in text.splitlines():
        if found := _HEADING.match(line):
            heading = f"{found['type']} {found['name']}"
        elif line and not line[0].isspace():
            heading = ""
        elif heading and line.lstrip().startswith("error:"):
            return heading
    return ""


def _first_error(text: str) -> str:
    """The first error that is a reason, as the engine, the cloud or the program words it."""
    if guardrail := _GUARDRAIL.search(text):
        return f"{guardrail[2].strip()} [{guardrail[1]}]"
    if response := _RESPONSE.search(re.sub(r"^ +", "", text, flags=re.MULTILINE)):
        return f"{response['code']}: {response['said']}"
    found = [line.partition("error:")[2].strip() for line in text.splitlines() if "error:" in line]
    reasons = [line for line in found if line and not _NO_REASON.match(line)]
    return (reasons or found or ["the engine failed"])[0]


def act(job: Job, action: Action) -> Outcome:
    """Run one stack; never raises for what an engine or a cloud can do."""
    began = time.monotonic()
    outcome = _once(job, action)
    if not outcome.done and AGAIN.search(outcome.message) and not processes.interrupted():
        outcome = replace(_once(job, action), retried=True)
    if not outcome.done and not outcome.hint:
        message, hint = meaning(outcome.message, job.stack)
        outcome = replace(outcome, message=message, hint=hint)
    return replace(outcome, seconds=round(time.monotonic() - began, 2))


def _once(job: Job, action: Action) -> Outcome:
    def failed(message: str, hint: str = "") -> Outcome:
        return Outcome(kind=job.kind, stack=job.stack, done=False, message=message, hint=hint)

    try:
        from pulumi import automation
    except ImportError:
        return failed("Pulumi's library is not installed", "pip install 'sitekit[cloud]'")
    try:
        stack = automation.select_stack(
            stack_name=job.stack,
            work_dir=os.fspath(job.project),
            opts=automation.LocalWorkspaceOptions(env_vars=environment(job)),
        )
        if action is Action.DESTROY and (held := _protected(job)) and not job.with_protected:
            return failed(
                f"{len(held)} protected resource{'s' if len(held) > 1 else ''} hold"
                f"{'' if len(held) > 1 else 's'} data, or everybody hangs on them: "
                f"{', '.join(held)}. Nothing was touched",
                "save what is in them; then sitekit destroy --with-protected "
                f"{job.stack} takes them too",
            )
        changes, settled = _recovered(job, action, lambda: _changes(stack, job, action))
    except (automation.CommandError, RuntimeError) as error:
        if processes.interrupted():
            return failed(*INTERRUPTED)
        return failed(str(error))
    except FileNotFoundError:
        return failed("there is no pulumi on PATH", "sitekit doctor")
    except SitekitError as error:
        return failed(error.message, error.hint or "run again: what was done stays done")
    counted = {str(getattr(step, "value", step)): count for step, count in (changes or {}).items()}
    return Outcome(
        kind=job.kind, stack=job.stack, done=True, changes=counted, adopted=settled.adopted
    )


def _recovered(job: Job, action: Action, do: Callable[[], Any]) -> tuple[Any, recovery.Settled]:
    """Do it, after settling what a run that was killed left behind; a preview changes nothing."""
    if action is Action.PREVIEW or job.mark is None:
        return do(), recovery.Settled()
    from pulumi import automation

    with runs.holding(job.mark) as killed:

        def unlocked(wanted: Callable[[], Any]) -> Any:
            if processes.interrupted():
                raise RuntimeError(INTERRUPTED[0])
            try:
                return wanted()
            except (automation.CommandError, RuntimeError) as error:
                if not runs.is_ours_and_dead(str(error), killed):
                    raise
            _pulumi(job, "cancel", "--yes")
            return wanted()

        def pulumi(*arguments: str, text: str | None = None) -> str:
            return str(unlocked(lambda: _pulumi(job, *arguments, text=text)))

        settled = recovery.settle(pulumi, tenant=job.tenant, connect=_connect, sleep=time.sleep)
        return unlocked(do), settled


def _connect() -> Graph:
    from ..graph import connect

    return connect()


def environment(job: Job) -> dict[str, str]:
    """What the engine's processes get besides our own environment: this Python, the secrets."""
    found = {"PULUMI_PYTHON_CMD": sys.executable, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    if job.secrets is not None:
        found[SECRETS] = os.fspath(job.secrets.absolute())
    if job.mark is not None:
        found |= runs.environment(job.mark)
    return found


def _protected(job: Job) -> list[str]:
    """Logical names of what is protected in the state, which is read without its secrets."""
    state = json.loads(_pulumi(job, "stack", "export"))
    return [
        str(resource["urn"]).rpartition("::")[2]
        for resource in (state.get("deployment") or {}).get("resources") or []
        if resource.get("protect")
    ]


def _pulumi(job: Job, *arguments: str, text: str | None = None) -> str:
    """The answer of a command that the Automation API lacks. Raises RuntimeError."""
    done = subprocess.run(
        ["pulumi", *arguments, "--stack", job.stack, "--non-interactive"],
        cwd=job.project,
        env={**os.environ, **environment(job)},
        input=text or "",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr or done.stdout)
    return done.stdout


def _changes(stack: Any, job: Job, action: Action) -> Any:
    """Do it; what was done, counted by steps."""
    parallel = PARALLEL_IDENTITIES if IDENTITY in job.queues else None
    packs = [os.fspath(job.policy.absolute())] if job.policy is not None else None
    if action is Action.PREVIEW:
        return stack.preview(parallel=parallel, policy_packs=packs).change_summary
    if action is Action.UP:
        done = stack.up(parallel=parallel, policy_packs=packs, show_secrets=False)
        return done.summary.resource_changes
    if action is Action.REFRESH:
        done = stack.refresh(parallel=parallel, show_secrets=False)
        return done.summary.resource_changes
    if job.with_protected:
        _pulumi(job, "state", "unprotect", "--all", "--yes")
    return stack.destroy(parallel=parallel, show_secrets=False).summary.resource_changes


def begin(stack: str, project: Path, provider: str) -> str:
    """Begin a stack in its backend: `begun`, or `was there`. Raises SitekitError."""
    try:
        from pulumi import automation
    except ImportError:
        raise SitekitError(
            "Pulumi's library is not installed", hint="pip install 'sitekit[cloud]'"
        ) from None
    try:
        automation.create_stack(
            stack_name=stack,
            work_dir=os.fspath(project),
            opts=automation.LocalWorkspaceOptions(secrets_provider=provider),
        )
    except automation.StackAlreadyExistsError:
        return "was there"
    except automation.CommandError as error:
        message, hint = meaning(str(error), stack)
        raise SitekitError(message, hint=hint) from None
    return "begun"
