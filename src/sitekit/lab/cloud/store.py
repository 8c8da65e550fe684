"""One SQLite file is the whole cloud: plug-ins, Graph server and command line share it.

Every process opens it for itself, a connection per thread; whatever belongs together happens in one
transaction, so that a process may be killed at any moment. Times are seconds since 1970 on the
lab's clock, which `pass_time` moves.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SitekitError

LAYOUT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS setting(name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS thing(
  key TEXT PRIMARY KEY, cloud TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
  name TEXT NOT NULL, parent TEXT, body TEXT NOT NULL, extra TEXT NOT NULL,
  created REAL NOT NULL, changed REAL NOT NULL, visible REAL NOT NULL, ready REAL NOT NULL);
CREATE INDEX IF NOT EXISTS thing_type ON thing(type, created);
CREATE INDEX IF NOT EXISTS thing_parent ON thing(parent);
CREATE TABLE IF NOT EXISTS taken(name TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS taken_key ON taken(key);
CREATE TABLE IF NOT EXISTS deleted(
  seq INTEGER PRIMARY KEY, key TEXT NOT NULL, cloud TEXT NOT NULL, type TEXT NOT NULL,
  id TEXT NOT NULL, name TEXT NOT NULL, parent TEXT, body TEXT NOT NULL, extra TEXT NOT NULL,
  created REAL NOT NULL, gone REAL NOT NULL, purged REAL NOT NULL);
CREATE INDEX IF NOT EXISTS deleted_key ON deleted(key);
CREATE TABLE IF NOT EXISTS link(
  kind TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, body TEXT NOT NULL,
  created REAL NOT NULL, PRIMARY KEY(kind, source, target));
CREATE INDEX IF NOT EXISTS link_target ON link(target, kind);
CREATE TABLE IF NOT EXISTS refers(
  source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY(source, target));
CREATE INDEX IF NOT EXISTS refers_target ON refers(target);
CREATE TABLE IF NOT EXISTS fault(
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL,
  verb TEXT NOT NULL, remaining INTEGER NOT NULL, options TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS operation(
  seq INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, verb TEXT NOT NULL,
  type TEXT NOT NULL, id TEXT NOT NULL, outcome TEXT NOT NULL, message TEXT NOT NULL);
"""
_COLUMNS = "key, cloud, type, id, name, parent, body, extra, created, changed, visible, ready"


class StoreError(SitekitError):
    """The file of the lab cloud is missing, or is something else."""


@dataclass(slots=True)
class Thing:
    """A resource or an object that exists."""

    key: str  # the id in lower case (Azure), the object id (Entra)
    cloud: str  # azure-native or azuread
    type: str  # the provider's token (Azure), the kind of object (Entra)
    id: str
    name: str
    parent: str | None  # the key of what it lies in
    body: dict[str, Any]  # what was asked for, without what never comes back
    extra: dict[str, Any] = field(default_factory=dict)  # what the service once decided
    created: float = 0.0
    changed: float = 0.0
    visible: float = 0.0  # from when on readers see it
    ready: float = 0.0  # until when its operation runs


@dataclass(frozen=True, slots=True)
class Deleted:
    """A resource or an object that can still be brought back."""

    seq: int
    thing: Thing
    gone: float
    purged: float


