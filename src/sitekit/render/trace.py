"""A second rendering that knows where each character comes from; the normal one is untouched.

The templates are parsed as always, then every output, condition, loop and assignment is wrapped in
a call to this environment. What they print is text that remembers its pieces: the template line,
and the parts of the design that were read for it. It has the same characters, the same truth and
the same equality as plain text, so templates behave alike and the result is the same to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.visitor import NodeTransformer
from pydantic import BaseModel

from ..design.result import DeviceDesign, PortProfile
from ..errors import RenderError
from ..load.catalogue import Catalogue
from ..model.platform import Platform
from .engine import Engine

MANY = 4  # of one kind, read by one filter: more say nothing about a line


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """One attribute of one object of the design that a template read."""

    owner: object
    attribute: str
    value: object
    index: int | None = None  # which item of the value, where a loop runs over plain values


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Where a piece of text comes from."""

    template: str
    line: int
    reads: tuple[Read, ...]  # by its own expression
    scope: tuple[object, ...]  # objects of the loops and macros around it, outermost first
    conditions: tuple[Read, ...]  # by the conditions around it
    literal: bool  # text of the template itself


Chain = tuple[Mark, ...]  # from the call in a template to the line in the macro that wrote it
Piece = tuple[str, Chain]


class Traced(str):
    """Text that remembers the pieces it was put together from."""

    __slots__ = ("pieces",)
    pieces: tuple[Piece, ...]

    def __new__(cls, pieces: Iterable[Piece]) -> Traced:
        """Text made of these pieces."""
        kept = tuple(piece for piece in pieces if piece[0])
        self = super().__new__(cls, "".join(text for text, _ in kept))
        self.pieces = kept
        return self

    def __str__(self) -> str:
        """Itself: the str() around every output must not forget."""
        return self


def joined(parts: Iterable[str]) -> Traced:
    """What Jinja calls concat; plain text between traced pieces belongs to the one before it."""
    pieces: list[Piece] = []
    before: Chain = ()
    for part in parts:
        if isinstance(part, Traced):
            pieces += part.pieces
            before = pieces[-1][1] if pieces else ()
        else:
            pieces.append((part, before))
    return Traced(pieces)


@dataclass(frozen=True, slots=True)
class TracedLine:
    """One line of a rendered text: what wrote it, and through which calls."""

    number: int
    text: str
    template: str
    template_line: int
    calls: tuple[tuple[str, int], ...]  # template and line of each call on the way
    marks: tuple[Mark, ...]  # of every piece of it, outermost first, each once
    literals: tuple[tuple[str, str, int], ...]  # text, template, line of what templates spell


def traced_lines(text: str) -> tuple[TracedLine, ...]:
    """The lines of a traced rendering, in order."""
    if not isinstance(text, Traced):
        raise TypeError("this text was not rendered by a TracingEngine")
    lines: list[list[Piece]] = [[]]
    for content, chain in text.pieces:
        for number, part in enumerate(content.split("\n")):
            if number:
                lines.append([])
            lines[-1].append((part, chain))
    if not any(part for part, _ in lines[-1]):
        lines.pop()  # after the last line break
    return tuple(_line(number, pieces) for number, pieces in enumerate(lines, 1))


def _line(number: int, pieces: Sequence[Piece]) -> TracedLine:
    """A line is written where the calls to all of its pieces still agree.

    An empty one is written where its line break stands.
    """
    chains = [chain for text, chain in pieces if text.strip()] or [pieces[-1][1]]
    common = _common(chains) or chains[0][:1]
    marks = {id(mark): mark for chain in chains for mark in chain}
    last = common[-1]
    return TracedLine(
        number=number,
        text="".join(text for text, _ in pieces),
        template=last.template,
        template_line=last.line,
        calls=tuple((mark.template, mark.line) for mark in common[:-1]),
        marks=tuple(marks.values()),
        literals=tuple(
            (text, chain[-1].template, chain[-1].line)
            for text, chain in pieces
            if text and chain and chain[-1].literal
        ),
    )


def _common(chains: Sequence[Chain]) -> Chain:
    """The calls that all chains begin with, as far as they are on the same template lines."""
    first = chains[0]
    for depth, mark in enumerate(first):
        for chain in chains[1:]:
            other = chain[depth] if depth < len(chain) else None
            if other is None or (other.template, other.line) != (mark.template, mark.line):
                return first[:depth]
    return first


# --- the environment ---------------------------------------------------------------------------


