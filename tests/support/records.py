"""What tests do to a database of records behind the program's back."""

from sqlalchemy import create_engine, text

from detector.records.schema import metadata


def tamper(url: str, *statements: str) -> None:
    """Run SQL in one transaction, as who has stolen the rights for it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def everything(url: str) -> str:
    """All that stands in the database, as one text to look for what must not be there."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [
            str(row._mapping)
            for table in metadata.sorted_tables
            for row in connection.execute(text(f"SELECT * FROM {table.name}"))  # noqa: S608 - our own names
        ]
    engine.dispose()
    return "\n".join(rows)
