"""What the parts of `intake.yaml` have in common: names, texts, addresses, conditions."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from intake.domain.admission.request import Condition
from intake.domain.command_fields import Channel
from pledge.events.addresses import normal_address
from pledge.runtime.desk_file.model import Like, Part, one_or_more

Name = Annotated[
    str,
    Like(
        r"^[a-z0-9][a-z0-9_-]{0,62}$",
        "at most 63 small letters, digits, dashes and underscores, such as sign_in",
    ),
]
EventName = Annotated[
    str,
    Like(
        r"^[a-z][a-z0-9_]{0,62}$",
        "at most 63 small letters, digits and underscores, such as service_restored",
    ),
]
Domain = Annotated[
    str, Like(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", "a domain in small letters, such as contoso.example")
]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]


def address_of(value: str) -> str:
    """The mail address in its normal form. Raises ValueError."""
    normal = normal_address(value)
    if normal is None:
        raise ValueError("should be a mail address such as support@desk.example")
    return normal


MailAddress = Annotated[str, AfterValidator(address_of)]


def compiled(value: str | None) -> str | None:
    """The regular expression, checked. Raises ValueError."""
    try:
        re.compile(value or "")
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return value


class RuleCondition(Part):
    """When a rule applies: everything that is given must hold."""

    channel: tuple[Channel, ...] = ()
    line: tuple[str, ...] = ()
    form: tuple[Name, ...] = ()
    subject_starts_with: tuple[Text, ...] = ()
    subject_contains: tuple[Text, ...] = ()
    subject_matches: str | None = Field(default=None, max_length=500)
    text_contains: tuple[Text, ...] = ()
    product: tuple[Text, ...] = ()
    is_urgent: bool | None = None
    is_trial: bool | None = None

    _list = field_validator(
        "channel",
        "line",
        "form",
        "subject_starts_with",
        "subject_contains",
        "text_contains",
        "product",
        mode="before",
    )(one_or_more)
    _regex = field_validator("subject_matches")(compiled)


def condition_of(when: RuleCondition) -> Condition:
    """The condition as the domain's value."""
    return Condition(
        channels=frozenset(when.channel),
        lines=frozenset(when.line),
        forms=frozenset(when.form),
        subject_starts_with=tuple(each.lower() for each in when.subject_starts_with),
        subject_contains=tuple(each.lower() for each in when.subject_contains),
        subject_matches=re.compile(when.subject_matches) if when.subject_matches else None,
        text_contains=tuple(each.lower() for each in when.text_contains),
        products=frozenset(each.lower() for each in when.product),
        is_urgent=when.is_urgent,
        is_trial=when.is_trial,
    )
