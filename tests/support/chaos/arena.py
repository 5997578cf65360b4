"""Holds trials one after the other, in one world for as long as nothing went wrong in it."""

from __future__ import annotations

from support.chaos.ground import Ground
from support.chaos.load import Ledger, Size
from support.chaos.trial import Trial, hold_trial
from support.chaos.world import World, open_world


class Broken(AssertionError):
    """A trial went wrong; the message says how to repeat it. `trial` is None if it broke off."""

    def __init__(self, message: str, trial: Trial | None = None) -> None:
        super().__init__(message)
        self.trial = trial


class Arena:
    """Makes a world when there is none, and gives a broken one up."""

    def __init__(self, ground: Ground, size: Size) -> None:
        self._ground = ground
        self._size = size
        self._worlds = 0
        self._world: World | None = None
        self._ledger = Ledger()

    async def hold(self, scenario: str, seed: int) -> Trial:
        """Run `scenario` with `seed`. Raises Broken when anything at all is wrong."""
        try:
            trial = await hold_trial(await self._enter(), scenario, seed, self._size, self._ledger)
        except Exception as error:
            lines = "" if self._world is None else self._world.last_lines()
            await self.leave()
            raise Broken(f"{error!r}\n{_again(scenario, seed)}\n{lines}") from error
        except BaseException:
            await self.leave()
            raise
        if not trial.verdict.is_clean:
            await self.leave()
            raise Broken(f"{trial}\n{_again(scenario, seed)}", trial)
        return trial

    async def leave(self) -> None:
        """Give the world up; the next trial gets a new one."""
        world, self._world = self._world, None
        if world is not None:
            await world.close()

    async def _enter(self) -> World:
        if self._world is None:
            self._worlds += 1
            self._ledger = Ledger()
            self._world = await open_world(self._ground, f"chaos{self._worlds}")
        return self._world


def _again(scenario: str, seed: int) -> str:
    return (
        "Repeat it with: pytest tests/chaos/test_long.py"
        f' --chaos-scenario "{scenario}" --chaos-seed {seed}'
    )
