"""Plain data into models; what does not fit becomes problems in plain words, with places."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import Enum
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import AliasChoices, AliasPath, BaseModel, Discriminator, RootModel, Tag
from pydantic import ValidationError as NotValid
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from ..errors import Place, Problem
from .files import names_secret, shortened
from .versions import other_version

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[str | int, ...]

MAX_PROBLEMS = 100
_MAX_CHOICES = 20


class Source(Protocol):
    """Where data came from: a YAML document, or one row of a table."""

    @property
    def data(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def refused(self) -> AbstractSet[KeyPath]: ...  # noqa: D102
    def place(self, path: KeyPath, /) -> Place: ...  # noqa: D102
    def key_place(self, path: KeyPath, /) -> Place: ...  # noqa: D102
    def written(self, path: KeyPath, /) -> str | None: ...  # noqa: D102


def validate(
    model: type[M],
    document: Source,
    problems: list[Problem],
    *,
    at: KeyPath = (),
    data: Any = None,
) -> M | None:
    """Make a model of what stands at a path of a document, or add to `problems` why it cannot be.

    Nothing is said about values that the document itself has already refused, so the caller adds
    the document's own problems, once. A file of another version is one problem. A validator may
    raise ValueError(message, hint).
    """
    if () in document.refused:
        return None
    value = _value_at(document.data, at) if data is None else data
    if not at and data is None and (other := other_version(model, value, document)):
        problems.append(other)  # what else is wrong would be wrong with another version
        return None
    try:
        return model.model_validate(value)
    except NotValid as error:
        problems.extend(_problems(error, model, value, document, at))
        return None


def suggest(word: str, known: Iterable[str]) -> str:
    """Say "did you mean 'x'?" when one of the known words is close, else nothing."""
    closest = _closest(word, known)
    return f"did you mean '{closest}'?" if closest else ""


def _closest(word: str, known: Iterable[str]) -> str:
    if len(word) > 64:
        return ""
    by_form = {_form(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(_form(word), by_form, n=1, cutoff=0.6)
    return by_form[close[0]] if close else ""


def _form(word: str) -> str:
    return word.strip().casefold().replace("_", "-").replace(" ", "-")


def _value_at(data: Any, path: KeyPath) -> Any:
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
        else:
            return None
    return data


# --- all errors of one validation ------------------------------------------------------------


def _problems(
    error: NotValid, model: type[BaseModel], value: Any, document: Source, at: KeyPath
) -> list[Problem]:
    details = error.errors(include_url=False)
    complaints = []
    for detail in details[:MAX_PROBLEMS]:
        trail = _follow(model, detail["loc"], value)
        complaint = _complaint(detail, replace(trail, path=at + trail.path), document)
        if not _already_refused(complaint, document.refused):
            complaints.append(complaint)
    complaints = _without_misspelt_twice(_one_per_union(complaints))
    found = [complaint.problem() for complaint in complaints]
    if len(details) > MAX_PROBLEMS:
        place = document.place(at + _follow(model, details[MAX_PROBLEMS]["loc"], value).path)
        more = f"and {len(details) - MAX_PROBLEMS:,} more problems"
        found.append(Problem(place, more, "correct the others first"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Complaint:
    """One error in our words, with what is needed to weigh it against its neighbours."""

    path: KeyPath
    place: Place
    message: str
    hint: str = ""
    expected: str = ""  # "a whole number", where something else stands
    unknown_key_for: str = ""  # the key that was probably meant
    missing: bool = False
    too_few: bool = False
    union: KeyPath | None = None
    member: str = ""
    sensitive: bool = False

    def problem(self) -> Problem:
        return Problem(self.place, self.message, self.hint, self.sensitive)


def _already_refused(complaint: _Complaint, refused: AbstractSet[KeyPath]) -> bool:
    path = complaint.path
    if complaint.missing and (*path[:-1], "<<") in refused:
        return True
    return any(path[:length] in refused for length in range(1, len(path) + 1))


def _one_per_union(complaints: list[_Complaint]) -> list[_Complaint]:
    """Where a value may be one thing or another, complain about the likelier of the two."""
    unions: dict[KeyPath, list[_Complaint]] = {}
    for complaint in complaints:
        if complaint.union is not None:
            unions.setdefault(complaint.union, []).append(complaint)
    kept = [complaint for complaint in complaints if complaint.union is None]
    for where, group in unions.items():
        members: dict[str, list[_Complaint]] = {}
        for complaint in group:
            members.setdefault(complaint.member, []).append(complaint)
        inside = [m for m in members.values() if any(len(c.path) > len(where) for c in m)]
        if inside:
            kept.extend(sorted(inside, key=len)[0])
        elif all(complaint.expected for complaint in group):
            expected = " or ".join(dict.fromkeys(complaint.expected for complaint in group))
            message = group[0].message.replace(group[0].expected, expected, 1)
            if group[0].expected not in group[0].message:
                message = f"{_subject(where)} should be {expected}"
            kept.append(replace(group[0], message=message, hint=group[0].hint))
        else:
            kept.extend(complaint for complaint in group if not complaint.expected)
    return kept


def _without_misspelt_twice(complaints: list[_Complaint]) -> list[_Complaint]:
    """Do not call a key missing that is only misspelt."""
    meant = {(*c.path[:-1], c.unknown_key_for) for c in complaints if c.unknown_key_for}
    kept = [c for c in complaints if not (c.missing and c.path in meant)]
    return [c for c in kept if not (c.too_few and _holds_another(c, kept))]


def _holds_another(complaint: _Complaint, all_of_them: list[_Complaint]) -> bool:
    """Whether something inside is complained about as well: an entry that is wrong counts too."""
    depth = len(complaint.path)
    return any(c.path[:depth] == complaint.path and len(c.path) > depth for c in all_of_them)


# --- one error in plain words ----------------------------------------------------------------

_WHOLE = "a whole number"
_NUMBER = "a number"
_TEXT = "text"
_BOOL = "true or false"
_LIST = "a list"
_GROUP = "a group of keys"
_DATE = "a date such as 2026-11-24"
_MOMENT = "a date and time such as 2026-11-24T09:30"
_TIME = 'a time in quotes such as "09:30"'
_SPAN = "a length of time"
_EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("decimal_type", "decimal_parsing", "complex_type"), _NUMBER),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode", "bytes_type"), _TEXT),
    **dict.fromkeys(("bool_type", "bool_parsing"), _BOOL),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), _LIST),
    **dict.fromkeys(("iterable_type", "iteration_error"), _LIST),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), _GROUP),
    **dict.fromkeys(("mapping_type", "dataclass_type"), _GROUP),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), _DATE),
    **dict.fromkeys(("date_from_datetime_inexact",), _DATE),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing"), _MOMENT),
    **dict.fromkeys(("datetime_object_invalid",), _MOMENT),
    **dict.fromkeys(("time_type", "time_parsing"), _TIME),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), _SPAN),
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), "a UUID"),
    **dict.fromkeys(("url_type", "url_parsing"), "a web address such as https://example.com"),
    **dict.fromkeys(("url_syntax_violation", "url_scheme"), "a web address"),
    "ip_v4_address": "an IPv4 address such as 10.0.0.1",
    "ip_v6_address": "an IPv6 address such as 2001:db8::1",
    "ip_any_address": "an IP address such as 10.0.0.1",
    "ip_v4_network": "a prefix such as 10.0.0.0/24",
    "ip_v6_network": "a prefix such as 2001:db8::/64",
    "ip_any_network": "a prefix such as 10.0.0.0/24",
    "ip_v4_interface": "an address with its prefix length such as 10.0.0.1/24",
    "ip_v6_interface": "an address with its prefix length such as 2001:db8::1/64",
    "ip_any_interface": "an address with its prefix length such as 10.0.0.1/24",
    "none_required": "empty",
}
_BY_CLASS = {
    "IPv4Address": _EXPECTED["ip_v4_address"],
    "IPv6Address": _EXPECTED["ip_v6_address"],
    "IPv4Network": _EXPECTED["ip_v4_network"],
    "IPv6Network": _EXPECTED["ip_v6_network"],
    "IPv4Interface": _EXPECTED["ip_v4_interface"],
    "IPv6Interface": _EXPECTED["ip_v6_interface"],
    "date": _DATE,
    "datetime": _MOMENT,
    "Path": _TEXT,
}
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
_BUILT_IN = frozenset(get_args(ErrorType))


def _complaint(detail: ErrorDetails, trail: _Trail, document: Source) -> _Complaint:
    kind, value, path = detail["type"], detail["input"], trail.path
    if kind == "extra_forbidden":
        return _unknown_key(trail, document)
    if kind == "missing":
        return _missing_key(trail, document)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        trail = _at_discriminator(trail, detail)
        path = trail.path
        if kind == "union_tag_not_found":
            return _missing_key(trail, document)
        value = value.get(path[-1]) if isinstance(value, Mapping) else value
    place = document.key_place(path) if trail.on_key else document.place(path)
    message, hint, expected = _words(detail, value, trail, document)
    return _Complaint(
        path=path,
        place=place,
        message=message,
        hint=hint,
        expected=expected,
        too_few=kind == "too_short",
        union=trail.union,
        member=trail.member,
        sensitive=kind == "secret_literal",
    )


def _unknown_key(trail: _Trail, document: Source) -> _Complaint:
    key = str(trail.path[-1])
    closest = _closest(key, trail.known)
    known = ", ".join(trail.known) or "none"
    return _Complaint(
        path=trail.path,
        place=document.key_place(trail.path),
        message=f"unknown key '{shortened(key)}'",
        hint=f"did you mean '{closest}'?" if closest else f"known keys: {known}",
        unknown_key_for=closest,
        union=trail.union,
        member=trail.member,
        sensitive=names_secret(key),
    )


def _missing_key(trail: _Trail, document: Source) -> _Complaint:
    key = trail.path[-1]
    hint = f"add '{key}:'"
    if choices := _choices(trail.kind):
        one = len(choices) == 1
        hint = f"add '{key}: {choices[0]}'" if one else f"{hint} with one of {_listed(choices)}"
    elif trail.description:
        hint += f" ({trail.description})"
    return _Complaint(
        path=trail.path,
        place=document.place(trail.path[:-1]),
        message=f"key '{key}' is missing",
        hint=hint,
        missing=True,
        union=trail.union,
        member=trail.member,
    )


class _Words(NamedTuple):
    message: str
    hint: str = ""
    expected: str = ""


def _words(detail: ErrorDetails, value: Any, trail: _Trail, document: Source) -> _Words:
    kind, context = detail["type"], detail.get("ctx", {})
    subject = _subject(trail.path, trail.on_key)
    choices = _choices(trail.kind) or _choices_said(context)
    if value is None and kind != "none_required" and trail.path and not trail.on_key:
        return _empty(subject, choices, trail, _expected(detail))
    if kind in ("enum", "literal_error", "union_tag_invalid") or (
        kind == "is_instance_of" and choices
    ):
        return _not_one_of(subject, value, choices)
    if kind == "secret_literal":
        return _Words(detail["msg"], "refer to one: env:NAME, file:PATH or keyvault:VAULT/NAME")
    if kind in ("value_error", "assertion_error"):
        return _own_words(context.get("error"), subject, detail["msg"])
    if expected := _expected(detail):
        written = document.written(trail.path)
        return _Words(
            f"{subject} should be {expected}, not {_shown(value, written)}",
            _type_hint(expected, value, written, trail),
            expected,
        )
    if kind in _LIMITS:
        words, key = _LIMITS[kind]
        limit = context[key]
        limit = int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        message = f"{subject} should be {words} {limit}, not {_shown(value)}"
        return _Words(message, trail.description or f"write a number that is {words} {limit}")
    if kind in ("too_short", "too_long"):
        hint = "add an entry" if kind == "too_short" else "remove what is too much"
        return _Words(_wrong_length(kind, subject, context), trail.description or hint)
    if kind in ("string_too_short", "string_too_long"):
        hint = "write it out" if kind == "string_too_short" else "shorten it"
        return _Words(_wrong_text_length(kind, subject, context), trail.description or hint)
    if kind == "string_pattern_mismatch":
        hint = trail.description or f"it should match the pattern {context['pattern']}"
        if trail.on_key:
            return _Words(f"{_shown(value)} cannot be a key here", hint)
        return _Words(f"{_shown(value)} does not have the form of {subject}", hint)
    if kind in ("date_past", "date_future", "datetime_past", "datetime_future"):
        when = "past" if kind.endswith("past") else "future"
        return _Words(f"{subject} should be in the {when}", trail.description)
    if kind in _BUILT_IN:
        return _Words(f"{subject} cannot be {_shown(value)}", trail.description)
    return _own_words(None, subject, detail["msg"])


def _expected(detail: ErrorDetails) -> str:
    if detail["type"] in ("is_instance_of", "is_subclass_of"):
        return _BY_CLASS.get(str(detail.get("ctx", {}).get("class")), "another kind of value")
    return _EXPECTED.get(detail["type"], "")


def _own_words(error: object, subject: str, otherwise: str) -> _Words:
    """Give the words of the model's own validator, as they are."""
    arguments = error.args if isinstance(error, Exception) else (otherwise,)
    if len(arguments) == 2 and all(isinstance(argument, str) for argument in arguments):
        message, hint = arguments
    else:
        message, hint = str(error) if isinstance(error, Exception) else otherwise, ""
    return _Words(f"{subject} {message}" if message.startswith("should ") else message, hint)


