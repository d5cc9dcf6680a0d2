"""Restores the records: the only command that must work where there are none."""

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from detector.cli.ends import Impossible
from detector.cli.office import clock, login, name_of, opened, sqlite_file
from detector.cli.roles import Role, demand, person, role_of
from detector.config import Config, ConfigError, load
from detector.host import hold_alone, make_directories
from detector.records.backup import Restored, pg_restore, restore, set_aside
from detector.records.entries import AuditHead


def restore_from(config_file: Path, actor: str, file: Path, expected: AuditHead | None) -> Restored:
    """Raises `Impossible`, `Refused`, `Temporary`, `ConfigError` and `NotAllowed`."""
    config = load(config_file)
    who = name_of(actor, login(config.state.directory))
    _permit(config, config_file, actor)
    target = sqlite_file(config)
    if target is None:
        msg = (
            f"the records are in PostgreSQL: stop the server, restore them with\n{pg_restore(config.records_url, file)}"
            f"\nthen run `detector audit verify`"
        )
        raise Impossible(msg)
    if not file.is_file():
        msg = f"{file} is no file"
        raise Impossible(msg)
    make_directories(config)
    descriptor = _while_no_server_runs(config)
    try:
        restored = restore(file, target, expected, (who, clock()))
        # What it remembers as done was done after the backup: what the records ask for would never begin.
        containments = set_aside(Path(urlsplit(config.workflow_url).path.removeprefix("/")))
        return replace(restored, aside=[*restored.aside, *containments])
    finally:
        os.close(descriptor)


def _permit(config: Config, config_file: Path, actor: str) -> None:
    """Where there are records they tell who tried without the role."""
    file = sqlite_file(config)
    directory = config.state.directory
    role = role_of(config.operators, person(login(directory), directory))
    if file is not None and file.exists() and (role is None or not role.covers(Role.ADMIN)):
        with opened(config_file, actor, Role.ADMIN):
            return
    demand(Role.ADMIN, role, "records restore")


def _while_no_server_runs(config: Config) -> int:
    try:
        return hold_alone(config.state.directory)
    except ConfigError as error:
        msg = f"{error}: stop the server first"
        raise Impossible(msg) from error
