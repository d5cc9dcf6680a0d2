"""Roles: who has which, what each command needs, and that nobody tries more without a trace."""

import ast
import os
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import detector.cli
from detector.cli import office
from detector.cli.ends import NOT_YOURS
from detector.cli.main import app
from detector.cli.roles import NotAllowed, Person, Role, demand, person, role_of, unknown
from detector.config import Operators
from tests.unit.cli.conftest import ANN, Keyboard

NAMED = Operators(admin=("greta",), operator=("olga", "@abuse"), viewer=("@staff",))


def somebody(login: str = "olga", *groups: str, owner: bool = False, as_owner: bool = False) -> Person:
    return Person(login, groups, owner, as_owner)


def test_a_role_is_given_by_login_or_by_group_and_the_highest_counts() -> None:
    assert role_of(NAMED, somebody("greta")) is Role.ADMIN
    assert role_of(NAMED, somebody("olga", "staff")) is Role.OPERATOR
    assert role_of(NAMED, somebody("vera", "staff", "users")) is Role.VIEWER
    assert role_of(NAMED, somebody("abuse")) is None  # a login is no group


def test_root_and_the_user_of_the_service_are_admin_but_sudo_makes_nobody_more_than_he_is_named() -> None:
    assert role_of(NAMED, somebody("root", owner=True, as_owner=True)) is Role.ADMIN
    assert role_of(NAMED, somebody("olga", as_owner=True)) is Role.OPERATOR
    assert role_of(NAMED, somebody("otto", as_owner=True)) is None


def test_with_nobody_named_whoever_can_open_the_records_decides() -> None:
    assert role_of(Operators(), somebody()) is Role.OPERATOR
    assert role_of(Operators(), somebody(as_owner=True)) is Role.ADMIN


def test_each_role_may_do_what_those_before_it_may() -> None:
    may = {(has, needed) for has in Role for needed in Role if has.covers(needed)}
    assert may == {
        (Role.VIEWER, Role.VIEWER),
        (Role.OPERATOR, Role.VIEWER),
        (Role.OPERATOR, Role.OPERATOR),
        *((Role.ADMIN, needed) for needed in Role),
    }


def test_a_refusal_says_what_is_missing_and_where_it_is_given() -> None:
    demand(Role.OPERATOR, Role.ADMIN, "accounts exempt")
    with pytest.raises(
        NotAllowed, match=r"`detector accounts exempt` needs the role operator, and yours is viewer: .*\["
    ):
        demand(Role.OPERATOR, Role.VIEWER, "accounts exempt")
    with pytest.raises(NotAllowed, match="this needs the role viewer, and you have none"):
        demand(Role.VIEWER, None, "")


def test_who_runs_the_process_is_known_with_its_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    me = person(office.login(tmp_path), tmp_path)
    assert (me.owner, me.as_owner) == (True, True)
    assert me.groups
    nobody = person("nobody", tmp_path)  # as behind sudo: the rights of one, the name of another
    assert (nobody.owner, nobody.as_owner) == (False, True)
    assert person("uid 12345", tmp_path).owner  # a container without names


def test_the_directory_of_the_service_need_not_be_there(tmp_path: Path) -> None:
    assert person("nobody", tmp_path / "missing").as_owner is (os.geteuid() == 0)


def test_who_is_named_and_unknown_on_this_host_is_found() -> None:
    operators = Operators(admin=("root", "@root"), operator=("no-such-login",), viewer=("@no-such-group", "@root"))
    assert unknown(operators) == ["no-such-login", "@no-such-group"]


# -- at the keyboard --


@pytest.fixture
def become(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whoever types has no role by being root: the configuration names the roles."""
    monkeypatch.setenv("SUDO_USER", "nobody")
    return monkeypatch


def give(keyboard: Keyboard, role: str) -> None:
    with keyboard.config.open("a", encoding="utf-8") as file:
        file.write(
            f'[operators]\nadmin = ["greta"]\n{role} = ["nobody"]\n' if role else '[operators]\nadmin = ["greta"]\n'
        )


@pytest.mark.usefixtures("become")
def test_a_viewer_looks_and_decides_nothing_and_the_audit_log_tells_who_tried(keyboard: Keyboard) -> None:
    incident = keyboard.open_incident()
    give(keyboard, "viewer")
    assert keyboard.type("incidents", "show", "3f2a").status == 0
    answer = keyboard.type("incidents", "dismiss", "3f2a", "--note", "surely not ann")
    assert (answer.status, answer.output) == (NOT_YOURS, "")
    assert answer.complaint == (
        "detector: `detector incidents dismiss` needs the role operator, and yours is viewer: "
        "section [operators] of the configuration gives roles\n"
    )
    records = keyboard.records()
    assert records.incident(incident.incident_id).state == "open"
    tried = records.audit_log(1)[0]
    records.close()
    assert (tried.actor, tried.action) == ("olga (by nobody)", "refused")
    assert (tried.subject, tried.detail) == ("incidents dismiss", "needs operator, has viewer")


@pytest.mark.usefixtures("become")
def test_who_is_not_named_sees_nothing(keyboard: Keyboard) -> None:
    give(keyboard, "")
    answer = keyboard.type("accounts", "list")
    assert (answer.status, answer.output) == (NOT_YOURS, "")
    assert "needs the role viewer, and you have none" in answer.complaint


@pytest.mark.usefixtures("become")
def test_an_operator_decides(keyboard: Keyboard) -> None:
    give(keyboard, "operator")
    assert keyboard.type("accounts", "exempt", ANN, "--days", "1", "--reason", "meeting").status == 0


def stated() -> dict[str, set[str]]:
    """The calls of `opened` in each module of the commands, and whether they state a role."""
    found: dict[str, set[str]] = {}
    for file in Path(next(iter(detector.cli.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "opened" and len(node.args) > 1:
                words = [ast.unparse(word) for word in node.args]
                role = next((word for word in words if word.startswith("Role.")), "none")
                found.setdefault(file.stem, set()).add(role)
    found.pop("replay_run", None)  # opens a record of the past, not the office
    found.pop("calibrate_record", None)
    return found


def test_each_command_states_the_role_that_it_needs() -> None:
    assert {"accounts", "audit", "incidents", "privacy", "records"} <= stated().keys()
    assert not {module: roles for module, roles in stated().items() if "none" in roles}


def test_the_help_of_each_group_with_roles_says_which_command_needs_which() -> None:
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    groups = {name: one for name, one in commands.commands.items() if isinstance(one, TyperGroup)}
    silent = [name for name in groups if name in stated() and "Roles" not in (groups[name].help or "")]
    assert not silent
