"""Who works on the sites: this process, processes of this machine, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from . import console

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..load import LoadedOrganisation
    from ..load.cluster import ClusterExecutor


def shared_crew(
    organisation: LoadedOrganisation, scheduler: str | None, workers: int | None
) -> ClusterExecutor | None:
    """The cluster of a scheduler, until the verb ends; None where none was named."""
    if scheduler is None:
        return None
    if workers is not None:
        raise click.UsageError("--workers are of this machine: without --scheduler")
    from ..load.cluster import cluster

    return click.get_current_context().with_resource(cluster(organisation, scheduler))


@contextmanager
def crew(
    organisation: LoadedOrganisation, workers: int, shared: Executor | None = None
) -> Iterator[Executor | None]:
    """The crew that is there already, or processes of this machine for the time of the block."""
    if shared is not None:
        yield shared
        return
    from ..load.spread import processes

    with processes(organisation, workers) as pool:
        yield pool


def tell_lost() -> None:
    """Say that the result is whole all the same."""
    console.note("workers were lost; the rest is done here")
