"""The ways to reach a target of an escalation step: people by mail, call or receiver."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from notify.domain.desk import Desk, Person
from notify.domain.oncall import on_call

PERSON_NEEDS: Mapping[str, tuple[str, str]] = {
    "email": ("email", "email address"),
    "voice": ("phone", "phone number"),
}
"""The channels that reach a person directly: the person's field that each needs, and its name in
words. Any other method is the name of a receiver."""


@dataclass(frozen=True, slots=True)
class ContactMethod:
    """One way to reach somebody: a channel, and the target it delivers to."""

    channel: str  # "email", "voice" or "webhook"
    target: str  # a mail address, a phone number or a receiver's name
    name: str
    zone: str  # IANA name
    language: str
    person: Person | None  # None: a receiver that belongs to no person

    @property
    def responder(self) -> str:
        """Who acknowledges a page that was sent this way."""
        return self.person.name if self.person else self.target

    @property
    def key(self) -> tuple[str, str]:
        """Distinguishes the deliveries of one step. Two people behind one receiver get a
        message each."""
        if self.channel == "webhook":
            return (self.channel, f"{self.target}/{self.person.name if self.person else ''}")
        return (self.channel, self.target)


def contact_methods(desk: Desk, target: str, at: datetime) -> tuple[ContactMethod, ...]:
    """How to reach a step's target ("receiver:r", "person:p", "rotation:r") at this instant.

    Empty for a target that the desk's file no longer has (the policy was copied earlier).
    """
    kind, _, name = target.partition(":")
    if kind == "receiver":
        receiver = desk.receivers.get(name)
        if receiver is None:
            return ()
        return (ContactMethod("webhook", name, name, receiver.zone, desk.language, None),)
    if kind == "rotation" and name in desk.rotations:
        name = on_call(desk.rotations[name], at)
    person = desk.people.get(name)
    if person is None:
        return ()
    found = (_contact_method(desk, person, method) for method in person.methods)
    return tuple(each for each in found if each is not None)


def _contact_method(desk: Desk, person: Person, method: str) -> ContactMethod | None:
    """A method of a person's, by its name in the desk's file; None if it can't be used."""
    reach = partial(
        ContactMethod,
        name=person.full_name,
        zone=person.zone,
        language=person.language,
        person=person,
    )
    if method == "email" and person.email:
        return reach("email", person.email)
    if method == "voice" and person.phone and desk.voice:
        return reach("voice", person.phone)
    return reach("webhook", method) if method in desk.receivers else None