def _empty(subject: str, choices: Sequence[Any], trail: _Trail, expected: str) -> _Words:
    wanted = f"one of {_listed(choices)}" if choices else expected or "a value"
    hint = f"write {wanted}" + (", or delete the line" if trail.optional else "")
    return _Words(f"{subject} is empty", hint, expected)


def _not_one_of(subject: str, value: Any, choices: Sequence[Any]) -> _Words:
    listed = _listed(choices)
    expected = f"one of {listed}" if len(choices) > 1 else listed
    if isinstance(value, str | int | float) and len(choices) > 1:
        message = f"{_shown(value)} is not one of {listed}"
    else:
        message = f"{subject} should be {expected}, not {_shown(value)}"
    texts = [choice for choice in choices if isinstance(choice, str)]
    if isinstance(value, str):
        if any(str(choice) == value for choice in choices):
            hint = f"write it without quotes: {value}"
        else:
            hint = suggest(value, texts)
    else:
        hint = f'write it in quotes: "{value}"' if str(value) in texts else ""
    return _Words(message, hint or f"choose another value for {subject}", expected)


def _type_hint(expected: str, value: Any, written: str | None, trail: _Trail) -> str:
    is_number = isinstance(value, int | float)
    if expected == _TEXT and is_number:
        shown = written or str(value).lower()
        return f'write it in quotes: "{shortened(shown)}"'
    if isinstance(value, str) and expected in (_WHOLE, _NUMBER, _BOOL):
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?|true|false", value):
            return f"write it without quotes: {shortened(value)}"
        return "write digits only, such as 12" if expected != _BOOL else "write true or false"
    if expected == _LIST:
        return "begin each item on its own line with '- '"
    if expected == _GROUP:
        keys = f": {', '.join(trail.keys_below)}" if trail.keys_below else ""
        return f"write its keys on the lines below, indented{keys}"
    if expected == _WHOLE:
        return "write digits only, such as 12"
    return trail.description


