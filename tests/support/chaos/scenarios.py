"""What is done to the services while the load comes in. Each is one line of docs/guarantees.md."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pledge.runtime.clock import SystemClock
from support.chaos import poison
from support.chaos.desk import PAGE_LATE_AFTER
from support.chaos.dice import Dice
from support.chaos.load import Load
from support.chaos.world import PATIENCE, SERVICES, World

CLOCK = SystemClock()
# The group misses a member that says nothing for so long; see the session timeout in `world`.
SESSION = timedelta(seconds=6)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scenario works with. `lasts` is how long the load comes in."""

    world: World
    load: Load
    dice: Dice
    lasts: timedelta

    async def wait(self, low: float, high: float) -> None:
        """Let a part of the load come in: between these shares of its length."""
        await CLOCK.sleep(self.dice.between(low, high) * self.lasts)


Scenario = Callable[[Stage], Awaitable[None]]


async def kill_services(stage: Stage) -> None:
    """Kill -9 each service in the middle of its work, and start it again."""
    order = list(SERVICES)
    stage.dice.shuffle(order)
    for service in order:
        await stage.wait(0.05, 0.25)
        replica = stage.world.main(service)
        await replica.kill()
        replica.start()


async def kill_sla_often(stage: Stage) -> None:
    """Kill -9 sla again and again, also while it starts."""
    replica = stage.world.main("sla")
    for _ in range(6):
        if stage.dice.chance(0.7):
            await replica.ready(PATIENCE)
        await stage.wait(0.02, 0.2)
        await replica.kill()
        replica.start()


async def kill_broker(stage: Stage) -> None:
    """Kill -9 the broker; everybody waits until it is back."""
    await stage.wait(0.3, 0.7)
    await stage.world.ground.kill_broker()
    await stage.wait(0.05, 0.3)
    await stage.world.ground.start_broker()


async def kill_database(stage: Stage) -> None:
    """Kill -9 the database server, twice."""
    for _ in range(2):
        await stage.wait(0.2, 0.4)
        await stage.world.ground.kill_database()
        await stage.wait(0.05, 0.2)
        await stage.world.ground.start_database()


async def return_of_a_zombie(stage: Stage) -> None:
    """Freeze the owner of all partitions; another takes over; then the frozen one goes on."""
    world = stage.world
    service = stage.dice.one_of(("sla", "intake"))
    owner = world.main(service)
    # The owner's place is taken at once by whoever has the same name in the group, so that both
    # believe to own the partitions.
    heir = world.replica(service, f"{service}-heir", instance=f"{service}-0")
    await stage.wait(0.1, 0.3)
    owner.freeze()
    heir.start()
    await heir.ready(PATIENCE)
    await stage.wait(0.1, 0.3)
    # From now on both want the same name in the group, and take it from each other.
    owner.thaw()
    await stage.wait(0.3, 0.6)
    await heir.stop()


async def other_group(stage: Stage) -> None:
    """A wrong setting: a second process in another group owns the same partitions."""
    service = stage.dice.one_of(("sla", "intake"))
    usurper = stage.world.usurper(service)
    await stage.wait(0.1, 0.3)
    usurper.start()
    await usurper.ready(PATIENCE)
    await stage.wait(0.2, 0.5)
    await usurper.kill()
    # The rightful owner was fenced off and would end after a while; whoever runs it starts it anew.
    owner = stage.world.main(service)
    await owner.kill()
    owner.start()


async def rebalances(stage: Stage) -> None:
    """A second replica of each service that keeps partitions joins and leaves during batches."""
    replicas = [stage.world.replica(each, f"{each}-second") for each in ("sla", "notify")]
    for each in replicas:
        each.start()
    await asyncio.gather(*(each.ready(PATIENCE) for each in replicas))
    await stage.wait(0.1, 0.4)
    stage.dice.shuffle(replicas)
    await replicas[0].stop()
    await replicas[1].kill()


async def plant_poison(stage: Stage) -> None:
    """Bad records of every kind between good ones, under the keys of conversations that go on."""
    load, dice = stage.load, stage.dice
    await stage.wait(0.4, 0.6)
    stories = [each for each in load.ledger.tickets if each.messages][:2]
    chats = [each for each in load.ledger.conversations if each.deliveries[0].was_taken][:2]
    for story, chat in zip(stories, chats, strict=True):
        bad = [
            *poison.on_tickets(story),
            *poison.on_channel(chat),
            *poison.of_nothing(dice, chat),
            *poison.elsewhere(dice),
        ]
        dice.shuffle(bad)
        await load.plant(bad)


async def terminate_in_a_batch(stage: Stage) -> None:
    """SIGTERM to each service at work: it stops by itself, cleanly, and goes on where it was."""
    order = list(SERVICES)
    stage.dice.shuffle(order)
    for service in order:
        await stage.wait(0.05, 0.2)
        replica = stage.world.main(service)
        status = await replica.stop()
        assert status == 0, f"{service} ended with {status} on SIGTERM"
        replica.start()


async def start_without_broker(stage: Stage) -> None:
    """The broker is away when the services start: they wait for it."""
    world = stage.world
    await stage.wait(0.1, 0.4)
    mains = [world.main(service) for service in SERVICES]
    # The broker first: the services are killed with records in their hands that were sent and not
    # acknowledged.
    await world.ground.kill_broker()
    await stage.wait(0.05, 0.2)
    await asyncio.gather(*(each.kill() for each in mains))
    for each in mains:
        each.start()
    await CLOCK.sleep(timedelta(seconds=3))
    for each in mains:
        each.check()
    await world.ground.start_broker()


async def notify_is_away(stage: Stage) -> None:
    """notify is stopped while promises break; afterwards each is paged once, and late."""
    replica = stage.world.main("notify")
    await stage.wait(0.1, 0.3)
    await replica.stop()
    await stage.load.done()
    # Until some breach is older than what still counts as in time.
    await CLOCK.sleep(PAGE_LATE_AFTER * 1.5)
    replica.start()


async def all_at_once(stage: Stage) -> None:
    """Whatever comes next, one after the other, without waiting for anything to recover."""
    world, dice = stage.world, stage.dice
    for _ in range(dice.number(4, 7)):
        await stage.wait(0.05, 0.2)
        replica = world.main(dice.one_of(SERVICES))
        match dice.number(1, 4):
            case 1:
                await world.ground.kill_broker()
                await stage.wait(0.02, 0.05)
                await replica.kill()
                await world.ground.start_broker()
            case 2:
                await world.ground.kill_database()
                await stage.wait(0.02, 0.05)
                await replica.kill()
                await world.ground.start_database()
            case _:
                await replica.kill()
        replica.start()


async def member_is_missed(stage: Stage) -> None:
    """Freeze a process for longer than the group waits for it: others take its partitions."""
    world = stage.world
    service = stage.dice.one_of(("sla", "notify"))
    second = world.replica(service, f"{service}-second")
    second.start()
    await second.ready(PATIENCE)
    frozen = stage.dice.one_of((world.main(service), second))
    await stage.wait(0, 0.1)
    frozen.freeze()
    await CLOCK.sleep(SESSION * 1.3)
    frozen.thaw()
    await stage.wait(0.1, 0.3)
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
