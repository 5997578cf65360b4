"""The faults that are injected while the load runs. Each is one line of docs/guarantees.md."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pledge.runtime.clock import SystemClock
from support.chaos import poison
from support.chaos.deployment import PATIENCE, SERVICES, Deployment
from support.chaos.desk import PAGE_LATE_AFTER
from support.chaos.load import Load
from support.chaos.random_source import RandomSource

CLOCK = SystemClock()
# The group removes a member after this silence; see the session timeout in `deployment`.
SESSION = timedelta(seconds=6)


@dataclass(frozen=True, slots=True)
class ScenarioContext:
    """What a scenario works with. `lasts` is how long the load comes in."""

    deployment: Deployment
    load: Load
    rng: RandomSource
    lasts: timedelta

    async def wait(self, low: float, high: float) -> None:
        """Let a part of the load come in: between these shares of its length."""
        await CLOCK.sleep(self.rng.between(low, high) * self.lasts)


Scenario = Callable[[ScenarioContext], Awaitable[None]]


async def kill_services(context: ScenarioContext) -> None:
    """Kill -9 each service in the middle of its work, and start it again."""
    order = list(SERVICES)
    context.rng.shuffle(order)
    for service in order:
        await context.wait(0.05, 0.25)
        replica = context.deployment.main(service)
        await replica.kill()
        replica.start()


async def kill_sla_often(context: ScenarioContext) -> None:
    """Kill -9 sla again and again, also while it starts."""
    replica = context.deployment.main("sla")
    for _ in range(6):
        if context.rng.chance(0.7):
            await replica.ready(PATIENCE)
        await context.wait(0.02, 0.2)
        await replica.kill()
        replica.start()


async def kill_broker(context: ScenarioContext) -> None:
    """Kill -9 the broker; all services wait until it is back."""
    await context.wait(0.3, 0.7)
    await context.deployment.servers.kill_broker()
    await context.wait(0.05, 0.3)
    await context.deployment.servers.start_broker()


async def kill_database(context: ScenarioContext) -> None:
    """Kill -9 the database server, twice."""
    for _ in range(2):
        await context.wait(0.2, 0.4)
        await context.deployment.servers.kill_database()
        await context.wait(0.05, 0.2)
        await context.deployment.servers.start_database()


async def return_of_a_zombie(context: ScenarioContext) -> None:
    """Freeze the owner of all partitions; another takes over; then the frozen one goes on."""
    deployment = context.deployment
    service = context.rng.one_of(("sla", "intake"))
    owner = deployment.main(service)
    # A member of the same name in the group takes the owner's place at once, so that both believe
    # to own the partitions.
    successor = deployment.replica(service, f"{service}-successor", instance=f"{service}-0")
    await context.wait(0.1, 0.3)
    owner.freeze()
    successor.start()
    await successor.ready(PATIENCE)
    await context.wait(0.1, 0.3)
    # From now on both want the same name in the group, and take it from each other.
    owner.thaw()
    await context.wait(0.3, 0.6)
    await successor.stop()


async def other_group(context: ScenarioContext) -> None:
    """A wrong setting: a second process in another group owns the same partitions."""
    service = context.rng.one_of(("sla", "intake"))
    stale_owner = context.deployment.stale_owner(service)
    await context.wait(0.1, 0.3)
    stale_owner.start()
    await stale_owner.ready(PATIENCE)
    await context.wait(0.2, 0.5)
    await stale_owner.kill()
    # The rightful owner was fenced off and would end after a while; an operator restarts it.
    owner = context.deployment.main(service)
    await owner.kill()
    owner.start()


async def rebalances(context: ScenarioContext) -> None:
    """A second replica of each service that keeps partitions joins and leaves during batches."""
    replicas = [context.deployment.replica(each, f"{each}-second") for each in ("sla", "notify")]
    for each in replicas:
        each.start()
    await asyncio.gather(*(each.ready(PATIENCE) for each in replicas))
    await context.wait(0.1, 0.4)
    context.rng.shuffle(replicas)
    await replicas[0].stop()
    await replicas[1].kill()


async def plant_poison(context: ScenarioContext) -> None:
    """Bad records of every kind between good ones, under keys of conversations that go on."""
    load, rng = context.load, context.rng
    await context.wait(0.4, 0.6)
    stories = [each for each in load.ledger.tickets if each.messages][:2]
    chats = [each for each in load.ledger.conversations if each.deliveries[0].was_acknowledged][:2]
    for story, chat in zip(stories, chats, strict=True):
        bad = [
            *poison.on_tickets(story),
            *poison.on_channel(chat),
            *poison.of_nothing(rng, chat),
            *poison.elsewhere(rng),
        ]
        rng.shuffle(bad)
        await load.plant(bad)


async def terminate_in_a_batch(context: ScenarioContext) -> None:
    """SIGTERM to each service at work: it stops by itself, cleanly, and goes on where it was."""
    order = list(SERVICES)
    context.rng.shuffle(order)
    for service in order:
        await context.wait(0.05, 0.2)
        replica = context.deployment.main(service)
        status = await replica.stop()
        assert status == 0, f"{service} ended with {status} on SIGTERM"
        replica.start()


async def start_without_broker(context: ScenarioContext) -> None:
    """The broker is away when the services start: they wait for it."""
    deployment = context.deployment
    await context.wait(0.1, 0.4)
    mains = [deployment.main(service) for service in SERVICES]
    # The broker first: the services are killed holding records that were sent and not
    # acknowledged.
    await deployment.servers.kill_broker()
    await context.wait(0.05, 0.2)
    await asyncio.gather(*(each.kill() for each in mains))
    for each in mains:
        each.start()
    await CLOCK.sleep(timedelta(seconds=3))
    for each in mains:
        each.check()
    await deployment.servers.start_broker()


async def notify_is_away(context: ScenarioContext) -> None:
    """notify is stopped while promises break; afterwards each is paged once, and late."""
    replica = context.deployment.main("notify")
    await context.wait(0.1, 0.3)
    await replica.stop()
    await context.load.done()
    # Until some breach is older than what still counts as in time.
    await CLOCK.sleep(PAGE_LATE_AFTER * 1.5)
    replica.start()


async def all_at_once(context: ScenarioContext) -> None:
    """Whatever comes next, one after the other, without waiting for anything to recover."""
    deployment, rng = context.deployment, context.rng
    for _ in range(rng.number(4, 7)):
        await context.wait(0.05, 0.2)
        replica = deployment.main(rng.one_of(SERVICES))
        match rng.number(1, 4):
            case 1:
                await deployment.servers.kill_broker()
                await context.wait(0.02, 0.05)
                await replica.kill()
                await deployment.servers.start_broker()
            case 2:
                await deployment.servers.kill_database()
                await context.wait(0.02, 0.05)
                await replica.kill()
                await deployment.servers.start_database()
            case _:
                await replica.kill()
        replica.start()


async def member_is_missed(context: ScenarioContext) -> None:
    """Freeze a process for longer than the group waits for it: others take its partitions."""
    deployment = context.deployment
    service = context.rng.one_of(("sla", "notify"))
    second = deployment.replica(service, f"{service}-second")
    second.start()
    await second.ready(PATIENCE)
    frozen = context.rng.one_of((deployment.main(service), second))
    await context.wait(0, 0.1)
    frozen.freeze()
    await CLOCK.sleep(SESSION * 1.3)
    frozen.thaw()
    await context.wait(0.1, 0.3)
    await second.stop()


SCENARIOS: Mapping[str, Scenario] = {
    "services are killed": kill_services,
    "sla is killed again and again": kill_sla_often,
    "the broker is killed": kill_broker,
    "the database is killed": kill_database,
    "a zombie returns": return_of_a_zombie,
    "a frozen member is missed": member_is_missed,
    "two groups own the same": other_group,
    "replicas come and go": rebalances,
    "poison among good records": plant_poison,
    "services are terminated": terminate_in_a_batch,
    "the broker is away at start": start_without_broker,
    "notify is away": notify_is_away,
    "all at once": all_at_once,
}