def _wrong_length(kind: str, subject: str, context: Mapping[str, Any]) -> str:
    if kind == "too_short":
        least = context["min_length"]
        return f"{subject} should have at least {_counted(least, 'entry', 'entries')}"
    most = context["max_length"]
    return f"{subject} should have at most {_counted(most, 'entry', 'entries')}"


def _wrong_text_length(kind: str, subject: str, context: Mapping[str, Any]) -> str:
    if kind == "string_too_long":
        most = _counted(context["max_length"], "character", "characters")
        return f"{subject} should have at most {most}"
    if context["min_length"] == 1:
        return f"{subject} should not be empty"
    return f"{subject} should have at least {context['min_length']} characters"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _subject(path: KeyPath, on_key: bool = False) -> str:
    """Give the name of the value at a path: 'people', item 2 of 'segments'."""
    if not path:
        return "the file"
    last = path[-1]
    if on_key:
        return f"the key '{shortened(str(last))}'"
    if isinstance(last, str):
        return f"'{shortened(last)}'"
    above = next((step for step in reversed(path) if isinstance(step, str)), "")
    return f"item {last + 1} of '{shortened(above)}'" if above else f"item {last + 1}"


def _shown(value: Any, written: str | None = None) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return f"'{shortened(value)}'" if value else "an empty text"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {shortened(written or str(value))}"
    if isinstance(value, Mapping):
        return "a group of keys"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    return f"'{shortened(str(value))}'"


