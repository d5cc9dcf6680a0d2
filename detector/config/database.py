"""Addresses of SQL databases."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _database(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    backend = parts.scheme.partition("+")[0]
    if backend not in {"sqlite", "postgresql"}:
        msg = "not a database we know; write sqlite:////path/records.sqlite or postgresql+psycopg://host/database"
        raise ValueError(msg)
    if parts.password is not None:
        msg = "the password must not stand here; PostgreSQL's client reads it from the file that PGPASSFILE names"
        raise ValueError(msg)
    if backend == "sqlite" and not parts.path.startswith("//"):
        msg = f"'{url}' is a relative path; an absolute one has four slashes: sqlite:////path/records.sqlite"
        raise ValueError(msg)
    return url


DatabaseUrl = Annotated[str, AfterValidator(_database)]
"""As SQLAlchemy has it; empty where there is a default."""


def is_shared(url: str) -> bool:
    """Whether processes on several hosts can use the database at the same time.

    >>> is_shared("postgresql+psycopg://db.example.net/detector"), is_shared("sqlite:////var/lib/detector/r.sqlite")
    (True, False)
    """
    return url.startswith("postgresql")
