"""Templates every desk has from the start, and may replace in its file by the same name."""

from collections.abc import Mapping

from notify.domain.desk import Template
from notify.messages.case_templates import CASE_TEMPLATES

_ACKNOWLEDGEMENT = Template(
    subject="[{{ ticket.number }}] We have your request: {{ ticket.title }}",
    text="""\
Hello{% if recipient.name %} {{ recipient.name }}{% endif %},

we have your request. Its number is {{ ticket.number }}{% if ticket.severity %}, \
its severity {{ ticket.severity }}{% endif %}.
We took it on {{ occurred_at }}.
{% if event.opened_by %}

{{ event.opened_by.name or event.opened_by.id }} opened it for you.
{% endif %}
{% if event.missing %}

To start, we still need: {{ event.missing | join(", ") }}.
{% endif %}

To add something, answer this mail and leave the subject as it is.

{{ desk.title }}
""",
)

_PAGE = Template(
    subject="{% if is_late %}[late] {% endif %}{{ summary }}",
    text="""\
{{ summary }}
{% if is_late %}
This page is late: it happened on {{ occurred_at }}.
{% endif %}

Ticket:    {{ ticket.number }}
Severity:  {{ ticket.severity }}
{% if metric %}
Promise:   {{ metric|words }}
Was due:   {{ due_at }}
Noticed:   {{ detected_at }}
{% endif %}

Acknowledge: {{ acknowledge_url }}

{{ desk.title }}
""",
)

_CALL = Template(
    text="""\
This is {{ desk.title }}, calling {{ name }}. {{ summary }}.
{% if metric %}It was due on {{ due_at }}.{% else %}It came in on {{ occurred_at }}.{% endif %}
""",
)

_BREACH = Template(
    subject="[{{ ticket.number }}] {{ metric|words }} missed",
    text="""\
The promise "{{ metric|words }}" of ticket {{ ticket.number }} ({{ ticket.title }}) was due on
{{ due_at }} and was missed. It was noticed on {{ detected_at }}.

Severity: {{ ticket.severity }}
Target:   {{ event.target }}

{{ desk.title }}
""",
)

_OBJECTIVE = Template(
    subject="{{ summary }}",
    text="""\
{{ event.title or event.objective|words }}, {{ event.period }}: {{ event.kept }} of \
{{ event.kept + event.missed }} were kept, {{ (event.share * 100) | round(2) }} % are to be.
{% if event.left < 0 %}
That is {{ -event.left }} too many missed, of those known by now.
{% endif %}
{% if event.owes %}
It owes a credit of {{ (event.owes * 100) | round(2) }} %, which waits for a person to confirm it.
{% endif %}

{{ desk.title }}
""",
)

_STATUS_UPDATE = Template(
    subject="{{ event.subject_line }}",
    text="""\
{{ event.body }}

{{ event.page_url }}
{% if recipient.unsubscribe_url %}

To get no more of these: {{ recipient.unsubscribe_url }}
{% endif %}
""",
)

_CONFIRMATION = Template(
    subject="Confirm your subscription to {{ event.page_name }}",
    text="""\
Somebody, we think you, asked for updates of {{ event.page_name }} by mail to this address.
To get them, open this link:

{{ event.confirm_url }}

If it was not you, do nothing: without the link we send nothing.
""",
)

_INFORMATION_REQUEST = Template(
    subject="[{{ ticket.number }}] We need more information: {{ title }}",
    text="""\
Hello{% if recipient.name %} {{ recipient.name }}{% endif %},

we have your request. Its number is {{ ticket.number }}{% if severity %}, \
its severity {{ severity }}{% endif %}.
To help you we still need:

{{ missing }}

Answer this mail with a line for each, such as "Version: 3.2".

{{ desk.title }}
""",
)

_SIGN_IN = Template(
    subject="Sign in to {{ desk.title }}",
    text="""\
Somebody, we think you, wants to see your requests. To sign in, open this link within
{{ minutes }} minutes; it works once:

{{ link }}

If it was not you, do nothing: without the link nobody gets in.

{{ desk.title }}
""",
)

BUILT_IN: Mapping[str, Mapping[str, Template]] = {
    "acknowledgement": {"en": _ACKNOWLEDGEMENT},
    "page": {"en": _PAGE},
    "call": {"en": _CALL},
    "breach": {"en": _BREACH},
    "objective": {"en": _OBJECTIVE},
    "information_request": {"en": _INFORMATION_REQUEST},
    "sign_in": {"en": _SIGN_IN},
    "status_update": {"en": _STATUS_UPDATE},
    "subscription_confirmation": {"en": _CONFIRMATION},
    **CASE_TEMPLATES,
}