def _listed(choices: Sequence[Any]) -> str:
    words = [str(c).lower() if isinstance(c, bool) else str(c) for c in choices[:_MAX_CHOICES]]
    more = len(choices) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "")


# --- from an error's location to the path in the document, and the type that was asked for ----


@dataclass(slots=True, kw_only=True)
class _Trail:
    """Where an error's location leads: through the data, and through the model's types."""

    path: KeyPath = ()
    kind: Any = None  # the type asked for at the end
    key_kind: Any = None  # the same, for the keys of a mapping
    infos: tuple[Any, ...] = ()  # what Annotated and Field say about it
    known: tuple[str, ...] = ()  # the keys of the model that holds the last step
    optional: bool = False
    on_key: bool = False
    union: KeyPath | None = None
    member: str = ""

    @property
    def description(self) -> str:
        """What the model says the value is, without its full stop."""
        for info in self.infos:
            if isinstance(info, FieldInfo) and info.description:
                return info.description.rstrip(".")
        return ""

    @property
    def keys_below(self) -> tuple[str, ...]:
        return _keys(self.kind) if _is_model(self.kind) else ()


def _follow(model: type[BaseModel], location: tuple[str | int, ...], value: Any) -> _Trail:
    """Walk an error's location: keys and positions are steps in the data, union labels are not."""
    trail = _Trail(kind=model)
    for index, step in enumerate(location):
        _unwrap(trail)
        members = _members(trail.kind)
        if members:
            _take_member(trail, members, str(step))
        elif step == "[key]" and index == len(location) - 1:
            trail.on_key, trail.kind, trail.infos = True, trail.key_kind, ()
        else:
            value = _take_step(trail, step, value)
    _unwrap(trail)
    return trail


