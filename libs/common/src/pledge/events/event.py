"""`Event`: what every event of the contract has in common."""

from operator import attrgetter
from typing import Any, ClassVar, final

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, computed_field

from pledge.events.topics import Topic
from pledge.events.values import DeskId, Instant


def former_name(name: str) -> Any:
    """A field's deprecated former name: published still, with the value of the field `name`.

    The field itself reads both, the new name first:

        ticket_number: str = Field(validation_alias=AliasChoices("ticket_number", "number"))
        number: ClassVar[Any] = former_name("ticket_number")
    """
    return computed_field(return_type=Any, description=f"Deprecated: read `{name}`.")(
        property(attrgetter(name))
    )


class Event(BaseModel):
    """One thing that happened: the value of one record, as JSON.

    A subclass narrows `type` to one literal with that default; `TYPE` repeats it on the class.
    Unknown fields are ignored, so that an older consumer reads newer events.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, validate_by_name=True
    )

    TYPE: ClassVar[str] = ""
    TOPIC: ClassVar[Topic]

    type: str = Field(description="The same as the header `ce_type`.")
    desk: DeskId
    occurred_at: Instant = Field(
        description="When it happened in the world, UTC. Promises count from here."
    )
    recorded_at: Instant = Field(description="When Pledge took it, UTC.")

    @classmethod
    def former_names(cls) -> dict[str, str]:
        """The deprecated names of fields, each with the name that took its place."""
        return {
            str(former): name
            for name, field in cls.model_fields.items()
            if isinstance(field.validation_alias, AliasChoices)
            for former in field.validation_alias.choices[1:]
        }

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Repeat the literal of `type` as `TYPE`; classes in between have none."""
        super().__pydantic_init_subclass__(**kwargs)
        default = cls.model_fields["type"].default
        cls.TYPE = default if isinstance(default, str) else ""

    def __str__(self) -> str:
        return f"{self.occurred_at:%Y-%m-%d %H:%M:%S}Z {self.type} {self.desk} {self.subject()}"

    def subject(self) -> str:
        """What the event is about, the header `ce_subject`: a ticket's or incident's id, or the
        conversation. Events with one subject are in order on one topic."""
        raise NotImplementedError

    @final
    def partition_key(self) -> str:
        """The record's key. The same as the subject, so that order per subject holds."""
        return self.subject()
