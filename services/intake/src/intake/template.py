"""The commented `intake.yaml` that `pledge desk new` writes."""

DESK_TEMPLATE = """\
# How the desk takes requests in. `pledge desk check <folder>` validates it.
desk: {desk}
name: Our support

tickets:
  # Tickets are numbered SUP-10001, SUP-10002, … The prefix must be this desk's alone.
  prefix: SUP
  first_number: 10001

# Answers to our mails come to this address with a signed +tag that names the ticket.
# It must be one of `addresses`.
reply_address: support@{desk}.example
language: en

# The gravest first. The words stand beside the choice in triage.
severities:
  - name: critical
    title: Critical
    definition: Vital functions fail for all or most users.
    examples: [Nobody can sign in.]
  - name: normal
    title: Normal
    definition: Everything else.

# priorities: [urgent, high, normal, low]

# What a new ticket is when no rule below says otherwise.
defaults:
  severity: normal
  # plan: standard

addresses:
  - address: support@{desk}.example
  # - address: emergency@{desk}.example
  #   is_urgent: true
  # - address: escalation@{desk}.example
  #   escalates_to: manager      # a role of notify.yaml

# phone_lines:
#   - name: support-line
#     number: "+15550100"
#     extension: "1"             # optional
#     is_urgent: false
#     urgent_menu_choices: ["1"]

# For new tickets; the first rule that sets a value decides it. All parts of `when` must hold:
# channel, line (an address or a phone line's name), form, subject_starts_with, subject_contains,
# subject_matches (a regular expression), is_urgent, is_trial.
rules:
  - name: critical-in-the-subject
    when: {subject_starts_with: "[critical]"}
    set: {severity: critical}

# customers:
#   - name: Contoso
#     domains: [contoso.example]
#     plan: standard
#     is_trial: false

# trials:
#   severity_at_least: critical

portal:
  # Public keys that the desk's own forms send as `Pledge-Form-Key`.
  form_keys: []
  requester_sets_severity: false
"""
