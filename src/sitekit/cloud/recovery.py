"""After a run that was killed: what its interrupted creations came to, settled before the next run.

The engine writes into the state what it is about to create, and cannot know after a kill whether
the cloud made it. Here each such creation gets the id that the thing would have (`ids` for Azure,
`lookup` for Entra), the engine reads that id from the cloud, and what exists belongs to the stack
from then on; what does not is made by the next run. The list of interrupted creations is emptied
last: killed in between, the same is simply done again. Nothing is guessed: where two things can be
it, or nobody knows how to find it, the run stops and says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SitekitError
from . import ids, lookup

if TYPE_CHECKING:
    from ..graph import Graph

Engine = Callable[..., str]  # a pulumi command for this stack; `text` is its standard input
State = dict[str, Any]
# Entra shows a new object everywhere a little later: looked for at these moments, in seconds.
_PAUSES_S = (2.0, 4.0, 8.0, 16.0)
_PAUSES_IN_A_LAB_S = (1.0,)


class UnsettledError(SitekitError):
    """It cannot be known what an interrupted creation made."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Logical names of what a killed run had made, and of what it had not."""

    adopted: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def interrupted(state: State) -> list[dict[str, Any]]:
    """The creations of a killed run, as the exported state has them."""
    operations = (state.get("deployment") or {}).get("pending_operations") or []
    return [each["resource"] for each in operations if each.get("type") == "creating"]


def settle(
    pulumi: Engine, *, tenant: str, connect: Callable[[], Graph], sleep: Callable[[float], None]
) -> Settled:
    """Settle every interrupted creation of a stack.

    Raises UnsettledError where it cannot be known what one made, CloudError where Microsoft Graph
    refuses, RuntimeError where the engine does.
    """
    state = json.loads(pulumi("stack", "export"))
    begun = interrupted(state)
    if not begun:
        return Settled()
    with _Finder(state, tenant, connect, sleep) as finder:
        found = {each["urn"]: finder.id_of(each) for each in begun}
    before = json.dumps(state)
    wanted = {urn: id for urn, id in found.items() if id is not None}
    for each in begun:
        if each["urn"] in wanted:
            _take_in(state, each, wanted[each["urn"]])
    if wanted:
        pulumi("stack", "import", text=json.dumps(state))
        targets = [part for urn in wanted for part in ("--target", urn)]
        pulumi("refresh", "--yes", "--skip-preview", *targets)
    state = json.loads(pulumi("stack", "export"))
    known = {entry["urn"]: entry for entry in _resources(state)}
    if foreign := [each for each in begun if _is_foreign(each, known.get(each["urn"]))]:
        pulumi("stack", "import", text=before)
        raise UnsettledError(
            f"{', '.join(str(wanted[each['urn']]) for each in foreign)} exists with tags of "
            "somebody else: a run was killed while it asked for that name",
            hint="raise cloud.generation in the file of the site, or remove what is there",
        )
    state["deployment"].pop("pending_operations", None)
    pulumi("stack", "import", text=json.dumps(state))
    return Settled(
        adopted=tuple(_name(urn) for urn in wanted if urn in known),
        absent=tuple(_name(urn) for urn in found if urn not in known),
    )


def _take_in(state: State, begun: Mapping[str, Any], id: str) -> None:
    """Put the thing that may exist into the state, to be read from the cloud."""
    for entry in _resources(state):
        if entry["urn"] != begun["urn"]:
            continue
        if _same_id(entry.get("id"), id) and not entry.get("pendingReplacement"):
            return  # a later run has made it: only the list was never emptied
        if not entry.get("pendingReplacement"):
            raise UnsettledError(
                f"{_name(begun['urn'])} is {entry.get('id')} and was being replaced by {id}",
                hint="remove the new one in the cloud if it is there, then: pulumi refresh "
                "--clear-pending-creates",
            )
        entry.pop("pendingReplacement")
        entry.update({"id": id, "inputs": begun.get("inputs") or {}, "outputs": {}})
        return
    state["deployment"].setdefault("resources", []).append({**begun, "id": id, "outputs": {}})


class _Finder:
    """Says which id an interrupted creation has, if it made anything."""

    def __init__(
        self,
        state: State,
        tenant: str,
        connect: Callable[[], Graph],
        sleep: Callable[[float], None],
    ) -> None:
        self.entries = {f"{e['urn']}::{e.get('id', '')}": e for e in _resources(state)}
        self.ids = {str(e.get("id")).lower(): e["urn"] for e in _resources(state)}
        self.tenant, self.connect, self.sleep = tenant, connect, sleep
        self.graph: Graph | None = None

    def __enter__(self) -> _Finder:
        return self

    def __exit__(self, *error: object) -> None:
        if self.graph is not None:
            self.graph.close()

    def id_of(self, begun: Mapping[str, Any]) -> str | None:
        """The id; None where there is nothing. Raises UnsettledError, CloudError."""
        type_, inputs = str(begun["type"]), begun.get("inputs") or {}
        if not begun.get("custom") or type_.startswith("pulumi:"):
            return None  # components and providers are nothing in a cloud
        provider = self.entries.get(str(begun.get("provider")), {}).get("inputs") or {}
        subscription = str(provider.get("subscriptionId", ""))
        if id := ids.azure_id(type_, inputs, subscription) or lookup.joined_id(type_, inputs):
            return id
        if not lookup.known(type_):
            raise UnsettledError(
                f"a run was killed while it made {_name(begun['urn'])} ({type_}), and sitekit "
                "does not know how to find out whether it exists",
                hint="look in the cloud: where it exists, pulumi import it; then pulumi refresh "
                "--clear-pending-creates",
            )
        found = self._in_entra(begun, type_, inputs)
        if len(found) > 1:
            raise UnsettledError(
                f"a run was killed while it made {_name(begun['urn'])}, and {len(found)} objects "
                f"have that name: {', '.join(sorted(found))}",
                hint="remove those that are not wanted, then run again",
            )
        return found[0] if found else None

    def _in_entra(
        self, begun: Mapping[str, Any], type_: str, inputs: Mapping[str, Any]
    ) -> list[str]:
        if self.graph is None:
            self.graph = self.connect()
            self.graph.require(self.tenant)
        for pause in (*(_PAUSES_IN_A_LAB_S if self.graph.is_lab else _PAUSES_S), None):
            found = [
                id
                for id in lookup.candidates(self.graph, type_, inputs)
                if self.ids.get(id.lower(), begun["urn"]) == begun["urn"]
            ]
            if found or pause is None:
                return found
            self.sleep(pause)
        return []


def _is_foreign(begun: Mapping[str, Any], entry: Mapping[str, Any] | None) -> bool:
    """Whether what was found has tags, and not those that were asked for."""
    wanted = (begun.get("inputs") or {}).get("tags")
    if entry is None or not wanted:
        return False
    there = (entry.get("outputs") or {}).get("tags") or (entry.get("inputs") or {}).get("tags")
    return bool(there) and there != wanted


def _resources(state: State) -> Iterable[dict[str, Any]]:
    """What a state holds, without what only waits to be deleted."""
    resources: Sequence[dict[str, Any]] = (state.get("deployment") or {}).get("resources") or ()
    return [entry for entry in resources if not entry.get("delete")]


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _same_id(one: object, other: str) -> bool:
    return str(one).lower() == other.lower()
