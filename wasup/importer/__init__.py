"""Taking over from the present back end: its database is read, never written, and copied into wasup's schema.

The back end's words differ: there a row of `chats` is one message, and a contact is the conversation.
`run_import` does it all; `docs/import.md` tells operators what becomes of what.
"""

from wasup.importer.report import ImportReport, Tally
from wasup.importer.run import check_import, run_import
from wasup.importer.source import ImportRefused
from wasup.importer.steps import Progress

__all__ = ["ImportRefused", "ImportReport", "Progress", "Tally", "check_import", "run_import"]