def _take_member(trail: _Trail, members: Sequence[Any], label: str) -> None:
    tagged = _discriminator(trail.infos)
    if tagged is None and trail.union is None:
        trail.union, trail.member = trail.path, label
    trail.kind = _member(members, label, tagged)


def _take_step(trail: _Trail, step: str | int, value: Any) -> Any:
    kind, origin = trail.kind, get_origin(trail.kind)
    trail.infos, trail.known, trail.optional = (), (), False
    if _is_model(kind):
        trail.known = _keys(kind)
        found = _field(kind, str(step))
        trail.kind = found[1].annotation if found else None
        if found:
            trail.infos, trail.optional = (found[1],), not found[1].is_required()
            if isinstance(value, Mapping) and step not in value and found[0] in value:
                step = found[0]
    elif origin is not None and isinstance(step, int):
        arguments = [argument for argument in get_args(kind) if argument is not ...]
        fixed = origin is tuple and ... not in get_args(kind) and step < len(arguments)
        trail.kind = arguments[step if fixed else 0] if arguments else None
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        trail.key_kind, trail.kind = get_args(kind)
    else:
        trail.kind = None
        if not _holds(value, step):
            return value  # the label of something the walk does not know
    trail.path = (*trail.path, step)
    return _value_at(value, (step,))


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)


