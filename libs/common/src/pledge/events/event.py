"""`Event`: what every event of the contract has in common."""

from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Self, final

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

    @classmethod
    def of_checked(cls, values: dict[str, Any]) -> Self:
        """An event of values that its maker vouches for: of the right types, instants in UTC.

        For services that publish thousands a second of what they have just worked out themselves:
        to validate that again takes longer than to work it out. `decode` always validates.
        Raises ValueError where a field that has no default is missing.
        """
        blank, required = _blank(cls)
        if not required <= values.keys():
            raise ValueError(f"{cls.TYPE} lacks {', '.join(sorted(required - values.keys()))}")
        event = cls.__new__(cls)
        # What pydantic's own `model_construct` does; the order of fields is that of the class.
        object.__setattr__(event, "__dict__", {**blank, **values})
        object.__setattr__(event, "__pydantic_fields_set__", {*values})
        object.__setattr__(event, "__pydantic_extra__", None)
        object.__setattr__(event, "__pydantic_private__", None)
        return event

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


@cache
def _blank(model: type[Event]) -> tuple[dict[str, Any], frozenset[str]]:
    """The defaults of an event's fields, in their order, and the fields that have none."""
    fields = model.model_fields
    required = frozenset(name for name, field in fields.items() if field.is_required())
    defaults = {
        name: None if name in required else field.get_default(call_default_factory=True)
        for name, field in fields.items()
    }
    return defaults, required
