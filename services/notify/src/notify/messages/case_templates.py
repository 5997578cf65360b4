"""Built-in words for what happens between tickets, in feedback and reviews, and with meetings."""

from collections.abc import Mapping

from notify.domain.desk import Template

_HELLO = "Hello{% if recipient.name %} {{ recipient.name }}{% endif %},\n\n"

_RESOLVED = Template(
    subject="[{{ ticket.number }}] Resolved: {{ ticket.title }}",
    text=_HELLO
    + """\
we deem your request {{ ticket.number }} resolved.
{% if event.fixed_in_release %}
It is to be fixed in \
{% if event.release %}release {{ event.release }}{% else %}a future release{% endif %}.
{% endif %}
{% if event.resolution %}

{{ event.resolution }}
{% endif %}

If you see it otherwise, answer this mail, at any time: that opens it again.

{{ desk.title }}
""",
)

_MERGED = Template(
    subject="[{{ ticket.number }}] goes on as {{ event.into_number }}: {{ ticket.title }}",
    text=_HELLO
    + """\
your request {{ ticket.number }} is about the same issue as {{ event.into_number }}. We go on
with both as {{ event.into_number }}; answers to this mail go there.

{{ desk.title }}
""",
)

_ABSORBED = Template(
    subject="[{{ ticket.number }}] {{ ticket.title }}",
    text=_HELLO
    + """\
another request, {{ event.source_number }}, is about the same issue as {{ ticket.number }}. We go
on with both as {{ ticket.number }}.

{{ desk.title }}
""",
)

_SPLIT_OFF = Template(
    subject="[{{ ticket.number }}] A further issue has the number {{ event.new_number }}",
    text=_HELLO
    + """\
your request {{ ticket.number }} ({{ ticket.title }}) holds more than one issue. So that each is
followed to its end, one of them has a number of its own now: {{ event.new_number }}.
{% if event.why %}

{{ event.why }}
{% endif %}

We go on with the other one as {{ ticket.number }}.

{{ desk.title }}
""",
)

_FEEDBACK_ACKNOWLEDGED = Template(
    subject="[{{ ticket.number }}] Thank you for your feedback",
    text=_HELLO
    + """\
we have read what you told us about {{ ticket.number }} ({{ ticket.title }}).
{% if event.text %}

{{ event.text }}
{% endif %}

{{ desk.title }}
""",
)

_REVIEW_OPENED = Template(
    subject="[{{ ticket.number }}] We look into your complaint",
    text=_HELLO
    + """\
the {{ event.stage }} of your complaint about {{ ticket.number }} ({{ ticket.title }}) began on
{{ occurred_at }}. We tell you its outcome; should it take longer than a week, we write before.

{{ desk.title }}
""",
)

_REVIEW_UPDATE = Template(
    subject="[{{ ticket.number }}] How the review of your complaint stands",
    text=_HELLO
    + """\
{{ event.text }}
{% if event.next_update_by %}

You hear from us again by {{ event.next_update_by }}.
{% endif %}

{{ desk.title }}
""",
)

_REVIEW_OUTCOME = Template(
    subject="[{{ ticket.number }}] The outcome of the {{ event.stage }} of your complaint",
    text=_HELLO
    + """\
{{ event.outcome }}
{% if event.stage != "arbitration" %}

If you are still dissatisfied, tell us in an answer to this mail: you can ask for arbitration.
{% endif %}

{{ desk.title }}
""",
)

_CARE_STEP = Template(
    subject="[{{ ticket.number }}] {{ summary }}",
    text="""\
{{ summary }}

Ticket: {{ ticket.number }} ({{ ticket.title }})
Since:  {{ occurred_at }}
{% if event.by %}
By:     {{ event.by.name or event.by.email or event.by.phone or event.by.id }}
{% endif %}
{% if event.text or event.why %}

{{ event.text or event.why }}
{% endif %}

{{ desk.title }}
""",
)

