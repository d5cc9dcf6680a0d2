"""Roles: who may look, who may decide, and who may erase or hand out all that is recorded.

They keep colleagues to what is theirs and tell the audit log who tried more. They are no wall against somebody who can
write the database's file: the rights of the file are.
"""

import grp
import os
import pwd
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from detector.config import Operators


class Role(StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"
    """Looks."""

    OPERATOR = "operator"
    """Decides: about incidents, accounts and held mail; issues passwords."""

    ADMIN = "admin"
    """Erases, restores, and hands out all that is recorded about somebody."""

    def covers(self, other: "Role") -> bool:
        """Whether who has this role may do what needs the other.

        >>> Role.ADMIN.covers(Role.OPERATOR), Role.VIEWER.covers(Role.OPERATOR)
        (True, False)
        """
        order = tuple(Role)
        return order.index(self) >= order.index(other)


class NotAllowed(Exception):
    """The person has not the role that the command needs; the text says which."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who types. `owner`: it is root or the user of the service, and nobody behind sudo."""

    login: str
    groups: Collection[str]
    owner: bool
    as_owner: bool
    """The process has the rights of root or of the service, also by sudo."""


def has_rights_of_owner(directory: Path) -> bool:
    """Whether the process is root's or the service's, whoever started it; `directory` is the service's own."""
    return os.geteuid() in _owners(directory)


def person(login: str, directory: Path) -> Person:
    """The one behind this process."""
    owners, as_owner = _owners(directory), has_rights_of_owner(directory)
    with suppress(KeyError):
        entry = pwd.getpwnam(login)
        return Person(login, _groups(login, entry.pw_gid), entry.pw_uid in owners, as_owner)
    return Person(login, (), as_owner and "SUDO_USER" not in os.environ, as_owner)


def role_of(operators: Operators, who: Person) -> Role | None:
    """The highest role that the person has. Where nobody is named, whoever has come so far decides."""
    names = {who.login, *(f"@{group}" for group in who.groups)}
    given = {
        Role.ADMIN: operators.admin,
        Role.OPERATOR: operators.operator,
        Role.VIEWER: operators.viewer,
    }
    if not any(given.values()):
        return Role.ADMIN if who.as_owner else Role.OPERATOR
    if who.owner:
        return Role.ADMIN
    return next((role for role, members in given.items() if names.intersection(members)), None)


def demand(needed: Role, has: Role | None, command: str) -> None:
    """Raises `NotAllowed` with words for the person."""
    if has is not None and has.covers(needed):
        return
    yours = f"yours is {has}" if has else "you have none"
    what = f"`detector {command}`" if command else "this"
    msg = f"{what} needs the role {needed}, and {yours}: section [operators] of the configuration gives roles"
    raise NotAllowed(msg)


def unknown(operators: Operators) -> list[str]:
    """Those who are named and are no login and no group of this host: nobody has a role by them."""
    named = dict.fromkeys((*operators.admin, *operators.operator, *operators.viewer))
    return [member for member in named if not _exists(member)]


def _exists(member: str) -> bool:
    try:
        if member.startswith("@"):
            grp.getgrnam(member[1:])
        else:
            pwd.getpwnam(member)
    except KeyError:
        return False
    return True


def _owners(directory: Path) -> set[int]:
    owners = {0}
    with suppress(OSError):
        owners.add(directory.stat().st_uid)
    return owners


def _groups(login: str, first: int) -> list[str]:
    names = []
    for number in os.getgrouplist(login, first):
        with suppress(KeyError):
            names.append(grp.getgrgid(number).gr_name)
    return names
