"""The mappings that come with the import: fields and values as each help desk ships them."""

from __future__ import annotations

DEFAULTS = {
    "csv": """\
# How a CSV file says what happened. Names on the left of `attributes` are Pledge's.
from: csv
zone: UTC                 # of times that are written without an offset
# time_format: "%d.%m.%Y %H:%M"   # without it, ISO 8601
# delimiter: ";"
id: id
opened: created_at
requester: requester
attributes:
  severity:
    from: priority
    # values: {urgent: p1, high: p2, normal: p3, low: p3}
  channel: {from: channel, otherwise: email}
  customer: {from: customer}
# A row for each ticket: columns that hold instants.
times:
  - {at: first_response_at, fact: agent_replied}
  - {at: resolved_at, fact: resolved}
  - {at: closed_at, fact: closed}
# Or a row for each event:
# events:
#   at: at
#   type: event
#   types: {created: opened, answer: agent_replied, question: requester_replied,
#           waiting: waiting_on_customer, solved: resolved, note: null}
""",
    "zendesk": """\
# Zendesk: tickets as the JSON export or the API gives them, with `audits` and `comments` in each,
# or in files of their own (--history): ticket_audits, incremental ticket_events.
from: zendesk
id: id
opened: created_at
requester: requester_id
attributes:
  severity:
    from: priority
    values: {urgent: p1, high: p2, normal: p3, low: p3}
  channel:
    from: via.channel
    values: {email: email, web: portal, api: portal, voice: phone, chat: chat, messaging: chat}
    otherwise: portal
  customer: {from: organization_id}
times:
  - {at: metric_set.solved_at, fact: resolved, unless: changes}
changes:
  status:
    new: null
    open: waiting_on_provider
    pending: waiting_on_customer
    hold: waiting_on_provider
    solved: resolved
    closed: closed
  assignee_id: {"*": assigned}
messages:
  agent: agent_replied
  requester: requester_replied
""",
    "zammad": """\
# Zammad: tickets with names (expand=true), with `history` (as ticket_history gives it) and
# `articles` in each, or in files of their own (--history).
from: zammad
id: id
number: number
opened: created_at
requester: customer_id
attributes:
  severity:
    from: priority
    values: {"3 high": p1, "2 normal": p2, "1 low": p3}
  channel:
    from: create_article_type
    values: {email: email, phone: phone, web: portal, chat: chat, sms: chat}
    otherwise: email
  customer: {from: organization}
times:
  - {at: first_response_at, fact: agent_replied, unless: messages}
  - {at: close_at, fact: closed, unless: changes}
changes:
  state:
    new: null
    open: waiting_on_provider
    "pending reminder": waiting_on_customer
    "pending close": resolved
    closed: closed
    merged: {fact: closed, with: {reason: merged}}
  owner: {"*": assigned}
messages:
  agent: agent_replied
  requester: requester_replied
""",
    "jira": """\
# Jira Service Management: issues as the search gives them with expand=changelog, comments included.
from: jira
id: key
opened: fields.created
requester: fields.reporter.accountId
attributes:
  severity:
    from: fields.priority.name
    change: priority
    values: {Highest: p1, High: p2, Medium: p3, Low: p3, Lowest: p3}
  channel: {from: fields.channel, otherwise: portal}
times:
  - {at: fields.resolutiondate, fact: resolved, unless: changes}
changes:
  status:
    Open: waiting_on_provider
    "Waiting for support": waiting_on_provider
    "Waiting for customer": waiting_on_customer
    "In progress": waiting_on_provider
    Pending: waiting_on_provider
    Reopened: waiting_on_provider
    Escalated: waiting_on_provider
    Resolved: resolved
    Done: resolved
    Canceled: {fact: closed, with: {reason: cancelled}}
    Closed: closed
  assignee: {"*": assigned}
messages:
  agent: agent_replied
  requester: requester_replied
""",
}
"""By source, a commented file that is valid as it stands."""
