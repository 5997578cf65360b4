"""Who wrote, who sent, and where answers go."""

from intake.mail.correspondents import Correspondents, correspondents
from intake.mail.headers import Mailbox

EVE = Mailbox("eve@customer.example", "Eve")
FORM = Mailbox("noreply@forms.example", "Form")


def of(envelope: str | None = None, **fields: str) -> Correspondents:
    headers = {name.replace("_", "-"): [value] for name, value in fields.items() if name != "from_"}
    if "from_" in fields:
        headers["from"] = [fields["from_"]]
    return correspondents(headers, envelope)


def test_a_form_sends_for_the_person_in_reply_to() -> None:
    found = of(from_="Form <noreply@forms.example>", reply_to="Eve <eve@customer.example>")

    assert found == Correspondents(EVE, None, FORM, FORM)


def test_a_person_may_want_answers_elsewhere() -> None:
    found = of(from_="Eve <eve@customer.example>", reply_to="team@customer.example")

    assert found.author == EVE
    assert found.reply_to == Mailbox("team@customer.example", None)
    assert found.submitted_by is None


def test_who_sends_on_behalf_is_named() -> None:
    found = of(from_="Eve <eve@customer.example>", sender="ann@customer.example")

    assert found.author == EVE
    assert found.submitted_by == Mailbox("ann@customer.example", None)


def test_the_same_address_in_all_fields_is_said_once() -> None:
    address = "eve@customer.example"

    assert of(address, from_="Eve <eve@customer.example>", sender=address, reply_to=address) == (
        Correspondents(EVE, None, None, EVE)
    )


def test_without_from_the_other_fields_and_the_envelope_say_who_wrote() -> None:
    assert of(reply_to="a@x.example", sender="b@x.example").author == Mailbox("a@x.example", None)
    assert of("c@x.example").author == Mailbox("c@x.example", None)
    assert of("<>").author is None
    assert of(None, from_="nobody").origin is None
