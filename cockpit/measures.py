"""Numbers and names as the journal may hold them: bounds that whatever reads them relies on.

A number beyond them is none that this program ever writes; it would end in a date or a sum that no
function of time can tell. Whoever decodes such a field refuses it there, once for all readers.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

LAST: Final = 221_845_392_000.0
"""The year 9000 in seconds since the Unix epoch: what is planned after it is a date as well."""
LONGEST: Final = 3_155_760_000.0
"""A hundred years in seconds."""

Moment = Annotated[float, msgspec.Meta(ge=0, le=LAST)]
"""A reading of the run clock, seconds since the Unix epoch."""
Lasting = Annotated[float, msgspec.Meta(ge=0, le=LONGEST)]
"""Seconds that something took, or holds."""
Speed = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
"""Run seconds in one real second."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""How many, a number in a row, a process id, nanoseconds since a boot."""
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that may be negative: an exit status, a seed."""
FileName = Annotated[str, msgspec.Meta(pattern=r"\A(?!\.\.?\Z)[!-.0-~]{0,200}\Z")]
"""A name that becomes a file's: it leads into no other folder."""


def word_of(words: tuple[str, ...]) -> msgspec.Meta:
    """That a text is one of these words."""
    return msgspec.Meta(pattern=rf"\A(?:{'|'.join(words)})\Z")
