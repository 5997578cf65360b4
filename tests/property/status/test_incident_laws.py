"""Laws that hold for any story of an incident."""

from hypothesis import given
from hypothesis import strategies as st

from status.domain.components import ComponentStatus, worst
from status.domain.decisions import Command, DecisionContext, IncidentChanged, PostUpdate, decide
from status.domain.identifiers import public_id
from status.domain.incidents import IncidentStatus
from status.domain.rollup import Indicator, overall
from unit.status.builders import NOON, Story, a_component, maintenance, opening

CODES = ("api", "web", "mail")
statuses = st.dictionaries(st.sampled_from(CODES), st.sampled_from(ComponentStatus), max_size=3)
updates = st.builds(
    PostUpdate,
    body=st.just("FactDetail."),
    by=st.just("ada"),
    status=st.none() | st.sampled_from(IncidentStatus),
    statuses=statuses,
)
openings = st.builds(opening, statuses) | st.builds(maintenance, statuses)
stories = st.tuples(openings, st.lists(updates, max_size=8))


def run_commands(story: tuple[Command, list[PostUpdate]]) -> Story:
    run = Story(*(a_component(code) for code in CODES))
    for command in (story[0], *story[1]):
        run.then(command)
    return run


@given(stories)
def test_events_are_numbered_without_gaps(story: tuple[Command, list[PostUpdate]]) -> None:
    run = Story(*(a_component(code) for code in CODES))
    published = 0
    for command in (story[0], *story[1]):
        decision = run.then(command)
        published += sum(isinstance(effect, IncidentChanged) for effect in decision.effects)
        assert run.current.revision == published


@given(stories)
def test_the_newest_update_says_what_the_incident_is(
    story: tuple[Command, list[PostUpdate]],
) -> None:
    incident = run_commands(story).current

    assert incident.updates[0].status is incident.status
    assert (incident.resolved_at is not None) == (not incident.is_open)
    times = [update.created_at for update in incident.updates]
    assert times == sorted(times, reverse=True)
    assert len({update.id for update in incident.updates}) == len(incident.updates)


@given(stories)
def test_a_story_that_ends_leaves_everything_operational(
    story: tuple[Command, list[PostUpdate]],
) -> None:
    run = run_commands(story)
    if not run.current.is_open:
        return
    is_plan = run.current.is_maintenance
    end = IncidentStatus.COMPLETED if is_plan else IncidentStatus.RESOLVED
    run.then(PostUpdate("Done.", "ada", end))

    assert overall(list(run.components.values()), [run.current]).indicator is Indicator.NONE


@given(stories)
def test_what_updates_say_is_what_components_do(story: tuple[Command, list[PostUpdate]]) -> None:
    run = Story(*(a_component(code) for code in CODES))
    for command in (story[0], *story[1]):
        before = {code: run.status(code) for code in CODES}
        decision = run.then(command)
        if decision.reason.is_refusal:
            assert {code: run.status(code) for code in CODES} == before
            continue
        statuses = {one.code: one for one in run.current.updates[0].affected}
        for code in CODES:
            expected = statuses[code].new_status if code in statuses else before[code]
            assert run.status(code) is expected
        assert all(statuses[code].old_status is before[code] for code in statuses)


@given(stories, updates)
def test_deciding_twice_on_the_same_state_gives_the_same(
    story: tuple[Command, list[PostUpdate]], command: PostUpdate
) -> None:
    run = run_commands(story)
    context = DecisionContext(list(run.components.values()))

    assert decide(run.incident, command, context, NOON) == decide(
        run.incident, command, context, NOON
    )


@given(st.lists(st.sampled_from(ComponentStatus), max_size=6))
def test_the_line_is_clean_only_when_every_component_is(found: list[ComponentStatus]) -> None:
    components = [a_component(f"c{index}", status) for index, status in enumerate(found)]

    is_clean = overall(components, []).indicator is Indicator.NONE

    assert is_clean == (worst(found) is ComponentStatus.OPERATIONAL)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_public_ids_always_have_their_shape(parts: list[str]) -> None:
    code = public_id(*parts)

    assert len(code) == 12
    assert set(code) <= set("0123456789abcdefghijklmnopqrstuvwxyz")
