"""The providers of one run: resources of type pulumi:providers:PACKAGE and their processes."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from .plugins import (
    CheckFailure,
    Difference,
    Plugins,
    Provider,
    ProviderError,
    by_comparison,
    new_id,
    unknown_id,
)
from .resources import PROVIDER_PREFIX, Resource, parse_reference, reference
from .values import Properties, plain

INTERNAL = "__internal"
#: The package that the engine itself answers for: stack references.
BUILT_IN = "pulumi"


def without_internal(inputs: Properties) -> Properties:
    """A provider's arguments without the engine's own entry."""
    return {key: value for key, value in inputs.items() if key != INTERNAL}


def package_of(kind: str) -> str:
    """The package of a provider's type token."""
    return kind.removeprefix(PROVIDER_PREFIX)


class Providers:
    """Loads, checks and configures providers, and finds the one of a reference."""

    def __init__(
        self,
        plugins: Plugins,
        olds: Callable[[], dict[str, Resource]],
        loaded: Callable[[str, Provider], None],
        *,
        preview: bool,
    ) -> None:
        self._plugins, self._olds, self._loaded = plugins, olds, loaded
        self._preview = preview
        self._checked: dict[str, Provider] = {}
        self._configured: dict[str, Provider] = {}
        self._lock = RLock()

    def load(self, urn: str, kind: str, inputs: Properties) -> Provider:
        """A process of its own for a provider resource, not configured yet."""
        version = plain(inputs.get("version")) or ""
        process = self._plugins.take(package_of(kind), str(version))
        provider = Provider(process, urn, self._plugins.died, preview=self._preview)
        self._loaded(package_of(kind), provider)
        return provider

    def check(
        self, resource: Resource, olds: Properties, news: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """CheckConfig of a provider resource; its state's arguments come back."""
        if package_of(resource.type) == BUILT_IN:
            return news, []
        provider = self.load(resource.urn, resource.type, news)
        checked, failures = provider.check_config(
            resource.name, resource.type, without_internal(olds), without_internal(news)
        )
        with self._lock:
            self._checked[resource.urn] = provider
        return {INTERNAL: {}, **checked}, failures

    def diff(self, old: Resource, new: Resource, ignore: list[str]) -> Difference:
        """DiffConfig of a provider resource."""
        provider = self._checked.get(new.urn)
        if provider is None:
            return by_comparison(without_internal(old.inputs), without_internal(new.inputs))
        return provider.diff_config(
            without_internal(old.inputs), old.outputs or {}, without_internal(new.inputs),
            new.name, new.type, ignore,
        )  # fmt: skip

    def create(self, resource: Resource) -> tuple[str, Properties]:
        """Configure a new provider: its id and outputs."""
        identity = unknown_id() if self._preview else new_id()
        self._configure(resource, identity)
        return identity, without_internal(resource.inputs)

    def update(self, resource: Resource) -> Properties:
        """Configure a provider with changed arguments: its outputs."""
        self._configure(resource, resource.id)
        return without_internal(resource.inputs)

    def same(self, resource: Resource) -> None:
        """Configure a provider as the state has it, if it is not configured already."""
        with self._lock:
            if reference(resource.urn, resource.id) in self._configured:
                return
            self._configure(resource, resource.id)

    def _configure(self, resource: Resource, identity: str) -> None:
        if package_of(resource.type) == BUILT_IN:
            return
        with self._lock:
            provider = self._checked.pop(resource.urn, None)
            if provider is None:
                provider = self.load(resource.urn, resource.type, resource.inputs)
            provider.configure(
                identity, resource.name, resource.type, without_internal(resource.inputs)
            )
            self._configured[reference(resource.urn, identity)] = provider

    def get(self, text: str) -> Provider | None:
        """The configured provider of a reference."""
        return self._configured.get(text)

    def ensure(self, text: str) -> Provider:
        """The provider of a reference; one that only the state knows is configured from there.

        Raises:
            ProviderError: neither this run nor the state knows it.
        """
        with self._lock:
            found = self._configured.get(text)
            if found is not None:
                return found
            urn, identity = parse_reference(text)
            resource = self._olds().get(urn)
            if resource is None or resource.id != identity:
                for other, provider in self._configured.items():
                    if parse_reference(other)[0] == urn:
                        return provider
                raise ProviderError(f"unknown provider '{text}'")
            self.same(resource)
            return self._configured[text]
