"""The configuration: one TOML file, every key with its meaning and unit, every error at once.

Times are in seconds, sizes in bytes. `deploy/detector.toml` shows every key with its default. Unknown keys, wrong
types and contradictions are refused together, each with its place. Secrets stand in files or in the environment.
"""

from detector.config.actions import CommandAction, HttpAction
from detector.config.errors import ConfigError
from detector.config.feedback import Feedback, FileLog, JournalLog, Logs, SyslogLog, SyslogTls
from detector.config.hold import Hold
from detector.config.identity import (
    AuthParameterIdentity,
    EnvelopeIdentity,
    HeaderIdentity,
    Identities,
    PolicyServiceIdentity,
    XclientIdentity,
)
from detector.config.ldap import ActiveDirectoryPassword, LdapDirectory, LdapPassword, LdapServer
from detector.config.model import Config, Judging, Log, Metrics, Records, State
from detector.config.operators import Operators
from detector.config.people import (
    AlertmanagerAction,
    AppriseAction,
    AppriseChannel,
    CsvDirectory,
    HookAction,
    HookSettings,
    LetterChannel,
    NoticeSettings,
    SmtpChannel,
)
from detector.config.reading import load, parse, read_text
from detector.config.relay import ClientTls, Limits, NextHop, PolicyService, Relay, ServerTls
from detector.config.response import (
    DovecotSessions,
    PasswdFileProvider,
    Response,
)
from detector.config.sql import Database, SqlAppPasswords, SqlDirectory, SqlPassword
from detector.config.tags import Tags
from detector.config.values import LOOPBACK, Bytes, Count, HostPort, Network, Seconds, SecretSource, Section
from detector.config.workflow import DryRun, Escalation, Retry, StepName

__all__ = [
    "LOOPBACK",
    "ActiveDirectoryPassword",
    "AlertmanagerAction",
    "AppriseAction",
    "AppriseChannel",
    "AuthParameterIdentity",
    "Bytes",
    "ClientTls",
    "CommandAction",
    "Config",
    "ConfigError",
    "Count",
    "CsvDirectory",
    "Database",
    "DovecotSessions",
    "DryRun",
    "EnvelopeIdentity",
    "Escalation",
    "Feedback",
    "FileLog",
    "HeaderIdentity",
    "Hold",
    "HookAction",
    "HookSettings",
    "HostPort",
    "HttpAction",
    "Identities",
    "JournalLog",
    "Judging",
    "LdapDirectory",
    "LdapPassword",
    "LdapServer",
    "LetterChannel",
    "Limits",
    "Log",
    "Logs",
    "Metrics",
    "Network",
    "NextHop",
    "NoticeSettings",
    "Operators",
    "PasswdFileProvider",
    "PolicyService",
    "PolicyServiceIdentity",
    "Records",
    "Relay",
    "Response",
    "Retry",
    "Seconds",
    "SecretSource",
    "Section",
    "ServerTls",
    "SmtpChannel",
    "SqlAppPasswords",
    "SqlDirectory",
    "SqlPassword",
    "State",
    "StepName",
    "SyslogLog",
    "SyslogTls",
    "Tags",
    "XclientIdentity",
    "load",
    "parse",
    "read_text",
]
