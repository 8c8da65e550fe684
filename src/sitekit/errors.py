"""Every failure sitekit can explain. Anything else that escapes is a bug and keeps its traceback.

SitekitError
├── InputError     what people wrote cannot be understood: every problem, each with its place
├── DesignError    a design was asked for what cannot be built (check would have said so)
├── RenderError    a template and a design do not fit, or a platform is missing
├── OutputError    a file cannot be written where it was asked for
└── CloudError     a cloud refused or did not answer
    ├── CredentialError   nobody is signed in, or the sign-in has expired
    ├── TenantError       the credentials are of another tenant than the organisation's
    ├── ForbiddenError    the identity may not do what was asked of it
    ├── UnreachableError  no network, or the cloud stays silent or busy
    └── RefusedError      the cloud understood the request and refused it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

LONGEST = 1_000  # characters of a message


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A spot in a file that somebody wrote: line and column from 1; 0 is the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with the input: where it stands, what is wrong, what to do next."""

    place: Place
    message: str
    hint: str = ""
    sensitive: bool = field(default=False, compare=False)  # the line itself may hold a secret

    def __post_init__(self) -> None:
        """What people wrote may be of any length and character; what is said of it is not."""
        if len(self.message) > LONGEST:
            object.__setattr__(self, "message", f"{self.message[: LONGEST - 1]}…")
        if not self.message.isprintable():
            shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in self.message)
            object.__setattr__(self, "message", shown)

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


def _line(problem: Problem) -> tuple[str, int]:
    """The line that a terminal would show: a secret on it is one for all of its problems."""
    return problem.place.file, problem.place.line


class SitekitError(Exception):
    """Says what is wrong and, when known, what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class InputError(SitekitError):
    """Everything that is wrong with the input, found in one run, sorted by place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        secret = {_line(problem) for problem in problems if problem.sensitive}
        self.problems = tuple(
            replace(problem, sensitive=_line(problem) in secret)
            for problem in sorted(set(problems))
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        """What comes back from another process is the same error."""
        return type(self), (self.problems,)


class DesignError(SitekitError):
    """A design was asked for something that cannot be built as described."""


class RenderError(SitekitError):
    """A template and a design do not fit together, or a platform has no such template."""


class OutputError(SitekitError):
    """A file cannot be written where it was asked for."""


class CloudError(SitekitError):
    """A cloud refused or did not answer; no message of it ever holds a secret."""


class CredentialError(CloudError):
    """Nobody is signed in, or the sign-in has expired."""


class TenantError(CloudError):
    """The credentials are of another tenant than the one the organisation names."""


class ForbiddenError(CloudError):
    """The identity may not do what was asked of it; the hint names the permission."""


class UnreachableError(CloudError):
    """There is no network, or the cloud stays silent or busy beyond our patience."""


class RefusedError(CloudError):
    """The cloud understood a request and refused it."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int = 0,
        code: str = "",
        conflict: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.conflict = conflict  # the object exists already, or a value of it is taken
