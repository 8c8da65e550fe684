"""The stack of a subsidiary: its unit, its groups, its helpdesk, what freelancers may ask for."""

from __future__ import annotations

from datetime import date

from ..findings import Severity
from ..load.organisation import LoadedOrganisation
from ..model.people import AccountType, Person
from .base import AZURE, BUDGET_IGNORES, Builder, budget, entra
from .domains import add_domains
from .ids import Group
from .naming import Namer
from .spec import Ref, StackKind, StackPlan, Value

OWN_ACCESS = "sitekit:entra:CrossTenantAccess"
ACTIVE_HOURS = "PT8H"  # one day of work, then asked for again (U)
ELIGIBLE_DAYS = "P180D"  # reviewed twice a year (ReCyF 10.C.4 asks for once)
FREELANCE_DAYS = 90  # MPA PS-1.2 recommends at most 90 days for third parties


def subsidiary_plan(organisation: LoadedOrganisation, code: str, today: date) -> StackPlan:
    """What the stack of this subsidiary holds: pure data, in milliseconds."""
    return _Subsidiary(organisation, code, today).plan()


class _Subsidiary:
    """One subsidiary on its way to a plan."""

    def __init__(self, loaded: LoadedOrganisation, code: str, today: date) -> None:
        self.loaded, self.code, self.today = loaded, code, today
        self.written = loaded.subsidiaries[code]
        group = loaded.organisation
        subscription = self.written.cloud.subscription or group.azure.subscription
        names = Namer(
            loaded.catalogue.naming, group.azure.tenant, group.code, code, group.azure.region
        )
        self.names = names
        self.forms = loaded.catalogue.identity.groups  # the same as those of sitekit people
        self.b = Builder(
            organisation=group,
            names=names,
            kind=StackKind.SUBSIDIARY,
            stack=code,
            subscription=subscription,
            group=Group(subscription, names.name("resource_group")),
            tags={"managed-by": "sitekit", "owner": code},
            place=loaded.subsidiary_documents[code].place(()),
        )
        self.licences = set(group.azure.licences)

    def plan(self) -> StackPlan:
        """All of it, in order."""
        b = self.b
        if b.subscription != b.azure.subscription:
            b.add(
                f"{AZURE}management:ManagementGroupSubscription",
                "subscription",
                {
                    "groupId": self.names.name("management_group", "-subsidiaries"),
                    "subscriptionId": b.subscription,
                },
            )
        b.add(
            entra("AdministrativeUnit"),
            "unit",
            {
                "displayName": self.names.name(
                    "administrative_unit", self.forms.unit.format(subsidiary=self.code)
                ),
                "description": f"People of {self.written.name}",
                "preventDuplicateNames": True,
            },
            protect=True,
        )
        told = self._domains()
        self._teams()
        self._licences()
        self._helpdesk()
        self._freelancers()
        self._partner()
        self._money()
        return b.finish(
            {
                "unit": Ref("unit", "objectId"),
                "helpdesk": Ref("helpdesk", "objectId"),
                **({"domainTexts": told} if told else {}),
            }
        )

    def _domains(self) -> dict[str, Value]:
        """Its own domains, where its people are in the group's tenant; one of two has only one."""
        if self.written.tenant not in (None, self.b.azure.tenant):
            return {}
        taken = set(self.b.organisation.domains)
        for code in sorted(self.loaded.subsidiaries):
            if code == self.code:
                break
            other = self.loaded.subsidiaries[code]
            if other.tenant in (None, self.b.azure.tenant):
                taken |= set(other.domains)
        own = [domain for domain in self.written.domains if domain not in taken]
        return add_domains(self.b, own, above=self.b.organisation.domains)

    @property
    def people(self) -> list[Person]:
        """Whoever ever had a contract here, and an account with it."""
        return [
            person
            for person in self.loaded.people
            if any(
                e.subsidiary == self.code and e.account_type is not AccountType.NONE
                for e in person.engagements
            )
        ]

    def _group(self, name: str, title: str, why: str, *, privileged: bool = False) -> None:
        """An empty group: people come and go by `sitekit people`, never with a stack."""
        self.b.add(
            entra("GroupWithoutMembers"),
            name,
            {
                "displayName": title,
                "description": why,
                "securityEnabled": True,
                "preventDuplicateNames": True,
                **({"assignableToRole": True} if privileged else {}),
            },
            protect=True,
        )

    def _teams(self) -> None:
        departments = sorted(
            {
                e.department
                for person in self.people
                for e in person.engagements
                if e.subsidiary == self.code
            }
        )
        for department in departments:
            self._group(
                f"team-{department}",
                self.names.name(
                    "team_group",
                    self.forms.team.format(subsidiary=self.code, department=department),
                ),
                f"{self.written.name}: {department}",
            )
        for production in self.loaded.productions:
            if production.subsidiary != self.code:
                continue
            for department in production.departments:
                self._group(
                    f"prd-{production.code}-{department}",
                    self.names.name(
                        "production_group",
                        self.forms.production.format(
                            production=production.code, department=department
                        ),
                    ),
                    f"{production.code_name}: {department}",
                )

    def _licences(self) -> None:
        profiles = sorted(
            {
                e.licence_profile
                for person in self.people
                for e in person.engagements
                if e.subsidiary == self.code and e.licence_profile
            }
        )
        if profiles and not {"entra-p1", "entra-p2"} & self.licences:
            self.b.find(
                "cloud-licence",
                "licences through groups need Entra P1, which the tenant does not declare",
                "declare entra-p1 under azure.licences once it is bought; until then give licences "
                "to people one by one",
                Severity.ERROR,
            )
            return
        known = self.loaded.catalogue.cloud.licence_profiles
        for profile in profiles:
            if profile not in known:
                self.b.find(
                    "cloud-licence-profile",
                    f"nobody says which licence '{profile}' is",
                    f"profiles are {', '.join(known)}; add it in catalogue/cloud.yaml",
                    Severity.ERROR,
                )
                continue
            self._group(
                f"licence-{profile}",
                self.names.name(
                    "licence_group",
                    self.forms.licence.format(subsidiary=self.code, profile=profile),
                ),
                f"{self.written.name}: {known[profile].title}",
            )
            self.b.add(
                entra("GroupLicense"),
                f"licence-{profile}-sku",
                {
                    "groupObjectId": Ref(f"licence-{profile}", "objectId"),
                    "skuId": known[profile].sku,
                },
            )

    def _helpdesk(self) -> None:
        """Roles over the subsidiary's own people; with Entra P2 only for hours at a time."""
        self._group(
            "helpdesk",
            self.names.name("group", "helpdesk"),
            f"Helps people of {self.written.name}, and nobody else",
            privileged=True,
        )
        for name, role in self.loaded.catalogue.cloud.helpdesk_roles.items():
            self.b.add(
                entra("DirectoryRoleAssignment"),
                f"helpdesk-{name}",
                {
                    "roleId": role.template,
                    "principalObjectId": Ref("helpdesk", "objectId"),
                    "directoryScopeId": Ref("unit", "objectId", "/administrativeUnits/{}"),
                },
            )
        if not {"entra-p2", "entra-governance"} & self.licences:
            self.b.find(
                "cloud-licence",
                "privileged access for hours at a time needs Entra P2, which the tenant does not "
                "declare: the helpdesk has its roles all day",
                "declare entra-p2 under azure.licences once it is bought",
                Severity.WARNING,
            )
            return
        self._group(
            "helpdesk-eligible",
            self.names.name("group", "helpdesk-eligible"),
            f"May become helpdesk of {self.written.name} for {ACTIVE_HOURS[2:-1]} hours",
            privileged=True,  # else whoever manages groups could let anybody in
        )
        self.b.add(
            entra("GroupRoleManagementPolicy"),
            "helpdesk-rules",
            {
                "groupId": Ref("helpdesk", "objectId"),
                "roleId": "member",
                "activationRules": {
                    "maximumDuration": ACTIVE_HOURS,
                    "requireJustification": True,
                    "requireMultifactorAuthentication": True,
                },
                "eligibleAssignmentRules": {
                    "expirationRequired": True,
                    "expireAfter": ELIGIBLE_DAYS,
                },
            },
        )
        self.b.add(
            entra("PrivilegedAccessGroupEligibilitySchedule"),
            "helpdesk-eligibility",
            {
                "groupId": Ref("helpdesk", "objectId"),
                "principalId": Ref("helpdesk-eligible", "objectId"),
                "assignmentType": "member",
                "duration": ELIGIBLE_DAYS,
                "justification": f"Helpdesk of {self.written.name}",
            },
            depends_on=("helpdesk-rules",),
        )

    def _freelancers(self) -> None:
        """A package that a guest may ask for, with an approval and an end."""
        if "entra-governance" not in self.licences and "entra-p2" not in self.licences:
            self.b.find(
                "cloud-licence",
                "access packages need Entra ID Governance or P2, which the tenant does not "
                "declare: freelancers are added by sitekit people alone",
                "declare entra-p2 or entra-governance under azure.licences once it is bought",
                Severity.INFO,
            )
            return
        self._group(
            "freelancers",
            self.names.name("group", "freelancers"),
            f"Freelancers of {self.written.name}, for as long as a package lasts",
        )
        b = self.b
        b.add(
            entra("AccessPackageCatalog"),
            "catalog",
            {
                "displayName": f"{self.written.name}",
                "description": f"What people may ask for at {self.written.name}",
                "externallyVisible": True,
                "published": True,
            },
        )
        b.add(
            entra("AccessPackageResourceCatalogAssociation"),
            "catalog-freelancers",
            {
                "catalogId": Ref("catalog"),
                "resourceOriginId": Ref("freelancers", "objectId"),
                "resourceOriginSystem": "AadGroup",
            },
        )
        b.add(
            entra("AccessPackage"),
            "package",
            {
                "catalogId": Ref("catalog"),
                "displayName": self.names.name("access_package", "freelancers"),
                "description": f"Work as a freelancer of {self.written.name}",
            },
        )
        b.add(
            entra("AccessPackageResourcePackageAssociation"),
            "package-freelancers",
            {
                "accessPackageId": Ref("package"),
                "catalogResourceAssociationId": Ref("catalog-freelancers"),
                "accessType": "Member",
            },
        )
        b.add(
            entra("AccessPackageAssignmentPolicy"),
            "package-policy",
            {
                "accessPackageId": Ref("package"),
                "displayName": "Freelancers",
                "description": "Approved by a team, and for a season at most",
                "durationInDays": FREELANCE_DAYS,
                "requestorSettings": {
                    "scopeType": "AllExistingDirectorySubjects",
                    "requestsAccepted": True,
                },
                "approvalSettings": {
                    "approvalRequired": True,
                    "requestorJustificationRequired": True,
                    "approvalStages": [
                        {
                            "approvalTimeoutInDays": 14,
                            "primaryApprovers": [
                                {
                                    "objectId": Ref("helpdesk", "objectId"),
                                    "subjectType": "groupMembers",
                                }
                            ],
                        }
                    ],
                },
                "assignmentReviewSettings": {
                    "enabled": True,
                    "reviewFrequency": "quarterly",
                    "durationInDays": 14,
                    "reviewType": "Manager",
                    "accessReviewTimeoutBehavior": "removeAccess",
                },
            },
        )

    def _partner(self) -> None:
        """An acquired subsidiary still has its own tenant: what its people may use of ours."""
        if self.written.tenant is None or self.written.tenant == self.b.azure.tenant:
            return
        self.b.add(
            OWN_ACCESS,
            "partner",
            {
                "tenantId": self.written.tenant,
                "displayName": self.written.name,
                "trustMfa": True,
                "trustCompliantDevice": False,
                "inboundCollaboration": True,
                "automaticRedemption": True,
            },
            protect=True,
        )

    def _money(self) -> None:
        b, amount = self.b, self.written.cloud.budget_eur
        if amount is None:
            return
        if not b.azure.alerts:
            b.find(
                "cloud-budget-silent",
                "the budget tells nobody",
                "write alerts: [ADDRESS] under azure in organisation.yaml",
                Severity.WARNING,
            )
        b.add(
            f"{AZURE}consumption:Budget",
            "budget",
            budget(
                self.names.name("budget"),
                f"/subscriptions/{b.subscription}",
                amount,
                self.today,
                b.azure.alerts,
                tag=("owner", self.code),
            ),
            ignore=BUDGET_IGNORES,
        )
