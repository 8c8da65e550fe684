"""The project, the backend, the stack and its secrets, as a command finds them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from . import backend as backends
from . import passphrase, snapshot
from . import project as projects
from .backend import Backend, StackName
from .faults import EngineError, StackNotFoundError
from .options import Arguments
from .passphrase import Crypter
from .project import Project, StackFile

NO_STACK_SELECTED = (
    "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one"
)


class Workspace:
    """Where a command works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def project(self) -> Project:
        """The project of the folder.

        Raises:
            EngineError: there is none.
        """
        return projects.find(self.folder)

    @property
    def project_or_none(self) -> Project | None:
        """The project, if there is one."""
        try:
            return self.project
        except EngineError:
            return None

    @cached_property
    def backend(self) -> Backend:
        """The backend that the environment, the project or the login names."""
        project = self.project_or_none
        return backends.open_backend(backends.current_url(project), project)

    def name(self, text: str) -> StackName:
        """The stack that a name means; it need not exist."""
        project = self.project_or_none
        return self.backend.parse(text, project.name if project else None)

    def stack(self, arguments: Arguments) -> Stack:
        """The stack of `--stack`, or the selected one.

        Raises:
            StackNotFoundError: it does not exist.
            EngineError: none is selected.
        """
        text = arguments.get("stack")
        if not text:
            text = backends.selected(self.project, self.backend.url)
            if not text:
                raise EngineError(NO_STACK_SELECTED)
            name = self.name(text)
            if not self.backend.exists(name):
                raise EngineError(NO_STACK_SELECTED)
        return self.existing(text, arguments)

    def existing(self, text: str, arguments: Arguments | None = None) -> Stack:
        """The stack of a name.

        Raises:
            StackNotFoundError: it does not exist.
        """
        name = self.name(text)
        if not self.backend.exists(name):
            raise StackNotFoundError(text)
        file = arguments.get("config-file") if arguments else ""
        return Stack(self, name, Path(file) if file else None)


@dataclass(frozen=True, slots=True)
class Configuration:
    """A stack's configuration, opened."""

    #: As programs get it.
    texts: dict[str, str]
    secret_keys: list[str]
    #: As it is stored: secrets are ciphertexts.
    stored: dict[str, Any]

    def shown(self) -> dict[str, str]:
        """For events: secrets are hidden."""
        return {
            key: "[secret]" if key in self.secret_keys else text for key, text in self.texts.items()
        }


class Stack:
    """One stack: its file, its state, its secrets."""

    def __init__(self, workspace: Workspace, name: StackName, file: Path | None = None) -> None:
        self.workspace, self.name = workspace, name
        self._file = file

    @property
    def backend(self) -> Backend:
        """Where it is kept."""
        return self.workspace.backend

    @property
    def project(self) -> Project:
        """The project it belongs to."""
        return self.workspace.project

    @cached_property
    def file(self) -> StackFile:
        """Pulumi.<stack>.yaml, or the file of `--config-file`."""
        path = self._file or self.project.stack_file(self.name.name)
        return projects.read_stack_file(self.project, path)

    @cached_property
    def stored(self) -> dict[str, Any]:
        """The stored deployment; empty if there never was one."""
        if not self.backend.exists(self.name):
            return {}
        return self.backend.load(self.name) or {}

    @property
    def state_salt(self) -> str:
        """The salt of the state's secrets provider."""
        provider = self.stored.get("secrets_providers") or {}
        return str((provider.get("state") or {}).get("salt") or "")

    @cached_property
    def crypter(self) -> Crypter:
        """The crypter of the configuration and of new states; a new salt is made if need be.

        Raises:
            EngineError: no passphrase is set, or it does not open the salt.
        """
        salt = self.file.salt or self.state_salt
        try:
            phrase = passphrase.phrase_from_environment()
            if salt:
                return passphrase.from_salt(salt, phrase)
        except EngineError as error:
            raise EngineError(
                f"getting stack configuration: get stack secrets manager: {error}"
            ) from None
        crypter = passphrase.with_new_salt(phrase)
        self.file.salt = crypter.state
        self.file.write()
        return crypter

    def proven(self) -> Crypter:
        """The crypter, once the passphrase has been tried."""
        try:
            return self.crypter.proven()
        except passphrase.WrongPassphraseError as error:
            raise EngineError(
                f"getting stack configuration: get stack secrets manager: {error}"
            ) from None

    @cached_property
    def state_crypter(self) -> Crypter:
        """The crypter of the state as it is stored."""
        salt = self.state_salt
        if not salt or salt == self.crypter.state:
            return self.crypter
        return passphrase.from_salt(salt, passphrase.phrase_from_environment())

    def deployment(self) -> snapshot.Deployment:
        """The state, its secrets opened; the salt is the one for the next write."""
        result = snapshot.read(self.stored, lambda text: self.state_crypter.decrypt(text))
        result.salt = self.crypter.state
        return result

    def save(self, deployment: snapshot.Deployment) -> None:
        """Write a state."""
        self.backend.save(self.name, deployment.text(self.crypter.encrypt))

    def configuration(self) -> Configuration:
        """The configuration: the project's defaults, then the stack's own."""
        merged = {**self.project.config, **self.file.config}
        secret = sorted(key for key, value in merged.items() if projects.holds_secret(value))
        texts = {
            key: projects.as_text(
                projects.opened(merged[key], self.crypter.decrypt) if key in secret
                else merged[key]
            )
            for key in sorted(merged)
        }  # fmt: skip
        return Configuration(texts=texts, secret_keys=secret, stored=self.file.config)
