"""One stack through Pulumi's Automation API, and what its failures mean.

The texts are those that the engine prints (3.260), and those of Azure and Microsoft Graph.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from typing import Any, NamedTuple

from .fleet import Action, Job, Outcome

PARALLEL_IDENTITIES = 4  # more is throttled by Graph (terraform-provider-azuread#1891)


class Meaning(NamedTuple):
    """What a text of the engine or of the cloud means, and what to do."""

    pattern: str
    message: str
    hint: str


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
            r"signed in to tenant",
            "signed in to another tenant than organisation.yaml names",
            "az login --tenant with the tenant of organisation.yaml",
        ),
        (
            r"AADSTS700082|AADSTS50173|AADSTS70043|ExpiredAuthenticationToken|token.{0,40}expired",
            "the sign-in has expired",
            "az login, then run again: what was done stays done",
        ),
        (
            r"AuthorizationFailed|Authorization_RequestDenied|does not have authorization|"
            r"Insufficient privileges",
            "whoever is signed in lacks a permission",
            "the text above names it: have it granted, then run again",
        ),
        (
            r"no such host|dial tcp|Temporary failure in name resolution|connection refused|"
            r"ConnectionError|connect: network is unreachable",
            "the cloud does not answer",
            "check the network, then run again: what was done stays done",
        ),
        (
            r"QuotaExceeded|quota.{0,20}exceeded|OperationNotAllowed.{0,80}quota",
            "a quota of the subscription is used up",
            "ask for more in the portal (Quotas), then run again",
        ),
        (
            r"StorageAccountAlreadyTaken|VaultAlreadyExists|AlreadyTaken|"
            r"already in use|Another object with the same value",
            "a name is taken by somebody else, or by something that was deleted",
            "restore or purge what was deleted, or raise cloud.generation in the file of the site",
        ),
        (
            r"cannot be deleted\s+because it is protected|marked for protection",
            "a protected resource would be deleted or replaced",
            "look at the preview; where it is wanted: pulumi state unprotect URN",
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
    for known in MEANINGS:
        if re.search(known.pattern, text, re.IGNORECASE):
            return known.message, known.hint.format(stack=stack)
    errors = [line.strip() for line in text.splitlines() if "error:" in line]
    first = re.sub(r"^\s*error:\s*", "", errors[0]) if errors else "the engine failed"
    return first, f"run pulumi in the folder of the stack to see all of it: --stack {stack}"


def act(job: Job, action: Action) -> Outcome:
    """Run one stack; never raises for what an engine or a cloud can do."""
    began = time.monotonic()
    outcome = _once(job, action)
    if not outcome.done and AGAIN.search(outcome.message):
        outcome = replace(_once(job, action), retried=True)
    if not outcome.done:
        message, hint = meaning(outcome.message, job.stack)
        outcome = replace(outcome, message=message, hint=hint)
    return replace(outcome, seconds=round(time.monotonic() - began, 2))


def _once(job: Job, action: Action) -> Outcome:
    from pulumi import automation

    parallel = PARALLEL_IDENTITIES if job.queues else None
    try:
        stack = automation.select_stack(stack_name=job.stack, work_dir=os.fspath(job.project))
        changes: Any
        if action is Action.PREVIEW:
            changes = stack.preview(parallel=parallel).change_summary
        elif action is Action.UP:
            changes = stack.up(parallel=parallel, show_secrets=False).summary.resource_changes
        elif action is Action.REFRESH:
            done = stack.refresh(parallel=parallel, show_secrets=False, clear_pending_creates=True)
            changes = done.summary.resource_changes
        else:
            changes = stack.destroy(parallel=parallel, show_secrets=False).summary.resource_changes
    except automation.CommandError as error:
        return Outcome(kind=job.kind, stack=job.stack, done=False, message=str(error))
    except FileNotFoundError:
        return Outcome(
            kind=job.kind, stack=job.stack, done=False, message="error: there is no pulumi on PATH"
        )
    counted = {str(getattr(step, "value", step)): count for step, count in (changes or {}).items()}
    return Outcome(kind=job.kind, stack=job.stack, done=True, changes=counted)
