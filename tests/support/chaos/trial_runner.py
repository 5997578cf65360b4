"""Runs trials one after the other, in one deployment until one fails."""

from __future__ import annotations

from support.chaos.deployment import Deployment, open_deployment
from support.chaos.load import Ledger, Size
from support.chaos.servers import Servers
from support.chaos.trial import Trial, run_trial


class TrialFailed(AssertionError):
    """A trial failed; the message says how to repeat it. `trial` is None if it broke off."""

    def __init__(self, message: str, trial: Trial | None = None) -> None:
        super().__init__(message)
        self.trial = trial


class TrialRunner:
    """Opens a deployment when there is none, and closes one in which a trial failed."""

    def __init__(self, servers: Servers, size: Size) -> None:
        self._servers = servers
        self._size = size
        self._opened = 0
        self._deployment: Deployment | None = None
        self._ledger = Ledger()

    async def run(self, scenario: str, seed: int) -> Trial:
        """Run `scenario` with `seed`. Raises TrialFailed when anything at all is wrong."""
        try:
            trial = await run_trial(
                await self._open_deployment(), scenario, seed, self._size, self._ledger
            )
        except Exception as error:
            lines = "" if self._deployment is None else self._deployment.last_lines()
            await self.close_deployment()
            raise TrialFailed(f"{error!r}\n{_again(scenario, seed)}\n{lines}") from error
        except BaseException:
            await self.close_deployment()
            raise
        if not trial.verdict.is_clean:
            await self.close_deployment()
            raise TrialFailed(f"{trial}\n{_again(scenario, seed)}", trial)
        return trial

    async def close_deployment(self) -> None:
        """Close the deployment; the next trial opens another."""
        deployment, self._deployment = self._deployment, None
        if deployment is not None:
            await deployment.close()

    async def _open_deployment(self) -> Deployment:
        if self._deployment is None:
            self._opened += 1
            self._ledger = Ledger()
            self._deployment = await open_deployment(self._servers, f"chaos{self._opened}")
        return self._deployment


def _again(scenario: str, seed: int) -> str:
    return (
        "Repeat it with: pytest tests/chaos/test_long.py"
        f' --chaos-scenario "{scenario}" --chaos-seed {seed}'
    )