class TracingEnvironment(jinja2.Environment):
    """Compiles templates whose outputs say where they come from."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._open: list[list[Read]] = []  # reads of the expressions being evaluated
        self._conditions: dict[object, tuple[Read, ...]] = {}
        self._loops: dict[int, tuple[Read, ...]] = {}
        self._names: dict[str, tuple[Read, ...]] = {}
        self._keys = 0

    concat = staticmethod(joined)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        transformed = _Transformer(self, name or "").visit(tree)
        assert isinstance(transformed, nodes.Template)
        return transformed

    def key(self) -> int:
        """A number for a condition or a loop, of its own in all templates."""
        self._keys += 1
        return self._keys

    # --- what templates call, before and after each expression --------------------------------

    def begun(self) -> None:
        """An expression begins: what is read from here on is its own."""
        self._open.append([])

    def _ended(self, names: Iterable[str]) -> tuple[Read, ...]:
        reads = _told(self._open.pop())
        behind = (read for name in names for read in self._names.get(name, ()))
        return (*reads, *behind)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Every `a.b` of a template."""
        value = super().getattr(obj, attribute)
        self._read(obj, attribute, value)
        return value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Every `a[b]` of a template, and what filters read by name."""
        value = super().getitem(obj, argument)
        if isinstance(argument, str):
            self._read(obj, argument, value)
        return value

    def _read(self, obj: object, attribute: str, value: object) -> None:
        if self._open and is_fact(obj):
            self._open[-1].append(Read(obj, attribute, value))

    def spelt(
        self, text: str, where: tuple[str, int], around: tuple[Any, ...], *objects: object
    ) -> Traced:
        """Text of a template itself."""
        return Traced([(text, (self._mark(where, around, objects, (), literal=True),))])

    def printed(
        self,
        _: None,
        value: object,
        where: tuple[str, int],
        names: tuple[str, ...],
        around: tuple[Any, ...],
        *objects: object,
    ) -> Traced:
        """The value of an expression."""
        text = str(value)  # before the rest: an undefined value complains here
        mark = self._mark(where, around, objects, self._ended(names), literal=False)
        if isinstance(text, Traced):
            return Traced((piece, (mark, *chain)) for piece, chain in text.pieces)
        return Traced([(text, (mark,))])

    def tested(
        self, _: None, value: Any, key: int, names: tuple[str, ...], *objects: object
    ) -> Any:
        """A condition; of a loop's filter with the items that it is asked about."""
        reads = self._ended(names)
        self._conditions[(key, *map(id, objects)) if objects else key] = reads
        return value

    def iterated(self, _: None, value: Any, key: int, names: tuple[str, ...]) -> Any:
        """What a loop runs over."""
        self._loops[key] = self._ended(names)
        return value

    def assigned(self, _: None, value: Any, name: str, names: tuple[str, ...]) -> Any:
        """The value of a `set`."""
        reads = self._ended(names)
        self._names[name] = () if is_fact(value) else reads
        return value

    def _mark(
        self,
        where: tuple[str, int],
        around: tuple[Any, ...],
        objects: tuple[object, ...],
        reads: tuple[Read, ...],
        *,
        literal: bool,
    ) -> Mark:
        """`around` says for each object which loop it comes from, then which conditions hold."""
        loops, tests, filters = around
        scope: list[object] = []
        own = list(reads)
        for key, value in zip(loops, objects, strict=True):
            if is_fact(value):
                scope.append(value)
            elif key is not None:
                own += _items(value, self._loops.get(key, ()))
        conditions = [read for key in tests for read in self._conditions.get(key, ())]
        for key, first, count in filters:
            asked = (key, *map(id, objects[first : first + count]))
            conditions += self._conditions.get(asked, ())
        return Mark(*where, tuple(own), tuple(scope), tuple(conditions), literal)


def is_fact(value: object) -> bool:
    """True for what the design and the settings are made of."""
    return isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type))


def _items(value: object, reads: Iterable[Read]) -> Iterator[Read]:
    """Which item of what was looped over a plain value is."""
    for read in reads:
        if isinstance(read.value, tuple) and value in read.value:
            yield Read(read.owner, read.attribute, read.value, read.value.index(value))
            return


def _told(reads: Sequence[Read]) -> tuple[Read, ...]:
    """What is worth telling: the ends of paths, and no crowd that a filter looked through."""
    owners = {id(read.owner) for read in reads}
    ends = [
        read
        for read in reads
        if id(read.value) not in owners
        and not (isinstance(read.value, tuple) and any(id(item) in owners for item in read.value))
    ]
    crowds: dict[tuple[type, str], list[Read]] = {}
    for read in ends:
        crowds.setdefault((type(read.owner), read.attribute), []).append(read)
    kept: list[Read] = []
    for crowd in crowds.values():
        few = crowd if len(crowd) <= MANY else [read for read in crowd if read.value]
        if len(few) <= MANY:
            kept += few
    return tuple(kept)


# --- templates, wrapped ------------------------------------------------------------------------