@dataclass(frozen=True, slots=True)
class Link:
    """A relation between two objects, such as membership."""

    kind: str
    source: str
    target: str
    body: dict[str, Any]
    created: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that shall go wrong."""

    seq: int
    kind: str
    type: str  # a pattern
    name: str  # a pattern
    verb: str
    remaining: int  # -1: until it is cleared
    options: dict[str, Any]


class Store:
    """The file. Every method is one statement or part of the transaction that is open."""

    def __init__(self, path: Path, *, make: bool = False) -> None:
        if not make and not path.is_file():
            raise StoreError(f"there is no lab cloud in {path.parent}", hint="sitekit lab cloud up")
        self.path = path
        self._local = threading.local()
        self._settings: dict[str, tuple[str, Any]] = {}  # text and what it says
        try:
            if make:
                self._connection().executescript(_TABLES)
                if self.setting("layout") is None:
                    self.set("layout", LAYOUT)
            self._clock_offset()
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{path} is not a lab cloud: {error}", hint="remove it, then sitekit lab cloud up"
            ) from None
        if self.setting("layout") != LAYOUT:
            raise StoreError(
                f"{path} was made by another sitekit",
                hint="sitekit lab cloud down --remove, then up",
            )

    def _connection(self) -> sqlite3.Connection:
        known: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if known is None:
            known = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            known.execute("PRAGMA journal_mode=WAL")
            known.execute("PRAGMA synchronous=OFF")  # safe from a kill, not from a power cut
            known.row_factory = sqlite3.Row
            self._local.connection = known
        return known

    def close(self) -> None:
        """Close this thread's connection."""
        known = getattr(self._local, "connection", None)
        if known is not None:
            known.close()
            self._local.connection = None

    @contextmanager
    def change(self) -> Iterator[None]:
        """A transaction: all of it or nothing. Nested ones belong to the outer one."""
        connection = self._connection()
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    # --- settings and time ---------------------------------------------------------------------

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting of the lab, as it was set."""
        row = self._one("SELECT value FROM setting WHERE name=?", name)
        if row is None:
            return default
        text, value = self._settings.get(name, ("", None))
        if text != row["value"]:
            text, value = row["value"], json.loads(row["value"])
            self._settings[name] = (text, value)
        return value

    def set(self, name: str, value: Any) -> None:
        """Change a setting of the lab."""
        self._do("INSERT OR REPLACE INTO setting VALUES(?,?)", name, json.dumps(value))

    def now(self) -> float:
        """The lab's clock, seconds since 1970."""
        return time.time() + self._clock_offset()

    def _clock_offset(self) -> float:
        return float(self.setting("clock", 0.0))

    def pass_time(self, seconds: float) -> None:
        """Move the lab's clock forward."""
        with self.change():
            self.set("clock", self._clock_offset() + seconds)

    def real(self, simulated: float) -> float:
        """How many seconds of ours stand for so many of the cloud's."""
        return simulated / float(self.setting("scale", 3600.0))

    # --- things --------------------------------------------------------------------------------

    def get(self, key: str) -> Thing | None:
        """What exists under a key, whether readers see it yet or not."""
        row = self._one(f"SELECT {_COLUMNS} FROM thing WHERE key=?", key)
        return None if row is None else _thing(dict(row))

    def find(
        self, *, type: str | None = None, parent: str | None = None, cloud: str | None = None
    ) -> list[Thing]:
        """Everything of a type, under a parent, of a cloud; oldest first."""
        conditions = {"type": type, "parent": parent, "cloud": cloud}
        asked = {name: value for name, value in conditions.items() if value is not None}
        where = " AND ".join(f"{name}=?" for name in asked) or "1"
        rows = self._all(
            f"SELECT {_COLUMNS} FROM thing WHERE {where} ORDER BY created, key",
            *asked.values(),
        )
        return [_thing(dict(row)) for row in rows]

    def linked(self, kind: str, source: str) -> list[Thing]:
        """The things that exist at the other ends of relations, oldest relation first."""
        columns = ", ".join(f"t.{name.strip()}" for name in _COLUMNS.split(","))
        rows = self._all(
            f"SELECT {columns} FROM link JOIN thing t ON t.key=link.target"
            " WHERE link.kind=? AND link.source=? ORDER BY link.created, link.target",
            kind,
            source,
        )
        return [_thing(dict(row)) for row in rows]

    def holding(self, type: str, words: str) -> list[Thing]:
        """Everything of a type whose body holds some words; oldest first."""
        rows = self._all(
            f"SELECT {_COLUMNS} FROM thing WHERE type=? AND instr(body, ?) ORDER BY created, key",
            type,
            words,
        )
        return [_thing(dict(row)) for row in rows]

    def below(self, key: str) -> list[Thing]:
        """Everything whose key begins with this one's, itself left out; deepest first."""
        rows = self._all(
            f"SELECT {_COLUMNS} FROM thing WHERE key>=? AND key<? ORDER BY length(key) DESC",
            f"{key}/",
            f"{key}0",  # the character after the slash
        )
        return [_thing(dict(row)) for row in rows]

    def add(self, thing: Thing) -> None:
        """Store a new thing. Raises sqlite3.IntegrityError when its key exists."""
        now = self.now()
        thing.created = thing.created or now
        thing.changed = now
        thing.visible = thing.visible or now
        thing.ready = thing.ready or now
        self._do(
            f"INSERT INTO thing({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
            *_values(thing),
        )

    def save(self, thing: Thing) -> None:
        """Store a changed thing; one that is gone by now stays gone."""
        thing.changed = self.now()
        self._do(
            "UPDATE thing SET name=?, body=?, extra=?, changed=?, ready=? WHERE key=?",
            thing.name,
            json.dumps(thing.body),
            json.dumps(thing.extra),
            thing.changed,
            thing.ready,
            thing.key,
        )

    def remove(self, thing: Thing, *, keep_days: float = 0) -> None:
        """Delete a thing with its names, relations and references; perhaps to be brought back."""
        if keep_days:
            now = self.now()
            self._do(
                "INSERT INTO deleted(key, cloud, type, id, name, parent, body, extra, created, "
                "gone, purged) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                *_values(thing)[:9],
                now,
                now + keep_days * 86400,
            )
        else:
            self._do("DELETE FROM link WHERE source=?1 OR target=?1", thing.key)
        self._do("DELETE FROM thing WHERE key=?", thing.key)
        self._do("DELETE FROM taken WHERE key=?", thing.key)
        self._do("DELETE FROM refers WHERE source=?", thing.key)

    # --- names ---------------------------------------------------------------------------------

    def take(self, name: str, key: str) -> str | None:
        """Reserve a name that may exist only once; the key of the one that has it, or None."""
        row = self._one("SELECT key FROM taken WHERE name=?", name)
        if row is not None and row["key"] != key:
            return str(row["key"])
        self._do("INSERT OR REPLACE INTO taken VALUES(?,?)", name, key)
        return None

    def holder(self, name: str) -> str | None:
        """The key of the one that has a name."""
        row = self._one("SELECT key FROM taken WHERE name=?", name)
        return None if row is None else str(row["key"])

    def release(self, key: str) -> None:
        """Give all names of a thing back."""
        self._do("DELETE FROM taken WHERE key=?", key)

    # --- deleted things ------------------------------------------------------------------------

    def deleted(self, *, type: str | None = None, key: str | None = None) -> list[Deleted]:
        """What can still be brought back, latest first."""
        rows = self._all(
            "SELECT * FROM deleted WHERE purged>? AND (?2 IS NULL OR type=?2)"
            " AND (?3 IS NULL OR key=?3) ORDER BY seq DESC",
            self.now(),
            type,
            key,
        )
        return [
            Deleted(row["seq"], _thing({**dict(row), **_FRESH}), row["gone"], row["purged"])
            for row in rows
        ]

    def restore(self, deleted: Deleted) -> Thing:
        """Bring a deleted thing back."""
        thing = deleted.thing
        self.add(thing)
        self.purge(deleted, links=False)
        return thing

    def purge(self, deleted: Deleted, *, links: bool = True) -> None:
        """Forget a deleted thing for good."""
        self._do("DELETE FROM deleted WHERE seq=?", deleted.seq)
        if links:
            self._do("DELETE FROM link WHERE source=?1 OR target=?1", deleted.thing.key)

    # --- relations -----------------------------------------------------------------------------

    def link(
        self, kind: str, source: str, target: str, body: Mapping[str, Any] | None = None
    ) -> bool:
        """Relate two objects; False when they already were."""
        done = self._do(
            "INSERT OR IGNORE INTO link VALUES(?,?,?,?,?)",
            kind,
            source,
            target,
            json.dumps(dict(body or {})),
            self.now(),
        )
        return done > 0

    def relate(self, kind: str, source: str, target: str, body: Mapping[str, Any]) -> bool:
        """Change what a relation says; False when there is none."""
        return (
            self._do(
                "UPDATE link SET body=? WHERE kind=? AND source=? AND target=?",
                json.dumps(dict(body)),
                kind,
                source,
                target,
            )
            > 0
        )

    def unlink(self, kind: str, source: str, target: str) -> bool:
        """End a relation; False when there was none."""
        return (
            self._do(
                "DELETE FROM link WHERE kind=? AND source=? AND target=?", kind, source, target
            )
            > 0
        )

    def links(
        self, kind: str, *, source: str | None = None, target: str | None = None
    ) -> list[Link]:
        """Relations of a kind, oldest first."""
        rows = self._all(
            "SELECT * FROM link WHERE kind=?1 AND (?2 IS NULL OR source=?2)"
            " AND (?3 IS NULL OR target=?3) ORDER BY created, source, target",
            kind,
            source,
            target,
        )
        return [
            Link(row["kind"], row["source"], row["target"], json.loads(row["body"]), row["created"])
            for row in rows
        ]

    def refer(self, source: str, targets: Iterable[str]) -> None:
        """Note the things that a thing refers to, instead of those noted before."""
        self._do("DELETE FROM refers WHERE source=?", source)
        for target in set(targets):
            self._do("INSERT INTO refers VALUES(?,?)", source, target)

    def referring(self, key: str) -> list[str]:
        """The keys of things outside that refer to a thing or to a part of it."""
        rows = self._all(
            "SELECT DISTINCT source FROM refers WHERE (target=?1 OR (target>=?2 AND target<?3))"
            " AND source<>?1 AND NOT (source>=?2 AND source<?3) ORDER BY source",
            key,
            f"{key}/",
            f"{key}0",
        )
        return [str(row["source"]) for row in rows]

    # --- faults and the log --------------------------------------------------------------------

    def faults(self) -> list[Fault]:
        """Everything that shall still go wrong, oldest first."""
        return [
            Fault(
                row["seq"],
                row["kind"],
                row["type"],
                row["name"],
                row["verb"],
                row["remaining"],
                json.loads(row["options"]),
            )
            for row in self._all("SELECT * FROM fault WHERE remaining<>0 ORDER BY seq")
        ]

    def add_fault(
        self, kind: str, *, type: str, name: str, verb: str, count: int, options: Mapping[str, Any]
    ) -> int:
        """Let something go wrong `count` times; -1 is until it is cleared."""
        with self.change():
            self._do(
                "INSERT INTO fault(kind, type, name, verb, remaining, options) VALUES(?,?,?,?,?,?)",
                kind,
                type,
                name,
                verb,
                count,
                json.dumps(dict(options)),
            )
            row = self._one("SELECT max(seq) AS seq FROM fault")
        assert row is not None
        return int(row["seq"])

    def use_fault(self, fault: Fault) -> bool:
        """Take one time off a fault; False when another process took the last one."""
        if fault.remaining < 0:
            return True
        return (
            self._do(
                "UPDATE fault SET remaining=remaining-1 WHERE seq=? AND remaining>0", fault.seq
            )
            > 0
        )

    def clear_faults(self, seq: int | None = None) -> int:
        """Forget one fault, or all; the number forgotten."""
        return self._do("DELETE FROM fault WHERE ?1 IS NULL OR seq=?1", seq)

    def log(
        self, who: str, verb: str, type: str, id: str, outcome: str = "OK", message: str = ""
    ) -> None:
        """Note an operation and how it ended."""
        self._do(
            "INSERT INTO operation(at, who, verb, type, id, outcome, message) "
            "VALUES(?,?,?,?,?,?,?)",
            self.now(),
            who,
            verb,
            type,
            id,
            outcome,
            message,
        )

    def operations(self, last: int = 1000) -> list[dict[str, Any]]:
        """The latest operations, oldest of them first."""
        rows = self._all("SELECT * FROM operation ORDER BY seq DESC LIMIT ?", last)
        return [dict(row) for row in reversed(rows)]

    # --- SQLite --------------------------------------------------------------------------------

    def _one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection().execute(statement, values).fetchone()
        return row

    def _all(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection().execute(statement, values).fetchall()

    def _do(self, statement: str, *values: Any) -> int:
        return self._connection().execute(statement, values).rowcount


_FRESH = {"changed": 0.0, "visible": 0.0, "ready": 0.0}


def _thing(row: Mapping[str, Any]) -> Thing:
    values = {name.strip(): row[name.strip()] for name in _COLUMNS.split(",")}
    return Thing(
        **{**values, "body": json.loads(values["body"]), "extra": json.loads(values["extra"])}
    )


def _values(thing: Thing) -> tuple[Any, ...]:
    return (
        thing.key,
        thing.cloud,
        thing.type,
        thing.id,
        thing.name,
        thing.parent,
        json.dumps(thing.body),
        json.dumps(thing.extra),
        thing.created,
        thing.changed,
        thing.visible,
        thing.ready,
    )


def new_guid() -> str:
    """A fresh object id."""
    return str(uuid.uuid4())


_SPACE = uuid.UUID("8a3c1d52-64f0-4b7e-9c1a-2f6d0e5b7a91")


def guid_of(*parts: str) -> str:
    """The id that always belongs to these words."""
    return str(uuid.uuid5(_SPACE, "\n".join(parts)))
