"""The pure domain of the SLA: promises as functions of facts, policy and an instant.

    model.py       Fact, Timer, Assessment, Change … frozen values
    assess.py      assess(facts, policy) -> Assessment                       total, order-free
                   Assessor().assess(facts, policy)       the same, again and again as facts come
    life.py        Life: what one fact after the other makes of a ticket
    differ.py      diff(told: Told, assessment, now) -> Difference           what to publish
    facts.py       fact_from_event(data, sequence) -> Fact                   from an event's JSON
    promises.py    Metric, Target, Pause, Flag, SilenceRule, …          what a file can say
    policy.py      Policy                               compiled, made by sla.policy
    calendar.py    Calendar: add, measure, is_open, next_open                sorted arrays
    calendar_op.py calendar_op(request) -> {"id", "result" | "error"}        `pledge sla calendar`
    explain.py     explain(assessment, policy, now) -> Explanation           .text() and .json()
    simulate.py    simulate(events, policy, until), as_json, as_text   `pledge sla simulate`
    timeline.py    timeline_svg(timer_explanation, now, element_id=) -> str
    attainment.py  tally(assessments, now), side_by_side(before, after)   what-if

`now` for `diff` is an instant up to which the ticket's facts are known: while consuming, the
newest `recorded_at` of the ticket; while firing timers, the clock, once the partition has caught
up. A breach is then never invented by lag.

Outside the domain, `sla.policy` reads a desk's file: `load(path) -> Policy`,
`check_desk_file(path) -> list[Problem]`, `DESK_TEMPLATE`, `json_schema()`.
"""
