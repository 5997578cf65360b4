"""The commented file that `pledge desk new` writes."""

DESK_TEMPLATE = """\
# Who is notified of what at the desk {desk}: people, rotations, escalations, routes, texts.
title: "{desk} support"

# Times that people read are in their own zone, or in this one.
zone: Etc/UTC
language: en

# From of every mail. Mails to the desk's own addresses would come back to us: they are never sent.
sender: support@{desk}.example
own_addresses: [support@{desk}.example]

# A page is marked late when it reaches us this long after its breach was noticed.
late_after: 5s

# At most so many automatic mails to one address, so that no auto-responder can make a loop.
mail_brake: {mails: 20, within: 1h}

# Private hosts that this desk's webhooks reach: the operator must name them, too, in
# PLEDGE_NOTIFY_REACHABLE_HOSTS. Public ones need no entry.
reachable_hosts: []

# `methods` are "email", "voice" (a call to `phone`) or names of receivers; a page uses all of them.
people:
  first:
    name: First Person
    email: first@{desk}-staff.example
    zone: Europe/Berlin
    methods: [email]

# Calls to people show this number. Whose phone rings presses 1 to take the page. The operator gives
# the desk's account at the phone provider in PLEDGE_NOTIFY_VOICE_ACCOUNTS.
# voice: {from: "+15550100"}

# People who take turns; exactly one is on call at every instant. A weekly rotation hands off on the
# weekday of `first_day`, at `hand_off` on the wall clock of `zone` (the desk's, if not given).
rotations:
  on-call:
    people: [first]
    period: weekly
    first_day: 2026-01-05
    hand_off: 09:00
    # overrides:
    #   - {person: first, from: 2026-12-24T08:00:00+01:00, until: 2026-12-27T08:00:00+01:00}

# Machines that take webhooks, signed as Standard Webhooks says. `pledge notify receivers` shows
# each one's secret. ${SINK_URL} and ${RECEIVER_...} are filled in from the installation's settings.
# receivers:
#   pager: {url: "${RECEIVER_PAGER}"}

# Steps run in order until somebody acknowledges: notify these, wait so long, then the next.
escalations:
  urgent:
    steps:
      - {notify: rotation:on-call, wait: 5m}
      - {notify: [rotation:on-call, person:first], wait: 10m}
    repeats: 2

# Every route whose `when` holds is used. Conditions: event, severity, priority, metric, channel,
# urgent; contacted_by (a channel by which the requester has come until then); for ticket.opened
# also complete (nothing is missing) and entitled (not refused). Effects: page (an escalation),
# email (to requester, person:NAME, rotation:NAME or an address), chat (a receiver).
routes:
  - name: acknowledge-the-request
    when: {event: ticket.opened}
    email: {to: requester, template: acknowledgement}
  - name: page-on-an-urgent-request
    when: {event: ticket.opened, urgent: true}
    page: urgent
  - name: page-on-a-breach
    when: {event: promise.breached}
    page: urgent

# Jinja2, by name and language. Built in: acknowledgement, page, breach, status_update,
# subscription_confirmation, resolved, merged, absorbed, split_off, feedback_acknowledged,
# care_step, review_opened, review_update, review_outcome, meeting_proposed, meeting_invitation,
# meeting_cancelled; an entry of the same name replaces it. Every time that is printed is in the
# reader's zone and names it.
# templates:
#   acknowledgement:
#     en:
#       subject: "[{{ ticket.number }}] We have your request"
#       text: |
#         Your number is {{ ticket.number }}, the severity {{ ticket.severity }}.
"""
