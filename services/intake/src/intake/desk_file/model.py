"""`intake.yaml` as it is written."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from intake.desk_file.admission import (
    EntitlementEntry,
    MailLines,
    RequiredInformation,
    ScopeSection,
)
from intake.desk_file.answers import AnswersSection
from intake.desk_file.canned_answers import CannedAnswerEntry
from intake.desk_file.common import Domain, MailAddress, Name, RuleCondition, Text, address_of
from intake.desk_file.documentation import DocumentationSection
from intake.desk_file.files import FilesSection
from intake.desk_file.forms import PortalRules
from intake.desk_file.hooks import HookEntry
from intake.desk_file.matrix import MatrixSection
from intake.desk_file.paging import PagingSection
from intake.desk_file.participants import ParticipantsSection
from intake.desk_file.promises import PromisesSection
from intake.desk_file.sections import (
    ChatSection,
    CustomerEntry,
    FeedbackSection,
    MilestoneEntry,
    MisuseEntry,
    RevisableEntry,
    SeverityDefinition,
    TeamEntry,
)
from intake.desk_file.services import CoverageSection, ServicesSection
from intake.desk_file.webhooks import WebhookEntry
from intake.domain.reply_address import bare_address
from pledge.runtime.desk_file.model import Like, Part, Slug, WebAddress, Zone


class TicketNumbers(Part):
    """How tickets are numbered: `VIR-10001`, `VIR-10002`, …"""

    prefix: Annotated[
        str, Like(r"^[A-Z][A-Z0-9]{1,9}$", "2 to 10 capital letters and digits, such as SUP")
    ]
    first_number: int = Field(default=10_001, ge=1, le=10**12)


class Defaults(Part):
    """What a new ticket is when no rule says otherwise."""

    severity: Name | None = None
    priority: Name | None = None
    plan: Name | None = None


class AddressLine(Part):
    """A mail address of the desk."""

    address: str
    is_urgent: bool = False
    escalates_to: Name | None = None
    kind: Literal["request", "feedback", "complaint"] = "request"

    @field_validator("address")
    @classmethod
    def _is_bare(cls, value: str) -> str:
        normal = address_of(value)
        if bare_address(normal) != normal:
            raise ValueError("should be without a +tag: tags are taken off incoming addresses")
        return normal


class PhoneLine(Part):
    """A number of the desk (E.164), an extension, or both."""

    name: Name
    number: Annotated[str, Like(r"^\+[0-9]{5,15}$", "a number such as +15550100")] | None = None
    extension: Annotated[str, Like(r"^[0-9]{1,8}$", "up to 8 digits")] | None = None
    is_urgent: bool = False
    urgent_menu_choices: tuple[str, ...] = ()


class RuleResult(Part):
    """What a rule sets."""

    severity: Name | None = None
    priority: Name | None = None
    plan: Name | None = None
    product: str | None = None
    is_urgent: bool | None = None


class RuleEntry(Part):
    """A rule for new tickets; the first one that sets a value decides it."""

    name: Name
    when: RuleCondition
    set: RuleResult


class TrialRules(Part):
    """What holds for trial and onboarding customers."""

    severity_at_least: Name | None = None


class IntakeFile(Part):
    """The whole of `intake.yaml`."""

    desk: Slug
    name: Text
    tickets: TicketNumbers
    reply_address: str
    help_centre: WebAddress | None = None
    language: (
        Annotated[
            str, Like(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "a language such as en or fr-CA")
        ]
        | None
    ) = None
    zone: Zone = "UTC"
    severities: tuple[SeverityDefinition, ...] = Field(min_length=1)
    priorities: tuple[Name, ...] = ()
    defaults: Defaults = Defaults()
    addresses: tuple[AddressLine, ...] = Field(min_length=1)
    phone_lines: tuple[PhoneLine, ...] = ()
    rules: tuple[RuleEntry, ...] = ()
    plans: tuple[Name, ...] = ()
    customers: tuple[CustomerEntry, ...] = ()
    mail_lines: MailLines = MailLines()
    required_information: RequiredInformation | None = None
    entitlement: EntitlementEntry | None = None
    scope: ScopeSection = ScopeSection()
    coverage: CoverageSection | None = None
    services: ServicesSection | None = None
    participants: ParticipantsSection = ParticipantsSection()
    promises: PromisesSection = PromisesSection()
    paging: PagingSection = PagingSection()
    answers: AnswersSection = AnswersSection()
    canned_answers: Annotated[tuple[CannedAnswerEntry, ...], Field(max_length=200)] = ()
    documentation: DocumentationSection | None = None
    staff: Annotated[tuple[Domain | MailAddress, ...], Field(max_length=500)] = ()
    trials: TrialRules = TrialRules()
    feedback: FeedbackSection = FeedbackSection()
    portal: PortalRules = PortalRules()
    chat: ChatSection | None = None
    hooks: Annotated[tuple[HookEntry, ...], Field(max_length=50)] = ()
    webhooks: Annotated[tuple[WebhookEntry, ...], Field(max_length=20)] = ()
    redial_minutes: int = Field(default=10, ge=0, le=60)
    misuse: tuple[MisuseEntry, ...] = ()
    matrix: MatrixSection | None = None
    files: FilesSection = FilesSection()
    teams: Annotated[tuple[TeamEntry, ...], Field(max_length=50)] = ()
    revisable: Annotated[tuple[RevisableEntry, ...], Field(max_length=50)] = ()
    milestones: Annotated[tuple[MilestoneEntry, ...], Field(max_length=50)] = ()

    @field_validator("reply_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return address_of(value)
