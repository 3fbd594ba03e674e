"""What an import did with every row, in figures that must add up."""

from enum import StrEnum
from typing import Final

import msgspec

__all__ = ["EXAMPLES", "ImportReport", "Note", "Skip", "Tally"]

EXAMPLES: Final = 10
"""Ids of rows that are listed for each reason."""


class Skip(StrEnum):
    """Why a row was not copied."""

    DELETED = "deleted"  # by a user, in the back end
    WORKSPACE_NOT_IMPORTED = "workspace_not_imported"  # its workspace is deleted or does not exist
    ACCOUNT_NOT_IMPORTED = "account_not_imported"  # its account belongs to such a workspace, or does not exist
    NO_ACCOUNT = "no_account"  # it names no account, and its workspace has not just one of its provider
    OTHER_WORKSPACE = "other_workspace"  # it says another workspace than its account: nobody may see it there
    NO_CHAT = "no_chat"  # neither its contact nor its WhatsApp id tells whose chat it is
    NOT_A_CHAT = "not_a_chat"  # the status feed, a broadcast list, WhatsApp itself
    NO_DIRECTION = "no_direction"  # neither received nor sent
    CHAT_STUB = "chat_stub"  # the chat list's row of the old sync: it stands for a conversation, not for a message
    BAD_NUMBER = "bad_number"  # no phone number, LID or group id can be read from it
    BAD_GROUP_ID = "bad_group_id"


class Note(StrEnum):
    """What is worth knowing of rows that were copied."""

    ACCOUNT_GUESSED = "account_guessed"  # it named none: its contact's, or the workspace's only one of its provider
    PHONE_UNREADABLE = "phone_unreadable"  # the account's own number is no phone number; it comes with the login
    CONTENT_UNREADABLE = "content_unreadable"  # kept raw, as type `unsupported`
    MEDIA_UNKNOWN = "media_unknown"  # a picture or file of which the back end knows no place; kept raw
    OUTCOME_UNKNOWN = "outcome_unknown"  # sent by the back end, and WhatsApp never gave it an id: `failed`
    TIME_FROM_ROW = "time_from_row"  # the time when the row was made, since the message tells none


class Examples(msgspec.Struct):
    """How many rows, and the ids of the first of them."""

    count: int = 0
    ids: list[int] = []

    def add(self, row_id: int) -> None:
        """Count a row."""
        self.count += 1
        if len(self.ids) < EXAMPLES:
            self.ids.append(row_id)


class Tally(msgspec.Struct):
    """What became of the rows of one table of the back end; each row is in one of the first five figures.

    Attributes:
        copied: new in wasup's database.
        updated: was there from an earlier import, and its status has moved on since.
        already_there: was there from an earlier import.
        merged: the same thing as another row that was copied.
        skipped: reason to how many; not in wasup's database.
        notes: what is worth knowing of rows that were copied; not part of the sum.
        source: rows that the table has.
    """

    source: int = 0
    copied: int = 0
    updated: int = 0
    already_there: int = 0
    merged: int = 0
    skipped: dict[str, Examples] = {}
    notes: dict[str, Examples] = {}

    def skip(self, reason: Skip, row_id: int) -> None:
        """Count a row that is not copied."""
        self.skipped.setdefault(reason.value, Examples()).add(row_id)

    def note(self, note: Note, row_id: int) -> None:
        """Remark on a row."""
        self.notes.setdefault(note.value, Examples()).add(row_id)

    @property
    def skipped_rows(self) -> int:
        """Rows skipped for whatever reason."""
        return sum(examples.count for examples in self.skipped.values())

    @property
    def accounted(self) -> int:
        """Rows of which it is known what became of them."""
        return self.copied + self.updated + self.already_there + self.merged + self.skipped_rows


class ImportReport(msgspec.Struct, kw_only=True):
    """The outcome of an import.

    Attributes:
        source: `host:port/database` of the back end.
        point: of the back end's history, 1 to 5.
        variant: `migrations` or `dump`.
        workspace_id: the only workspace that was asked for, if one was.
        dry_run: whether it went into a database that was thrown away.
        resumed: whether it went on where another run had been interrupted.
        seconds: that this run took.
        tables: the back end's table to what became of its rows.
        left_behind: tables that stay with the back end, with their rows; wasup has no use for them.
        mismatches: sums that do not add up; empty unless something is wrong.
        advice: what the operator has to do next.
    """

    source: str
    point: int
    variant: str
    workspace_id: int | None
    dry_run: bool
    resumed: bool = False
    seconds: float = 0.0
    tables: dict[str, Tally]
    left_behind: dict[str, int] = {}
    mismatches: list[str] = []
    advice: list[str] = []

    def check(self) -> None:
        """Compare each table's rows with what became of them, and add what does not fit to `mismatches`."""
        for table, tally in self.tables.items():
            if tally.accounted != tally.source:
                self.mismatches.append(f"{table}: {tally.source} rows, but {tally.accounted} accounted for")