def _unwrap(trail: _Trail) -> None:
    """Take off Annotated, type aliases, Optional and root models, keeping what they say."""
    while True:
        kind = trail.kind
        if get_origin(kind) is Annotated:
            trail.kind, *said = get_args(kind)
            trail.infos = (*trail.infos, *said)
        elif hasattr(kind, "__value__"):
            trail.kind = kind.__value__
        elif hasattr(kind, "__supertype__"):
            trail.kind = kind.__supertype__
        elif isinstance(kind, type) and _is_model(kind) and issubclass(kind, RootModel):
            trail.kind = kind.model_fields["root"].annotation
        elif _is_union(kind) and len(members := _not_none(kind)) == 1:
            trail.kind = members[0]
        else:
            return


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _not_none(kind: Any) -> list[Any]:
    return [member for member in get_args(kind) if member is not type(None)]


def _members(kind: Any) -> list[Any]:
    return _not_none(kind) if _is_union(kind) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _discriminator(infos: Iterable[Any]) -> Any:
    """Give the key (or the Discriminator) that tells the members of a union apart."""
    for info in infos:
        said = info.discriminator if isinstance(info, FieldInfo) else info
        if isinstance(said, Discriminator):
            return said.discriminator if isinstance(said.discriminator, str) else said
        if isinstance(info, FieldInfo) and isinstance(said, str):
            return said
    return None


def _member(members: Sequence[Any], label: str, tagged: Any) -> Any:
    for member in members:
        bare = _Trail(kind=member)
        _unwrap(bare)
        if any(isinstance(info, Tag) and info.tag == label for info in bare.infos):
            return member
        if tagged is not None and _is_model(bare.kind) and isinstance(tagged, str):
            found = _field(bare.kind, tagged)
            if found and label in map(str, _choices(found[1].annotation)):
                return member
        if tagged is None and _label(bare.kind) == _plain_label(label):
            return member
    return None


def _plain_label(label: str) -> str:
    """Take off what pydantic adds: constrained-str is a str, tuple[str, ...] a tuple."""
    return label.partition("[")[0].removeprefix("constrained-")


def _label(kind: Any) -> str:
    """Give the word with which an error's location names a member of a union."""
    if get_origin(kind) is Literal:
        return "literal"
    origin = get_origin(kind) or kind
    return str(getattr(origin, "__name__", ""))


def _field(model: type[BaseModel], key: str) -> tuple[str, FieldInfo] | None:
    for name, field in model.model_fields.items():
        if key == name or key in _names(name, field):
            return name, field
    return None


def _keys(model: type[BaseModel]) -> tuple[str, ...]:
    """Give the keys that people may write in a model."""
    return tuple(_names(name, field)[0] for name, field in model.model_fields.items())


def _names(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias or field.alias or name
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [str(c.path[0]) if isinstance(c, AliasPath) else str(c) for c in choices]


def _choices(kind: Any) -> list[Any]:
    """Give the values that an enum or a literal allows."""
    bare = _Trail(kind=kind)
    _unwrap(bare)
    if get_origin(bare.kind) is Literal:
        literal = get_args(bare.kind)
        return [c.value if isinstance(c, Enum) else c for c in literal if c is not None]
    if isinstance(bare.kind, type) and issubclass(bare.kind, Enum):
        return [member.value for member in bare.kind]
    return []


def _choices_said(context: Mapping[str, Any]) -> list[str]:
    said = context.get("expected") or context.get("expected_tags") or ""
    return re.findall(r"'([^']*)'", str(said))


def _at_discriminator(trail: _Trail, detail: ErrorDetails) -> _Trail:
    """Move on to the key that tells the members of a union apart."""
    key = str(detail.get("ctx", {}).get("discriminator", "")).strip("'")
    values: list[Any] = []
    for member in _members(trail.kind):
        bare = _Trail(kind=member)
        _unwrap(bare)
        found = _field(bare.kind, key) if _is_model(bare.kind) else None
        values += _choices(found[1].annotation) if found else []
    kind = Literal[tuple(dict.fromkeys(values))] if values else None
    return replace(trail, path=(*trail.path, key), kind=kind, infos=())
