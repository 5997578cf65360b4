"""What an error means for the one who gets it: wait and retry, stop the process, or blame the data.

One table decides for every service. Only what can pass by itself is retried. What the whole
deployment lacks (a grant, a column, a trusted certificate) stops the process, since every record
would fail in the same way and dead-lettering them would empty the topic. All else is a bug of the
program or a fault of the one record, and ends with that record.
"""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum

import asyncpg
from asyncpg import exceptions

Kinds = tuple[type[BaseException], ...]


class ConnectionLost(ConnectionError):
    """A connection to the database broke while it was in use, or could not be made."""


class Fault(StrEnum):
    """What to do about an error."""

    PASSING = "passing"
    """Wait and retry: the same call can succeed later without anybody changing anything."""

    DEPLOYMENT = "deployment"
    """Stop and say so: nothing will work until somebody mends the installation."""

    BUG = "bug"
    """Give up what caused it: a record is dead-lettered, a worker without records stops."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Errors of `kinds` are a `fault` because of `reason`; for an operator, what to do."""

    kinds: Kinds
    fault: Fault
    reason: str


# The first rule that fits decides, so that an exception to a class of errors stands before it.
RULES: tuple[Rule, ...] = (
    # -- what asyncpg and the operating system say -------------------------------------------
    Rule(
        (ssl.SSLCertVerificationError,),
        Fault.DEPLOYMENT,
        "the server's certificate is not trusted: mend it, or sslrootcert in the DSN",
    ),
    Rule(
        (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError),
        Fault.PASSING,
        "the server is away, slow or not yet in the DNS",
    ),
    Rule(
        (exceptions.ClientConfigurationError,),
        Fault.DEPLOYMENT,
        "the DSN is wrong: correct the setting",
    ),
    Rule(
        (exceptions.UnsupportedServerFeatureError, exceptions.UnsupportedClientFeatureError),
        Fault.DEPLOYMENT,
        "asyncpg and this server do not fit each other: use a supported PostgreSQL",
    ),
    Rule(
        (exceptions.TargetServerAttributeNotMatched,),
        Fault.PASSING,
        "no host of the DSN is the primary at the moment: a fail-over is under way",
    ),
    Rule(
        (exceptions.OutdatedSchemaCacheError, exceptions.InvalidCachedStatementError),
        Fault.PASSING,
        "the schema was changed under a prepared statement, which asyncpg prepares again",
    ),
    # -- what PostgreSQL says, by SQLSTATE ----------------------------------------------------
    Rule(
        (asyncpg.PostgresConnectionError,),  # class 08
        Fault.PASSING,
        "the connection broke; PgBouncer reports its own outages as 08P01",
    ),
    Rule(
        (asyncpg.ReadOnlySQLTransactionError,),  # 25006
        Fault.PASSING,
        "the server is read-only: a standby before its promotion, or a disk that is nearly full",
    ),
    Rule(
        # 25P03, 25P04
        (asyncpg.IdleInTransactionSessionTimeoutError, exceptions.TransactionTimeoutError),
        Fault.PASSING,
        "the process was frozen in a transaction, which the server has ended",
    ),
    Rule(
        (asyncpg.InvalidSQLStatementNameError,),  # 26000
        Fault.DEPLOYMENT,
        "prepared statements are lost between calls: a PgBouncer that pools transactions needs"
        " max_prepared_statements",
    ),
    Rule(
        (asyncpg.InvalidAuthorizationSpecificationError,),  # class 28
        Fault.DEPLOYMENT,
        "the server does not let this role in: correct the password in the DSN or pg_hba.conf",
    ),
    Rule(
        (asyncpg.InvalidCatalogNameError, asyncpg.InvalidSchemaNameError),  # 3D000, 3F000
        Fault.DEPLOYMENT,
        "the database or schema does not exist: create it and run `pledge migrate`",
    ),
    Rule(
        (asyncpg.TransactionRollbackError,),  # class 40
        Fault.PASSING,
        "a deadlock or serialization failure: the other transaction went first",
    ),
    Rule(
        (asyncpg.UndefinedParameterError,),  # 42P02
        Fault.BUG,
        "a call passes no arguments to a statement that takes some",
    ),
    Rule(
        (asyncpg.InsufficientPrivilegeError,),  # 42501
        Fault.DEPLOYMENT,
        "a grant is missing, for every record: run `pledge migrate` or grant it to the role",
    ),
    Rule(
        (asyncpg.SyntaxOrAccessError,),  # class 42
        Fault.DEPLOYMENT,
        "the program's SQL and the database's schema do not fit each other, for every record:"
        " run `pledge migrate`, or start the version of Pledge that made this schema",
    ),
    Rule(
        (asyncpg.InsufficientResourcesError,),  # class 53
        Fault.PASSING,
        "too many connections, or the disk or memory of the server is full",
    ),
    Rule(
        (asyncpg.LockNotAvailableError,),  # 55P03
        Fault.PASSING,
        "another transaction holds the lock for longer than lock_timeout",
    ),
    Rule(
        (asyncpg.OperatorInterventionError,),  # class 57
        Fault.PASSING,
        "the server stops, starts, crashed, or ended the session or a slow statement",
    ),
    Rule(
        (asyncpg.PostgresSystemError,),  # class 58
        Fault.PASSING,
        "the server can't read or write its files; a fail-over leaves such a server",
    ),
    Rule(
        (exceptions.DataCorruptedError, exceptions.IndexCorruptedError),  # XX001, XX002
        Fault.DEPLOYMENT,
        "the database's files are damaged: restore them or REINDEX",
    ),
    # All else is a bug: asyncpg's InterfaceError (arguments that do not fit the statement, a value
    # that does not fit its type, a connection used after its release), its InternalClientError,
    # what a constraint or a value refuses (classes 22, 23), a file that is missing, a TypeError.
    # A connection that broke raises InterfaceErrors too; `postgres.pool` makes them ConnectionLost.
)

# Of the plain OSErrors: a network that is away, and resources that are used up for now. Others,
# such as a file that does not exist or may not be read, do not pass.
_PASSING_ERRNOS = frozenset(
    {
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.ENOSPC,
    }
)


def rule_for(error: BaseException) -> Rule | None:
    """The rule of the table that decides on `error`; None where no rule names it."""
    return next((rule for rule in RULES if isinstance(error, rule.kinds)), None)


def fault_of(error: BaseException) -> Fault:
    """What kind of fault `error` is."""
    rule = rule_for(error)
    if rule is not None:
        return rule.fault
    if isinstance(error, OSError) and error.errno in _PASSING_ERRNOS:
        return Fault.PASSING
    return Fault.BUG


def is_retriable(error: BaseException) -> bool:
    """Whether the same call may succeed later by itself."""
    return fault_of(error) is Fault.PASSING


def is_bug(error: BaseException) -> bool:
    """Whether `error` may be the fault of one record or ticket, which others do not share.

    Only then may it be set aside: neither waiting nor mending the deployment would help it.
    """
    return fault_of(error) is Fault.BUG
