"""Builds what changes passwords and revokes app passwords, and the directories in SQL and LDAP."""

from collections.abc import Callable
from typing import Any

from detector.config import (
    ActiveDirectoryPassword,
    CommandAction,
    CsvDirectory,
    Database,
    HttpAction,
    LdapDirectory,
    LdapPassword,
    PasswdFileProvider,
    Section,
    SqlAppPasswords,
    SqlDirectory,
    SqlPassword,
)
from detector.ports import AppPasswordRevoker, Clock, CustomerDirectory, PasswordProvider, Secret
from detector.response.command import Command, CommandPassword
from detector.response.customer_tables import LdapCustomers, SqlCustomers
from detector.response.directory import CommandDirectory, CsvFile, HttpDirectory
from detector.response.http import Endpoint, HttpPassword
from detector.response.ldap_password import ActiveDirectoryPasswords, LdapPasswords
from detector.response.passwd_file import PasswdFile
from detector.response.secret import read_secret
from detector.response.sql_password import SqlAppPasswordRevoker, SqlPasswords

PASSWORDS: dict[type[Section], Callable[[Any, Clock], PasswordProvider]] = {
    PasswdFileProvider: lambda settings, _: PasswdFile(settings),
    CommandAction: lambda settings, clock: CommandPassword(Command(settings), clock),
    HttpAction: lambda settings, clock: HttpPassword(_endpoint(settings, clock), clock),
    SqlPassword: lambda settings, _: SqlPasswords(settings, _secret(settings)),
    LdapPassword: lambda settings, _: LdapPasswords(settings, read_secret(settings.password)),
    ActiveDirectoryPassword: lambda settings, _: ActiveDirectoryPasswords(settings, read_secret(settings.password)),
}
APP_PASSWORDS: dict[type[Section], Callable[[Any, Clock], AppPasswordRevoker]] = {
    SqlAppPasswords: lambda settings, _: SqlAppPasswordRevoker(settings, _secret(settings)),
}
DIRECTORIES: dict[type[Section], Callable[[Any, Clock], CustomerDirectory]] = {
    CsvDirectory: lambda settings, _: CsvFile(settings),
    CommandAction: lambda settings, clock: CommandDirectory(Command(settings), clock),
    HttpAction: lambda settings, clock: HttpDirectory(_endpoint(settings, clock), clock),
    SqlDirectory: lambda settings, _: SqlCustomers(settings, _secret(settings)),
    LdapDirectory: lambda settings, _: LdapCustomers(settings, read_secret(settings.password)),
}
"""What is built for each kind of section. All of them raise `ConfigError` for secrets that cannot be read."""


def _endpoint(settings: HttpAction, clock: Clock) -> Endpoint:
    return Endpoint(settings, read_secret(settings.secret), clock)


def _secret(settings: Database) -> Secret | None:
    return None if settings.password is None else read_secret(settings.password)
