"""The commented file that `pledge desk new` writes."""

DESK_TEMPLATE = """\
# The status page of the desk {desk}: who it belongs to, what it shows, when it speaks by itself.

desk: {desk}

page:
  name: "{desk}"
  # Times on the page and in its API are in this zone, and name it.
  zone: Etc/UTC
  # The page stands at /{desk}/ of this service, and at the root of this host name:
  # host: status.example.com
  # Its public address, if that is not the service's address and /{desk}:
  # url: https://status.example.com
  # Shown at the top and the bottom:
  # about: Current condition of our services.
  # support_url: https://support.example.com

# In the order of the page. `key` never changes; the name may. An entry with `components` is a
# group, which is as bad as the worst of them. `id` keeps the id of an earlier Statuspage.
components:
  - key: service
    name: Service

# When an incident opens without a publisher. It is public at once, so the text says nothing about
# a customer. A further ticket joins the incident while it is open.
open_incident_when:
  - key: confirmed
    # ticket_confirmed: triage says that the provider confirms a known incident.
    # ticket_linked: the ticket was linked to an incident that is not on the page yet.
    # promise_broken: a promise was broken, on `metrics`; `only_confirmed` wants both. If that is
    # taken back (`withdrawn_message` under `incident` says so), the incident ends by itself, unless
    # somebody has written on it.
    any_of: [ticket_confirmed, ticket_linked]
    # Any of these; a list that is left out means any. Also: products.
    severities: [critical]
    incident:
      name: Service disruption
      message: >-
        We have confirmed a disruption and are working on it. We will post updates here.
      # The impact is that of the worst component, unless stated: none, minor, major, critical.
      components:
        service: major_outage

# An open incident says when its next update comes, at the latest. A metric of sla.yaml times it:
# the same time must stand there (public_update).
update_every: 30m

# Said when a maintenance's window begins and ends; null leaves that to a publisher.
maintenances:
  start_message: The planned maintenance has begun.
  end_message: The planned maintenance is completed.
"""
