"""Templates, compiled once for the life of the process: one per platform and role.

The body of a port depends on its profile alone, so each profile is rendered once and repeated;
a 48-port switch has a handful of them. A template can name other parts of a configuration that
depend on little, with `part`. Templates see the design and spell it, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

import jinja2

from ..design.result import DeviceDesign, PortProfile
from ..errors import RenderError
from ..load.catalogue import Catalogue
from ..model.platform import Platform
from . import words

PARTS = 1 << 14  # texts that an engine remembers before it begins anew
TOKEN = "<secret:{reference}>"


class Engine:
    """Renders every role of one platform."""

    environment: type[jinja2.Environment] = jinja2.Environment

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        self._environment = self.environment(
            loader=jinja2.FileSystemLoader(folder),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.filters.update(
            text=words.TEXT[platform.syntax],
            banner=words.BANNER[platform.syntax],
            secret_form=self._secret_form,
            vlan_list=vlan_list,
        )
        self._environment.globals["part"] = self._part
        self._templates: dict[str, jinja2.Template] = {}
        self._bodies: dict[tuple[Hashable, ...], str] = {}

    def render(self, device: DeviceDesign) -> str:
        """The complete configuration of one device, from factory default to in service."""
        return self._rendered(f"{device.role.value}.j2", device)

    def render_day0(self, device: DeviceDesign) -> str:
        """Just enough for a device in factory default to be reached; one template per platform."""
        return self._rendered("day0.j2", device)

    def _rendered(self, name: str, device: DeviceDesign) -> str:
        try:
            return self._template(name).render(device=device, body=self._speller())
        except jinja2.UndefinedError as error:
            raise RenderError(f"{device.name} ({self.platform.name}): {error.message}") from None

    def _speller(self) -> Callable[[PortProfile], str]:
        """For one device: what gives the lines of a port below its description."""
        known: dict[int, str] = {}  # by identity: the device keeps its profiles while it is spelt

        def body(profile: PortProfile) -> str:
            text = known.get(id(profile))
            if text is None:
                text = known[id(profile)] = self._part("port.j2", profile=profile)
            return text

        return body

    def _part(self, name: str, **facts: Hashable) -> str:
        """A template that sees these facts only: equal facts share one string."""
        key = (name, *facts.items())
        text = self._bodies.get(key)
        if text is None:
            if len(self._bodies) >= PARTS:
                self._bodies.clear()
            text = self._bodies[key] = self._template(name).render(facts)
        return text

    def _template(self, name: str) -> jinja2.Template:
        template = self._templates.get(name)
        if template is None:
            template = self._templates[name] = self._load(name)
        return template

    def _load(self, name: str) -> jinja2.Template:
        try:
            return self._environment.get_template(name)
        except jinja2.TemplateNotFound:
            raise RenderError(f"platform {self.platform.name} has no template {name}") from None
        except jinja2.TemplateSyntaxError as error:
            raise RenderError(
                f"{self.platform.name}/{error.name}:{error.lineno}: {error.message}"
            ) from None

    def _secret_form(self, reference: str, form: str) -> str:
        """A placeholder that the device would refuse; only deployment puts the secret there."""
        try:
            stands = self.platform.secrets[form].placeholder
        except KeyError:
            raise RenderError(f"platform {self.platform.name} has no secret form {form}") from None
        return stands.replace("{token}", TOKEN.format(reference=reference))


def vlan_list(vlans: tuple[int, ...]) -> str:
    """VLAN numbers as switches write them: 10-12,20. One entry per run, ascending."""
    runs: list[list[int]] = []
    for vlan in sorted(vlans):
        if runs and vlan == runs[-1][1] + 1:
            runs[-1][1] = vlan
        else:
            runs.append([vlan, vlan])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def engine_of(platform: str, catalogue: Catalogue) -> Engine:
    """The engine of a platform, made once per process and folder."""
    try:
        return _engine(catalogue.platforms[platform], catalogue.platform_folders[platform])
    except KeyError:
        raise RenderError(
            f"there is no platform {platform}",
            hint="a platform is a folder of device_templates/, or of catalogue/platforms/",
        ) from None


def forget_templates() -> None:
    """Read templates anew from now on: somebody saved one while the process runs."""
    _engines.clear()


_engines: dict[Path, Engine] = {}


def _engine(platform: Platform, folder: Path) -> Engine:
    engine = _engines.get(folder)
    if engine is None or engine.platform != platform:
        engine = _engines[folder] = Engine(platform, folder)
    return engine
