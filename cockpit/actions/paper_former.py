"""What records were before a change by hand: in a file, which whoever puts them back reads."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from cockpit.actions.paper import by_hand_folder

# The last line of a name holds: a change that is pasted again finds its own aim and adds none.
_KEEP = """keep() {
  if test "$2 $3" != "$4 $5" || ! grep -qs "^${1//./[.]} " "$former"; then
    echo "$1 $2 $3" >> "$former"
  fi
  echo "before: $1 had TTL $2 and $3"
}"""
_TTL_OF = """ttl_of() {
  awk -v name="$1" '$1 == name && $2 ~ /^[0-9]+$/ { ttl = $2 } END { print ttl; exit !ttl }' \\
    "$former" 2> /dev/null ||
    { echo "$former lacks a line \\"$1 TTL VALUE\\": write the former TTL there" >&2; return 1; }
}"""


def kept(step_id: str) -> tuple[str, ...]:
    """How a block begins that keeps what it finds."""
    return (*_file(step_id), *_KEEP.splitlines())


def keep(name: str, found: tuple[str, str], aim: tuple[str, str]) -> str:
    """Keeps a name's TTL and value, as a shell knows them, where the aim differs."""
    return " ".join(("keep", name, *(f'"{word}"' for word in (*found, *aim))))


def read(step_id: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """How a block begins that puts TTLs back, each in a variable; it stops where one is lacking."""
    return (
        *_file(step_id),
        *_TTL_OF.splitlines(),
        *(f"{variable}=$(ttl_of {name})" for variable, name in names.items()),
    )


def _file(step_id: str) -> tuple[str, ...]:
    folder = by_hand_folder(step_id)
    return (f"mkdir -p {shlex.quote(str(folder))}", f"former={shlex.quote(str(folder / 'former'))}")
