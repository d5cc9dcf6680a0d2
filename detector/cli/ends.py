"""How a command ends: its exit status, and words on standard error; a traceback is for faults of ours only."""

import sys
from contextvars import ContextVar
from io import TextIOWrapper
from typing import Any

import typer
from typer.core import TyperGroup

NO = 1
MISTAKE = 2
LATER = 75
"""EX_TEMPFAIL of sysexits.h, in the sense in which our own commands use it: the same command may work later."""

NOT_YOURS = 77
"""EX_NOPERM of sysexits.h: the person may not do it, or the files are not theirs."""

MEANINGS = """\b
Exit status
  0   done
  1   no: it cannot be done, or a check or a test did not pass
  2   the command line or the configuration is wrong
  75  not now, or not all of it yet: a database is busy or out of reach, a
      disk is full; the words tell whether to try again
  77  you have not the role, or no right to the files, that it needs"""


class Impossible(Exception):
    """What was asked for cannot be done; the text says why, and what can."""


_running: ContextVar[str] = ContextVar("command", default="")


def command() -> str:
    """The words of the command that runs, such as `accounts show`, without arguments; empty where none does."""
    return _running.get()


class Commands(TyperGroup):
    """The outermost group of commands: turns errors that are an operator's turn into words and an exit status."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        found = super().resolve_command(ctx, args)
        _, chosen, rest = found
        _running.set(" ".join(args[: 1 + (isinstance(chosen, TyperGroup) and bool(rest))]))
        return found

    def invoke(self, ctx: Any) -> Any:
        if isinstance(sys.stdout, TextIOWrapper):  # what a terminal or a file cannot show must not end the command
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except typer.Exit:
            raise
        except Exception as error:
            status = _status(error)
            if status is None:
                raise
            for line in _words(error).splitlines():
                print(f"detector: {line}", file=sys.stderr)
            raise typer.Exit(status) from error


def _words(error: Exception) -> str:
    if not isinstance(error, PermissionError):
        return str(error)
    advice = f"do it as the service's user: `sudo -u USER detector {command()}`"
    return f"{error.filename}: this user has no right to it ({error.strerror}); {advice}"


def _status(error: Exception) -> int | None:
    """None for a fault of ours."""
    # Late: a command that raises one of these has loaded them already, and `--help` needs none.
    from detector.cli.roles import NotAllowed
    from detector.config import ConfigError
    from detector.models import ModelError
    from detector.ports import Refused, Temporary

    if isinstance(error, Impossible | Refused):
        return NO
    if isinstance(error, ConfigError | ModelError):
        return MISTAKE
    if isinstance(error, NotAllowed | PermissionError):
        return NOT_YOURS
    return LATER if isinstance(error, Temporary) else None
