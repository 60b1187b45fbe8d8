"""The schema of the progress file, as numbered migrations. A migration that has been released is never edited."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from tutor.progress.derived import TABLES

migrations = Migrations("genai-tutor")


@migrations()  # type: ignore[untyped-decorator]
def m001_log(db: Database) -> None:
    """The log, the drafts beside it, and the tables derived from it."""
    db.table("events").create(
        {
            "id": str,
            "at": str,
            "offset": int,
            "kind": str,
            "item": str,
            "chapter": str,
            "seconds": float,
            "data": str,
        },
        pk="id",
        not_null={"at", "offset", "kind", "item", "chapter", "seconds", "data"},
        strict=True,
    )
    db.table("events").create_index(["at", "id"])
    db.table("drafts").create({"key": str, "text": str, "at": str}, pk="key", strict=True)
    for name, (columns, key) in TABLES.items():
        db.table(name).create(columns, pk=key, strict=True)
