"""The events that a route of `notify.yaml` may name: all that notify reads and has words for."""

# `ticket.severity_changed` is no event of its own: `routing/event_reader.py` makes it from a
# `ticket.triaged` that changes the severity.
ROUTABLE_EVENTS = frozenset(
    {
        "ticket.opened", "ticket.requester_replied", "ticket.triaged", "ticket.resolved",
        "ticket.severity_changed",
        "ticket.reopened", "ticket.closed", "ticket.escalated", "ticket.assigned",
        "ticket.closing_announced", "ticket.callback_requested", "ticket.misuse_recorded",
        "ticket.complaint_filed", "ticket.review_opened", "ticket.feedback_received",
        "ticket.arbitration_requested", "ticket.information_requested",
        "ticket.feedback_acknowledged", "ticket.review_updated", "ticket.review_concluded",
        "ticket.merged", "ticket.absorbed", "ticket.split_off", "ticket.followed_up",
        "ticket.meeting_proposed", "ticket.meeting_agreed", "ticket.meeting_held",
        "ticket.meeting_cancelled",
        "timer.started", "timer.at_risk",
        "promise.breached", "promise.breach_retracted", "silence.elapsed",
        "objective.at_risk", "objective.lost", "objective.loss_retracted",
        "incident.opened", "incident.updated", "incident.resolved",
        "maintenance.scheduled", "maintenance.started", "maintenance.completed",
        "maintenance.cancelled", "component.changed",
    }
)  # fmt: skip
