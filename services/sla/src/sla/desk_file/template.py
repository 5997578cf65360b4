"""The commented `sla.yaml` that `pledge desk new` writes."""

DESK_TEMPLATE = """\
# The promises of the desk `{desk}`. Check this file with `pledge desk check <folder>`;
# try it on facts with `pledge sla simulate`.
desk: {desk}
timezone: Europe/Paris  # in which explanations show times

severity:
  levels: [critical, high, normal]  # the most severe first, as in intake.yaml
  default: normal                   # until somebody sets one
  # Whatever is set, customers on trial are at least `high`:
  floors:
    - {when: {trial: true}, at_least: high}

# What a ticket is (severity, priority, scope, …) counts from its opening, whenever it is found out;
# what happens (another plan, a call) from its moment on. Where your policy says otherwise:
# counts:
#   plan: from_opening     # an upgrade counts as if it had always been so
#   severity: from_change  # a more severe ticket has the shorter time from its triage on

# Severity (or priority) by impact and urgency, where nobody has chosen it; with definitions in
# intake.yaml:
# matrix:
#   gives: severity
#   table:
#     organisation: {high: critical, low: high}
#     person: {high: high, low: normal}

calendars:
  office:
    timezone: Europe/Paris
    hours: {mon-thu: ["09:00-12:30", "13:30-18:00"], fri: ["09:00-16:00"]}
    holidays:
      countries: [FR]      # ISO 3166, with a subdivision where there is one: DE-BY, CA-QC
      yearly: ["12-24"]    # every year; `dates: [2026-05-15]` for one day
    # half_days: {before: holidays, hours: ["09:00-12:30"]}  # also dates, yearly
    # exceptions: {2026-12-31: ["09:00-12:00"]}   # replaces the day, wins over a holiday
    # breaks: {2026-06-12: ["15:00-16:00"]}       # a date or a day of the week
  # A calendar may also be `any_of` or `all_of` others; `always` is round the clock.

# Hours of customers' own, by their names in intake.yaml; `customer` is then a calendar that targets
# and `any_of` or `all_of` may name:
# customers:
#   otherwise: office      # for all others
#   calendars:
#     Contoso: {timezone: America/New_York, hours: {mon-fri: ["09:00-17:00"]}}

# What agents record with a click, as intake.yaml lists it; `starts`, `meets`, `pauses` and
# `cancels` below may name it like any other fact.
# milestones: [technician_on_site, service_restored]

at_risk: ["75%"]  # warn when so much of the time is used; or "30m left"

metrics:
  first_response:
    title: First response
    starts: opened
    meets: [agent_replied, contact_attempted]
    calendar: office
    targets:  # the first one that matches
      - {when: {severity: critical}, within: 30m, calendar: always}
      - {when: {severity: high}, within: 2h}
      - {by: close of next business day}
      # or `by: "12:00 of the next business day"`; with `received: next_opening` what comes on
      # Saturday counts as received on Monday

  resolution:
    title: Resolution
    starts: opened
    meets: [resolved, workaround_provided]
    pauses:
      - {on: waiting_on_customer, until: [requester_replied, waiting_on_provider]}
    # revisable: true  # agents may agree another due time with the customer: see intake.yaml
    reopening: resume  # goes on with the time that was left; `restart` or `keep` otherwise
    calendar: office
    targets:
      - {when: {severity: critical}, within: 4h, calendar: always}
      - {expect: 24h}  # measured and reported, never a breach
      # or `within: 3bd`: on the third business day after, at the same time of the day

  # second_line:  # from when the ticket comes to this team of intake.yaml, until it leaves it
  #   team: l2
  #   meets: agent_replied
  #   targets:
  #     - {within: 4h, calendar: office}

  public_update:  # times what the status page says of its next update: `update_every` there
    title: Status page update
    starts: incident_opened
    meets: incident_updated
    cancels: incident_resolved
    repeats: on_meet  # each half hour without an update is a breach of its own,
    # stops_after: 48  # until so many in a row were missed
    targets:
      - {within: 30m}

# Shares of many promises, by week, month or quarter: see /reports. `time: expected` takes the
# softer time of `expect`. What a lost period owes is listed for a person to confirm.
# objectives:
#   high_answered_in_time:
#     metric: first_response
#     when: {severity: high}
#     share: 95%
#     period: month
#     credits: [{below: 95%, owes: 5%}, {below: 90%, owes: 10%}]

silences:
  auto_close:  # both: three attempts that failed, and five days without a word
    when: {severity: {not: critical}}
    attempts: 3
    attempt: {fact: contact_attempted, where: {reached: false}}
    heard: [requester_replied, {fact: contact_attempted, where: {reached: true}}]
    quiet: 5d
    warn: 1d
"""
