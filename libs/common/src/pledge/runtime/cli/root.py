"""The `pledge` command: one root that finds its sub-commands by entry point."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Annotated

import typer
from rich.console import Console

from pledge.runtime.config.settings import SettingsError
from pledge.runtime.observability import logs
from pledge.runtime.service.description import SERVICES_GROUP, ServiceDescription

COMMANDS_GROUP = "pledge.commands"
DISTRIBUTION = "pledge-common"
TRACE_VARIABLE = "PLEDGE_TRACE"
# What a shell gives for a program that SIGINT ended: 128 and the signal's number.
INTERRUPTED = 130


class CommandError(Exception):
    """A command can't do what was asked: the message says why and what to do. Exit status 2."""


def console(*, stderr: bool = False, markup: bool = False) -> Console:
    """A console that follows NO_COLOR and writes plain text when it is not a terminal.

    Without `markup` everything is shown as it is: subjects and names are untrusted input, and a
    `[/b]` in one of them would be taken for a tag.
    """
    return Console(
        stderr=stderr,
        no_color=bool(os.environ.get("NO_COLOR")),
        highlight=False,
        markup=markup,
        emoji=False,
    )


def services() -> dict[str, ServiceDescription]:
    """Every installed service's description, by name. Raises CommandError for a broken one."""
    found: dict[str, ServiceDescription] = {}
    for entry in sorted(entry_points(group=SERVICES_GROUP), key=lambda one: one.name):
        loaded = _load(entry)
        if not isinstance(loaded, ServiceDescription):
            raise CommandError(f"{entry.value} is no ServiceDescription (entry point {entry.name})")
        found[loaded.name] = loaded
    return found


def build(arguments: list[str]) -> typer.Typer:
    """The root command. Only the plugin that `arguments` name is imported, if they name one.

    A plugin that can't be imported becomes a command that says so, and the others work.
    """
    app = typer.Typer(
        name="pledge",
        help="Pledge keeps the promises a support organisation makes.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None if os.environ.get("NO_COLOR") else "rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    plugins = {entry.name: entry for entry in entry_points(group=COMMANDS_GROUP)}
    asked = next((word for word in arguments if not word.startswith("-")), None)
    names = sorted(plugins)
    if asked in plugins:
        names = [asked]
    elif arguments == ["--version"]:
        names = []
    for name in names:
        _add(app, plugins[name])
    return app


def main() -> None:
    """Run the `pledge` command of this process's arguments and exit with its status."""
    try:
        build(sys.argv[1:])(prog_name="pledge")
    except (KeyboardInterrupt, asyncio.CancelledError):
        # Ctrl-C while commands are loaded; later Typer handles it.
        _print_error("stopped")
        sys.exit(INTERRUPTED)
    except (CommandError, SettingsError) as error:
        _print_error(str(error))
        sys.exit(2)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get(TRACE_VARIABLE):
            raise
        summary = f"{type(error).__name__}: {error}".removesuffix(": ")
        _print_error(
            f"{summary} (this should not happen; set {TRACE_VARIABLE}=1 to see where it does)"
        )
        sys.exit(1)


def _print_error(text: str) -> None:
    message = logs.clean(text)
    console(stderr=True).print(f"pledge: {message}", style="red", markup=False, soft_wrap=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"pledge {version(DISTRIBUTION)}")
        except PackageNotFoundError:
            typer.echo("pledge (not installed as a distribution)")
        raise typer.Exit


def _root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


def _load(entry: EntryPoint) -> object:
    try:
        loaded: object = entry.load()
    except Exception as error:  # a plugin may fail in any way; it must not take the others along
        reason = str(error) or type(error).__name__
        raise CommandError(
            f"`{entry.name}` ({entry.value}) can't be loaded: {reason}; "
            f"reinstall {entry.dist.name if entry.dist else 'the package that brings it'}"
        ) from error
    return loaded


def _add(app: typer.Typer, entry: EntryPoint) -> None:
    try:
        loaded = _load(entry)
    except CommandError as error:
        _add_broken(app, entry.name, error)
        return
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=entry.name)
    elif callable(loaded):
        app.command(name=entry.name)(loaded)
    else:
        reason = f"`{entry.name}` ({entry.value}) is neither a Typer app nor a command"
        _add_broken(app, entry.name, CommandError(reason))


def _add_broken(app: typer.Typer, name: str, error: CommandError) -> None:
    def broken() -> None:
        raise error

    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(name=name, help=f"Broken: {error}", context_settings=settings)(broken)
