"""The commented `intake.yaml` that `pledge desk new` writes."""

DESK_TEMPLATE = """\
# How the desk takes requests in. `pledge desk check <folder>` validates it.
desk: {desk}
name: "{desk} support"             # as `title` in notify.yaml

tickets:
  # Tickets are numbered SUP-10001, SUP-10002, … The prefix must be this desk's alone.
  prefix: SUP
  first_number: 10001

# Answers to our mails come to this address with a signed +tag that names the ticket.
# It must be one of `addresses`.
reply_address: support@{desk}.example
language: en
zone: UTC                      # of the times on the desk's pages, where a customer has none
# help_centre: https://help.{desk}.example    # linked from the portal and the chat widget

# The most severe first, named as in sla.yaml. The words are shown where a severity is chosen.
severities:
  - name: critical
    title: Critical
    definition: Vital functions fail for all or most users.
    examples: [Nobody can sign in.]
    # also: ["1", "sev 1"]       # other words by which requesters name it
  - name: high
    title: High
    definition: An important function fails for most users.
  - name: normal
    title: Normal
    definition: Everything else.

# priorities: [urgent, high, normal, low]

# The desk's own people, by address or domain: what they write to a ticket's address from their mail
# program goes on to the requester, and what they forward is opened for whom they forward.
# staff: [{desk}-support.example]

# Impact and urgency with their words; sla.yaml has the same table. It gives the severity (or
# `gives: priority`) where nobody chose one.
# matrix:
#   impact:
#     - {name: organisation, title: Everybody, definition: Nobody in the organisation can work.}
#     - {name: person, title: One person, definition: "One person, or a few."}
#   urgency:
#     - {name: high, title: High, definition: Work stands still until it is mended.}
#     - {name: low, title: Low, definition: There is another way to do the work.}
#   table:
#     organisation: {high: critical, low: high}
#     person: {high: high, low: normal}
#   requester_sets: true         # in the portal; agents may always

# What a new ticket is when no rule below says otherwise.
defaults:
  severity: normal
  # plan: standard

addresses:
  - address: support@{desk}.example
  # - address: emergency@{desk}.example
  #   is_urgent: true
  # - address: escalation@{desk}.example
  #   escalates_to: first        # a person, rotation or escalation of notify.yaml
  # - address: complaints@{desk}.example
  #   kind: complaint            # or feedback: no request, also about closed tickets

# phone_lines:
#   - name: support-line
#     number: "+15550100"
#     extension: "1"             # optional
#     is_urgent: false
#     urgent_menu_choices: ["1"]

# Who calls the same line again within so many minutes goes on with the open ticket of the call
# before; 0: each call is a ticket of its own.
# redial_minutes: 10

# For new tickets; the first rule that sets a value decides it. All parts of `when` must hold:
# channel, line (an address or a phone line's name), form, subject_starts_with, subject_contains,
# subject_matches (a regular expression), text_contains, product, is_urgent, is_trial.
rules:
  - name: critical-in-the-subject
    when: {subject_starts_with: "[critical]"}
    set: {severity: critical}

# Lines of a mail or chat by which requesters set a value themselves: "Severity: 1".
# mail_lines:
#   severity: [Severity]
#   priority: [Priority]

# What a request must say before it is complete. What is missing is asked for at once, with the
# template `ask_with` of notify.yaml; the first kind whose `when` holds counts. An item is known by
# its name, its title and `known_as`, as a form's field or as the beginning of a line.
# required_information:
#   ask_with: information_request
#   kinds:
#     - name: fault
#       when: {channel: [email, portal]}
#       items:
#         - name: product
#           title: name of the product
#           known_as: [Application]
#           stands_for: product         # or customer: its name anywhere in the text
#         - name: version
#           title: version of the product
#           matches: '[0-9]'            # what a value must hold to count
#         - name: operating_system
#           title: operating system
#           found_by: 'Windows [0-9]+'  # finds it anywhere in the text
#         - name: description
#           title: what happens
#           free_text: 30               # so many characters besides such lines are it
#         - name: reported_before
#           title: yes if it was reported before
#           required: false
#         - name: earlier_number
#           title: number of the earlier request
#           required_if: {reported_before: ["yes"]}

# Names of plans; without the list any name is a plan.
# plans: [standard, premium]

# customers:
#   - name: Contoso
#     domains: [contoso.example]
#     plan: standard
#     is_trial: false
#     zone: Europe/Berlin          # of its people: for times in messages, unless they name another
#     administrators:
#       - {name: Ada Admin, email: ada@contoso.example}

# Only administrators of a customer may open tickets; others get the template `answer`, with the way
# to their administrator, and with `closes` their ticket is closed until an administrator writes.
# entitlement:
#   only: administrators
#   answer: to-your-administrator
#   closes: true

# What the promises do not cover, each with the template that answers it. Of `versions` the first is
# the latest, and only that one is covered.
# scope:
#   rules:
#     - name: training
#       when: {form: training}
#       scope: out_of_scope             # or best_effort, billable
#       answer: to-customer-success
#   versions:
#     - name: sdk
#       title: the SDK
#       known_as: [SDK version]
#       released: ["2.1", "2.0"]
#       answer: to-the-upgrade

# The products that the promises cover. A request that names another one, in a form's field or in a
# line "Product: ...", is in `scope` and gets the template `answer`.
# coverage:
#   products:
#     - {name: mail-gateway, title: Mail Gateway, known_as: [Gateway]}
#   scope: best_effort
#   answer: not-covered

# Billable services with their prices. An agent offers one on a ticket with the template
# `offer_with`; the work starts when the customer has confirmed it, by the mailed link or in the
# portal.
# services:
#   offer_with: services_offered
#   offered:
#     - {name: migration, title: A migration, price: "180 EUR an hour, two hours at least"}

# Whom the requester's side may bring into copy, in a mail's To or Cc or in the portal: organisation
# (of the same customer, or of the domain of the requester's address), anyone, nobody. Agents may
# bring in anybody. Routes of notify.yaml mail them as `participants`.
# participants:
#   may_add: organisation
#   at_most: 20

# Documentation that is offered in the portal before a request is sent, matched by its words in the
# desk's language. After a change: pledge intake articles load --desk {desk}
# documentation:
#   folder: articles               # beside this file: Markdown, HTML or text
#   address: https://help.{desk}.example/articles    # where people read the folder's files
#   sitemap: https://help.{desk}.example/sitemap.xml
#   urls: [https://help.{desk}.example/faq]

# Promises of sla.yaml that customers are told of, in the portal and, with `acknowledge_with`, in
# the confirmation of a new request: intake sends it when the first of them is known, after
# `wait_seconds` at the latest; take the route for ticket.opened out of notify.yaml then.
# promises:
#   shown:
#     - {metric: first_response, title: First answer}
#   acknowledge_with: promised
#   wait_seconds: 10

# A closed ticket asks its requester for a rating with this template; a rating from `low_rating`
# down wants an answer.
# feedback:
#   ask_with: rating_request
#   low_rating: 3

# trials:
#   severity_at_least: critical

# What came by one of these lines and is triaged as another severity is recorded as misuse and
# listed (GET /misuse); a person confirms or dismisses it.
# misuse:
#   - name: emergencies
#     lines: [emergency@{desk}.example]
#     only_for: [critical]

# What agents record on a ticket with a click; a promise of sla.yaml may start, pause or be met by
# it, under the same name in the list `milestones` there. Requesters see the title, not the note.
# milestones:
#   - {name: technician_on_site, title: Technician on site}
#   - {name: service_restored, title: Service restored}

# Teams to which tickets are assigned; a metric of sla.yaml may be one team's.
# teams:
#   - {name: l1, title: First line}
#   - {name: l2, title: Second line}

# Promises for which agents may agree another due time with the customer, with who and why; sla.yaml
# says `revisable: true` in the metric.
# revisable:
#   - {metric: resolution, title: Resolution}

# A flood of urgent requests by mail, chat or portal pages this often at most; their tickets are
# opened all the same and say so. Known customers are counted apart from everybody else.
# paging:
#   per_sender: 5
#   per_desk: 30
#   within_minutes: 60
#   severities: [critical]       # new requests that count as urgent; by default the gravest

# Automatic answers (acknowledgements, questions, refusals) that one address gets at most, so that
# programs that answer each other stop. Later mails open their tickets all the same and say so.
# answers:
#   per_ticket: 3
#   per_address: 3              # over all tickets of the desk
#   within_minutes: 60

# Texts that agents insert into a reply (`i` on a ticket's page). Variables: ticket, subject,
# requester, address, customer, product, assignee, agent; behind a bar what is said without.
# canned_answers:
#   - name: logs
#     title: Ask for logs
#     text: "Dear {{ requester | customer }}, please send us the logs for {{ ticket }}."

# The chat widget asks GET /desks/{desk}/chat; while no window is open it offers the form instead.
# chat:
#   hours:
#     - {zone: Europe/Berlin, days: mon-fri, from: "08:00", to: "17:00"}
#   case_form: https://help.{desk}.example/case

# Webhooks of chat and phone providers, at /hooks/{desk}/<name> (docs/gateways.md). `secrets` are
# names; the operator sets their values in PLEDGE_INTAKE_HOOK_SECRETS. Two while one is replaced.
# hooks:
#   - name: slack
#     kind: slack            # or mattermost, teams, webhook, twilio_sms, twilio_voice, cti
#     secrets: [slack]
#     channels: [C0123456789]      # without the list every channel
#     agents: {U0123456789: bob@{desk}.example}    # the desk's own people
#   - name: phone
#     kind: twilio_voice
#     secrets: [twilio-new, twilio]
#     voice:
#       greeting: You have reached our support.
#       menu: In an emergency press 1.             # an extension of phone_lines, or a choice
#       menu_digits: 1
#       before_recording: Please leave a message after the tone.
#       goodbye: Thank you. Goodbye.
#       language: en-US
#       transcribe: true

# Where events of tickets are sent, signed (docs/gateways.md). `secrets` are names: the operator
# gives their values in the file PLEDGE_INTAKE_WEBHOOK_SECRETS; with two, while one is replaced,
# each signs.
# webhooks:
#   - name: crm
#     url: https://crm.{desk}.example/hooks/tickets
#     events: [ticket.opened, ticket.resolved]     # types without `pledge.` and `.v1`
#     secrets: [crm-new, crm]

# Files that come with requests: what is taken, what is said where it is too much, and for how long
# whole messages and files are kept (files without a time: as long as their tickets).
# files:
#   largest: 20 MB
#   most: 20
#   advice: Upload larger files at https://share.{desk}.example and send us the link.
#   keep_messages: 365d
#   keep_files: 1000d

portal:
  # Requesters sign in at /my/{desk} by a link that this template of notify.yaml brings.
  # sign_in_template: sign_in
  # forms:
  #   - name: fault
  #     title: Something does not work
  #     fields:
  #       - {name: browser, title: Browser, choices: [Chrome, Firefox, other], required: true}
  #       - {name: steps, title: What you did, long: true, help: One step a line.}
  # Public keys that the desk's own forms send as `Pledge-Form-Key`.
  form_keys: []
  requester_sets_severity: false
"""