class _Transformer(NodeTransformer):
    """Wraps every output, condition, loop and assignment of one template."""

    def __init__(self, environment: TracingEnvironment, template: str) -> None:
        self.environment = environment
        self.template = template
        self.names: list[tuple[int | None, str]] = []  # loop, variable
        self.tests: list[int] = []
        self.filters: list[tuple[int, int, int]] = []  # condition, first variable, how many

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802
        children: list[nodes.Expr] = []
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                for offset, text in enumerate(child.data.splitlines(keepends=True)):
                    children.append(self._spelt(text, child.lineno + offset))
            else:
                children.append(
                    self._call(
                        "printed",
                        child,
                        nodes.Const((self.template, child.lineno)),
                        nodes.Const(_names(child)),
                        *self._around(),
                    )
                )
        return nodes.Output(children, lineno=node.lineno)

    def _spelt(self, text: str, line: int) -> nodes.Expr:
        where = nodes.Const((self.template, line))
        arguments = [nodes.Const(text), where, *self._around()]
        called = nodes.EnvironmentAttribute("spelt")
        return nodes.Call(called, arguments, [], None, None, lineno=line)

    def visit_If(self, node: nodes.If) -> nodes.If:  # noqa: N802
        depth = len(self.tests)
        self._condition(node)
        for other in node.elif_:
            self._condition(other)
        node.else_ = self._all(node.else_)
        del self.tests[depth:]
        return node

    def _condition(self, node: nodes.If) -> None:
        key = self.environment.key()
        names = nodes.Const(_names(node.test))
        node.test = self._call("tested", node.test, nodes.Const(key), names)
        self.tests.append(key)
        node.body = self._all(node.body)

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        key = self.environment.key()
        names = nodes.Const(_names(node.iter))
        node.iter = self._call("iterated", node.iter, nodes.Const(key), names)
        targets = [name.name for name in _stored(node.target)]
        depth, first = len(self.filters), len(self.names)
        if node.test is not None:
            asked = self.environment.key()
            node.test = self._call(
                "tested",
                node.test,
                nodes.Const(asked),
                nodes.Const(_names(node.test)),
                *(nodes.Name(name, "load") for name in targets),
            )
            self.filters.append((asked, first, len(targets)))
        self.names += [(key, name) for name in targets]
        node.body = self._all(node.body)
        del self.names[first:], self.filters[depth:]
        node.else_ = self._all(node.else_)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802
        outside = self.names, self.tests, self.filters
        self.names, self.tests, self.filters = [(None, a.name) for a in node.args], [], []
        node.body = self._all(node.body)
        self.names, self.tests, self.filters = outside
        return node

    def visit_Assign(self, node: nodes.Assign) -> nodes.Assign:  # noqa: N802
        if isinstance(node.target, nodes.Name):
            names = nodes.Const(_names(node.node))
            name = nodes.Const(node.target.name)
            node.node = self._call("assigned", node.node, name, names)
        return node

    def _all(self, body: list[nodes.Node]) -> list[nodes.Node]:
        return [self.visit(node) for node in body]

    def _call(self, name: str, expression: nodes.Node, *more: nodes.Expr) -> nodes.Call:
        """`name(begun(), expression, …)`: Python evaluates arguments from left to right."""
        line = expression.lineno
        begun = nodes.Call(nodes.EnvironmentAttribute("begun"), [], [], None, None, lineno=line)
        arguments = [begun, cast(nodes.Expr, expression), *more]
        called = nodes.EnvironmentAttribute(name)
        return nodes.Call(called, arguments, [], None, None, lineno=line)

    def _around(self) -> list[nodes.Expr]:
        keys = tuple(key for key, _ in self.names)
        around = nodes.Const((keys, tuple(self.tests), tuple(self.filters)))
        return [around, *(nodes.Name(name, "load") for _, name in self.names)]


def _names(node: nodes.Node) -> tuple[str, ...]:
    """Variables that an expression reads."""
    found = [node] if isinstance(node, nodes.Name) else []
    found += node.find_all(nodes.Name)
    return tuple(dict.fromkeys(name.name for name in found if name.ctx == "load"))


def _stored(target: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(target, nodes.Name):
        yield target
    else:
        yield from target.find_all(nodes.Name)


# --- the engine --------------------------------------------------------------------------------


class TracingEngine(Engine):
    """The engine of a platform with templates that say where each line comes from."""

    environment = TracingEnvironment

    def _part(self, name: str, **facts: Hashable) -> str:
        """Never from memory: each text remembers the facts that it was made of."""
        self._bodies.clear()
        return super()._part(name, **facts)

    def _speller(self) -> Callable[[PortProfile], str]:
        """Each port's body remembers its own profile."""
        return lambda profile: self._part("port.j2", profile=profile)


def trace(
    device: DeviceDesign, catalogue: Catalogue, *, day0: bool = False
) -> tuple[TracedLine, ...]:
    """The lines of a device's configuration, or of its bootstrap, with where each comes from.

    Raises RenderError where the platform has no template for it.
    """
    if device.platform not in catalogue.platforms:
        raise RenderError(f"there is no platform {device.platform}")
    platform: Platform = catalogue.platforms[device.platform]
    folder: Path = catalogue.platform_folders[device.platform]
    engine = TracingEngine(platform, folder)
    return traced_lines(engine.render_day0(device) if day0 else engine.render(device))
