"""What every builder starts from: the owner, its names, its tags, and a list that grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from ..errors import Place
from ..findings import Finding, Severity
from ..model.organisation import Azure, Organisation
from .guardrails import violations
from .ids import Group
from .naming import Namer
from .spec import Ref, Spec, StackKind, StackPlan, Value

AZURE = "azure-native:"


def entra(resource: str) -> str:
    """The type token of a resource of Entra, such as `User`."""
    return f"azuread:index/{resource[0].lower()}{resource[1:]}:{resource}"


@dataclass(slots=True)
class Builder:
    """Gathers the resources of one stack."""

    organisation: Organisation
    names: Namer
    kind: StackKind
    stack: str
    subscription: str
    group: Group
    tags: dict[str, str]
    place: Place
    adopt: Mapping[str, str] = field(default_factory=dict)
    specs: list[Spec] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def azure(self) -> Azure:
        """The tenant and its hub."""
        return self.organisation.azure

    def add(
        self,
        type_: str,
        name: str,
        inputs: Mapping[str, Value],
        *,
        grouped: bool = False,
        tagged: bool = False,
        depends_on: tuple[str, ...] = (),
        protect: bool = False,
        retain: bool = False,
        deleted_with: str | None = None,
        ignore: tuple[str, ...] = (),
        secret_outputs: tuple[str, ...] = (),
        delete_first: bool = False,
        minutes: int | None = None,
    ) -> Spec:
        """One more resource; what it refers to is there already.

        `grouped`: it lies in the stack's resource group, and goes with it. `tagged`: it has a
        region and tags.
        """
        if grouped:
            inputs = {"resourceGroupName": Ref("group", "name"), **inputs}
            deleted_with = deleted_with or "group"
        if tagged:
            inputs = {**inputs, "location": self.azure.region, "tags": self.tags}
        spec = Spec(
            type=type_,
            name=name,
            inputs=inputs,
            depends_on=depends_on,
            protect=protect,
            retain=retain,
            deleted_with=deleted_with,
            ignore=ignore,
            secret_outputs=secret_outputs,
            delete_first=delete_first,
            minutes=minutes,
            adopt=self.adopt.get(name),
        )
        self.specs.append(spec)
        return spec

    def find(self, rule: str, message: str, remedy: str, severity: Severity) -> None:
        """Something that is not as it should be."""
        self.findings.append(
            Finding(
                rule=rule,
                severity=severity,
                subject=self.stack,
                message=message,
                remedy=remedy,
                place=self.place,
            )
        )

    def finish(self, outputs: Mapping[str, Value]) -> StackPlan:
        """The plan, with a finding for every name that would be refused, and every guardrail."""
        for spec in self.specs:
            for broken in violations(spec):
                self.find(
                    f"cloud-{broken.guardrail.name}",
                    str(broken),
                    broken.guardrail.remedy,
                    broken.guardrail.severity,
                )
        for bad in self.names.bad:
            self.find(
                "cloud-name",
                f"{bad.kind.replace('_', ' ')} '{bad.name}' would be refused: {bad.why}",
                "shorten the code it is made of, or give the kind another form in "
                "catalogue/naming.yaml",
                Severity.ERROR,
            )
        return StackPlan(
            kind=self.kind,
            stack=self.stack,
            tenant=self.azure.tenant,
            subscription=self.subscription,
            region=self.azure.region,
            specs=tuple(self.specs),
            outputs=outputs,
            findings=tuple(self.findings),
        )


def platform_group(organisation: Organisation, names: Namer) -> Group:
    """The resource group of the hub."""
    owner = f"{organisation.code}-platform"
    return Group(organisation.azure.subscription, names.name("resource_group", owner=owner))


BUDGET_IGNORES = ("timePeriod",)


def budget(
    name: str,
    scope: Value,
    amount: int,
    since: date,
    contacts: Sequence[str],
    *,
    tag: tuple[str, str] | None = None,
) -> dict[str, Value]:
    """The inputs of a monthly budget with its two warnings.

    It begins on the first of a month, and the month of its creation is the first that Azure takes
    (Microsoft Learn, rest/api/consumption/budgets, BudgetTimePeriod): `BUDGET_IGNORES` keeps the
    date of the first run.
    """
    inputs: dict[str, Value] = {
        "budgetName": name,
        "scope": scope,
        "category": "Cost",
        "timeGrain": "Monthly",
        "amount": amount,
        "timePeriod": {"startDate": f"{since.replace(day=1).isoformat()}T00:00:00Z"},
        "notifications": {
            title: {
                "enabled": True,
                "operator": "GreaterThan",
                "threshold": threshold,
                "thresholdType": kind,
                "contactEmails": list(contacts),
            }
            for title, threshold, kind in (
                ("spent-80", 80, "Actual"),
                ("will-be-100", 100, "Forecasted"),
            )
        },
    }
    if tag is not None:
        inputs["filter"] = {"tags": {"name": tag[0], "operator": "In", "values": [tag[1]]}}
    return inputs
