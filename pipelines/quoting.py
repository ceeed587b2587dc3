"""Text for SQL where DuckDB takes no parameters."""


def quoted(text: object) -> str:
    """Text inside single quotes: for attach, copy, comment and readers of files."""
    return str(text).replace("'", "''")