_MEETING_PROPOSED = Template(
    subject="[{{ ticket.number }}] A meeting about {{ ticket.title }}?",
    text=_HELLO
    + """\
we propose a meeting about {{ ticket.number }}:

From:  {{ event.starts_at }}
Until: {{ event.ends_at }}
{% if event.place %}
Where: {{ event.place }}
{% endif %}
{% if event.answer_url %}

To accept it or not: {{ event.answer_url }}
{% else %}

Tell us in an answer to this mail whether it suits you.
{% endif %}

{{ desk.title }}
""",
)

_MEETING_INVITATION = Template(
    subject="{{ subject_line }}",
    text=_HELLO
    + """\
it is agreed. The invitation for your calendar is in this mail.

From:  {{ starts_at }}
Until: {{ ends_at }}
{% if place %}
Where: {{ place }}
{% endif %}

{{ desk.title }}
""",
)

_MEETING_CANCELLED = Template(
    subject="Cancelled: {{ subject_line }}",
    text=_HELLO
    + """\
the meeting on {{ starts_at }} will not be. The mail takes it out of your calendar.

{{ desk.title }}
""",
)

_RATING_REQUEST = Template(
    subject="[{{ ticket.number }}] How did we do? {{ title }}",
    text=_HELLO
    + """\
your request {{ ticket.number }} ({{ title }}) is closed. How did we do? It takes one click:

{{ link }}

If something is still wrong, answer this mail: that opens the request again.

{{ desk.title }}
""",
)

_SERVICES_OFFERED = Template(
    subject="[{{ ticket.number }}] To be confirmed by you: {{ service }}",
    text=_HELLO
    + """\
for your request {{ ticket.number }} ({{ title }}) we offer work that is billed apart:

{{ service }}
Price: {{ price }}
{% if offer %}

{{ offer }}
{% endif %}

We start when you have confirmed it.
{% if link %}

To confirm or decline: {{ link }}
{% else %}

Tell us in an answer to this mail whether we may start.
{% endif %}

{{ desk.title }}
""",
)

_PROMISED = Template(
    subject="[{{ ticket.number }}] We have your request: {{ title }}",
    text=_HELLO
    + """\
we have your request. Its number is {{ ticket.number }}{% if severity %}, its severity \
{{ severity }}{% endif %}.
We took it on {{ opened_at }}.
{% if promise_1_title %}

{% for number in (1, 2, 3, 4, 5) %}
{% set one = "promise_" ~ number %}
{% if event[one ~ "_due_at"] %}
{{ event[one ~ "_title"] }}: by {{ event[one ~ "_due_at"] }}
{% elif event[one ~ "_expect_at"] %}
{{ event[one ~ "_title"] }}: probably by {{ event[one ~ "_expect_at"] }}
{% endif %}
{% endfor %}
{% endif %}
{% if help_centre %}

The help centre is open at any hour: {{ help_centre }}
{% endif %}

To add something, answer this mail and leave the subject as it is.

{{ desk.title }}
""",
)

CASE_TEMPLATES: Mapping[str, Mapping[str, Template]] = {
    "resolved": {"en": _RESOLVED},
    "merged": {"en": _MERGED},
    "absorbed": {"en": _ABSORBED},
    "split_off": {"en": _SPLIT_OFF},
    "feedback_acknowledged": {"en": _FEEDBACK_ACKNOWLEDGED},
    "review_opened": {"en": _REVIEW_OPENED},
    "review_update": {"en": _REVIEW_UPDATE},
    "review_outcome": {"en": _REVIEW_OUTCOME},
    "care_step": {"en": _CARE_STEP},
    "meeting_proposed": {"en": _MEETING_PROPOSED},
    "meeting_invitation": {"en": _MEETING_INVITATION},
    "meeting_cancelled": {"en": _MEETING_CANCELLED},
    "rating_request": {"en": _RATING_REQUEST},
    "promised": {"en": _PROMISED},
    "services_offered": {"en": _SERVICES_OFFERED},
}
"""By name and language; a desk's own of the same name replaces one."""
