"""Where a stream is: what its cursors say.

A stream of named accounts knows the last sequence of each, and resumes exactly there. A stream of a whole workspace
has too many accounts for that. It remembers a time before which everything has been told, resumes there, and so
repeats what was told in the last seconds. Both survive a restart of wasup. The numbers of the tree's happenings do
not, so the process that they belong to is remembered with them.
"""

import base64
import binascii
from typing import Annotated

import msgspec

from wasup.actors.followers import SUPERVISION, Told
from wasup.http.cursors import MAX_ID
from wasup.http.problems import Problem, invalid_field

__all__ = ["Position", "read_position"]

Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]


class Position(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What was told already.

    Attributes:
        boot: of which life of wasup `number` is.
        number: of the tree's last happening.
        settled: every event that was stamped before this time (UTC ms); of streams of whole workspaces.
        sequences: the last event of each account; of streams of named accounts, else empty.
    """

    boot: Number
    number: Number
    settled: Number = 0
    sequences: dict[Number, Number] = {}

    def advance(self, told: Told) -> None:
        """This was told, and everything that was to be told before it."""
        if told.kind == SUPERVISION:
            self.number = told.number
        elif self.sequences:
            self.sequences[told.account_id] = told.number
        else:
            self.settled = max(self.settled, told.settled)

    def cursor(self) -> str:
        """The position as a text that means nothing to anybody else."""
        return base64.urlsafe_b64encode(_encode(self)).rstrip(b"=").decode()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Position).decode


def read_position(cursor: str) -> Position:
    """The position that a cursor stands for.

    Raises:
        Problem: 422, when it is none of ours.
    """
    try:
        return _decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise foreign_cursor() from None


def foreign_cursor() -> Problem:
    """What a cursor is answered with that this stream cannot go on from."""
    return invalid_field("is not a cursor that such a stream gave", parameter="cursor")
