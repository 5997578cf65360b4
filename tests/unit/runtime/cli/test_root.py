from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from pledge.runtime.cli import root as cli
from pledge.runtime.cli.root import CommandError
from pledge.runtime.postgres.migrations import Migrations
from pledge.runtime.service.description import ServiceDescription

MODULE = __name__

good = typer.Typer(help="A group.")


@good.command()
def hello(name: str) -> None:
    """Say hello."""
    typer.echo(f"hello {name}")


@good.command()
def other() -> None:
    """Do something else."""
    raise CommandError("the file x is there already")


def single() -> None:
    """Do one thing."""
    typer.echo("done")


GOOD_SERVICE = ServiceDescription("demo", Migrations("demo", Path()))
NOT_A_COMMAND = 7


class Installed:
    """What entry points seem to be installed."""

    def __init__(self, *entries: EntryPoint) -> None:
        self._entries = entries

    def __call__(self, *, group: str) -> EntryPoints:
        return EntryPoints(entry for entry in self._entries if entry.group == group)


def command(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, cli.COMMANDS_GROUP)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(*entries: EntryPoint) -> None:
        # importlib mode gives this module a name that can be imported again from sys.modules.
        monkeypatch.setitem(sys.modules, "plugins_of_the_test", sys.modules[MODULE])
        monkeypatch.setattr(cli, "entry_points", Installed(*entries))

    return put


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.build(list(arguments)), list(arguments))
    if isinstance(result.exception, CommandError):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_groups_and_single_commands_of_plugins_are_offered(install: Callable[..., None]) -> None:
    install(
        command("greet", "plugins_of_the_test:good"), command("once", "plugins_of_the_test:single")
    )
    assert run("greet", "hello", "you") == (0, "hello you\n")
    assert run("once") == (0, "done\n")
    status, text = run("--help")
    assert status == 0
    assert "A group." in text
    assert "Do one thing." in text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("no_such_module_at_all:app", "No module named 'no_such_module_at_all'"),
        ("plugins_of_the_test:missing", "has no attribute 'missing'"),
        ("plugins_of_the_test:NOT_A_COMMAND", "is neither a Typer app nor a command"),
    ],
)
def test_broken_plugin_is_told_in_a_line_and_leaves_the_others_alone(
    install: Callable[..., None], value: str, told: str
) -> None:
    install(command("bad", value), command("once", "plugins_of_the_test:single"))
    assert run("once") == (0, "done\n")
    status, text = run("bad", "anything", "--x")
    assert status == 2
    assert "`bad`" in text
    assert told in text
    assert "Broken" in run("--help")[1]


def test_only_the_plugin_that_is_asked_for_is_imported(install: Callable[..., None]) -> None:
    install(command("bad", "no_such_module:app"), command("once", "plugins_of_the_test:single"))
    assert run("once") == (0, "done\n")
    assert "bad" not in [info.name for info in cli.build(["once"]).registered_commands]


def test_services_are_found_by_entry_point(install: Callable[..., None]) -> None:
    install(EntryPoint("demo", "plugins_of_the_test:GOOD_SERVICE", "pledge.services"))
    assert cli.services() == {"demo": GOOD_SERVICE}


def test_service_that_describes_nothing_is_named(install: Callable[..., None]) -> None:
    install(EntryPoint("demo", "plugins_of_the_test:NOT_A_COMMAND", "pledge.services"))
    with pytest.raises(CommandError, match="is no ServiceDescription"):
        cli.services()


def pledge(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command as a person does."""
    binary = Path(sys.executable).with_name("pledge")
    return subprocess.run(
        [binary, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "100", **environ},
        timeout=60,
    )


def test_version_is_told() -> None:
    assert pledge("--version").stdout.startswith("pledge 0.")


def test_failure_is_a_line_on_standard_error_and_no_trace(tmp_path: Path) -> None:
    result = pledge("token", "create", "ann", "--desk", "demo", "--role", "agent",
                    "--key", str(tmp_path / "none.key"))  # fmt: skip
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"pledge: {tmp_path}/none.key does not exist; make it with:"
        f" pledge token keys --key {tmp_path}/none.key\n"
    )


BROKEN_MAIN = """
import sys
from pledge.runtime.cli import root as cli
def build(arguments):
    def command(prog_name):
        raise KeyError("postgresql://a:hunter2@b")
    return command
cli.build = build
cli.main()
"""


def test_what_nobody_expected_is_a_line_too_and_a_trace_only_when_asked() -> None:
    told = [sys.executable, "-c", BROKEN_MAIN]
    plain = subprocess.run(told, capture_output=True, text=True, check=False, timeout=60)
    traced = subprocess.run(
        told, capture_output=True, text=True, check=False, timeout=60, env={"PLEDGE_TRACE": "1"}
    )
    assert plain.returncode == 1
    assert plain.stderr.startswith("pledge: KeyError: ")
    assert "Traceback" not in plain.stderr
    assert "hunter2" not in plain.stderr
    assert "Traceback" in traced.stderr


def test_unknown_command_is_an_error_with_a_hint() -> None:
    result = pledge("tokne")
    assert result.returncode == 2
    assert "token" in result.stderr
    assert "Traceback" not in result.stderr


def test_colours_are_left_out_when_asked() -> None:
    assert "\x1b[" not in pledge("token", "create", "--help", NO_COLOR="1").stdout
    forced = {"NO_COLOR": "1", "FORCE_COLOR": "1"}
    assert "\x1b[3" not in pledge("token", "create", "--help", **forced).stdout


@pytest.mark.parametrize("subject", ["[/b] x", "[p1] mail is down", "[link=x]y", ":bug: x"])
def test_words_of_strangers_are_shown_as_they_are(
    subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("Subject")
    table.add_row(subject)
    cli.console().print(table)
    assert subject in capsys.readouterr().out


def test_ctrl_c_while_commands_are_loaded_is_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_arguments: list[str]) -> typer.Typer:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "build", interrupted)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "pledge: stopped\n"
