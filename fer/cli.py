"""``fer``: what a trained model is used for from the command line."""

import io
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fer import __version__
from fer.errors import UserError

#: Every command: the function of its name in the module of its name in ``fer.commands``, and what ``fer --help`` says.
COMMANDS = {
    "photo": "Read the faces of photos: files, folders, or - for standard input.",
    "video": "Read the faces of a video and follow them over time.",
    "webcam": "Read the faces that a camera sees, in a window.",
    "verify": "Measure a model on your copy of FER-2013, beside the figures of its card.",
    "check": "Check a data set: copies, leaks, flawed images, doubtful labels.",
    "serve": "Answer over HTTP, with a page for the browser.",
}
#: Commands that need more of the library than ``fer.commands`` may import, and the modules that have them.
ELSEWHERE = {"check": "fer.audit.command"}


def _without_types(options: list[Any]) -> list[Any]:
    """Flags whose help does not say that they take a truth value."""
    for option in options:
        if getattr(option, "is_flag", False):
            option.metavar = ""
    return options


class _Commands(TyperGroup):
    """Imports a command's module when it is called: ``fer --help`` is fast and needs no extra."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            return super().resolve_command(ctx, args)
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(args[0])(getattr(import_module(ELSEWHERE.get(args[0], f"fer.commands.{args[0]}")), args[0]))
        command = typer.main.get_command(single)
        _without_types(command.get_params(ctx))
        return args[0], command, args[1:]


app = typer.Typer(cls=_Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(lambda: None)  # its place in the list; _Commands finds the function


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fer {__version__}")
        raise typer.Exit


@app.callback()
def fer(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Reads the emotions of faces: in photos, in videos, before a camera, as a service."""


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 1."""
    if sys.stdout is None:  # a shell closed it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process runs
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a file's name need be no text
    try:
        app()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename or 'disk'}: {error.strerror or error}; choose another place")
