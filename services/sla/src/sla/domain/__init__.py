"""The pure domain of the SLA: promises as functions of facts, policy and an instant.

    values.py           Fact, Timer, Assessment, Change … frozen values
    facts.py            fact_from_event(data, sequence) -> Fact; the order in which facts count
    calendar/           when time counts
        calendar.py     Calendar: add, measure, is_open, next_open             sorted arrays
        hours.py        weekly windows, holidays, unions and intersections of them
        zones.py, intervals.py, durations.py
    policy/             what a desk promises
        policy.py       Policy                     compiled; made by sla.desk_file
        rules.py        Metric, Target, Pause, Flag, SilenceRule, …      what a file can say
        conditions.py, attributes.py
        fact_effects.py what each type of fact does under a policy
    replay/             facts to timers
        assess.py       assess(facts, policy) -> Assessment                    total, order-free
                        Assessor().assess(facts, policy)  the same, incrementally as facts come
        ticket_replay.py, metric_cycles.py, progress.py, cycle.py, auto_close.py
                        the state that the facts lead to
        missed_intervals.py  begun(assessment, now): those of its timers that have begun
        build_timer.py, elapsed_time.py                 one cycle's timer
        segments.py     segments(timer, until), used(timer, until)
    policy_versions.py  a ticket under several policy versions, one after the other
    changes.py          diff(published, assessment, now) -> Difference         what to publish
    explain.py          explain(assessment, policy, now) -> Explanation   .text() and .json()
    attainment.py       tally(assessments, now), side_by_side(before, after)   what-if

`now` for `diff` is an instant up to which the ticket's facts are known: while consuming, the
newest `recorded_at` of the ticket; while firing timers, the clock, once the partition has caught
up. A breach is then never invented by lag.

Outside the domain, `sla.desk_file.read` reads a desk's file: `load(path) -> Policy`,
`check_desk_file(path) -> DeskFileReport`, `json_schema()`.
"""
