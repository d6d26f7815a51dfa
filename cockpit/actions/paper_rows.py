"""Rows by hand: out of one database into files, and from files into another."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from cockpit.actions.paper import Sheet, named
from cockpit.database.named import database

_FUNCTIONS = r"""
# Asked of a database: a table's columns, its key, and how its other columns are overwritten.
columns_of() { "$1" --tuples-only --no-align --set=table="$2" <<'END'
select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
 where attrelid = :'table'::regclass and attnum > 0 and not attisdropped and attgenerated = '';
END
}
key_of() { "$1" --tuples-only --no-align --set=table="$2" <<'END'
select string_agg(quote_ident(a.attname), ', ') from pg_index i
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
 where i.indrelid = :'table'::regclass and i.indisprimary;
END
}
change_of() { "$1" --tuples-only --no-align --set=table="$2" <<'END'
select coalesce('update set ' || string_agg(format('%1$I = excluded.%1$I', a.attname), ', '),
                'nothing') from pg_attribute a
 where a.attrelid = :'table'::regclass and a.attnum > 0 and not a.attisdropped
   and a.attgenerated = '' and not exists (select from pg_index i
   where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any(i.indkey));
END
}
"""
_OUT = r"""
umask 077
mkdir -p "$folder"
echo 'begin isolation level repeatable read read only;' > "$folder/out.sql"
for name in @tables@; do
  @full@
  columns=$(columns_of @source@ "$table")
  cat >> "$folder/out.sql" <<END
\copy (select $columns from $table t@where@) to program 'gzip > "$folder/$name.copy.gz"'
END
done
@source@ --file="$folder/out.sql"
for name in @tables@; do
  file="$folder/$name.copy.gz"
  echo "$name: $(gunzip -c "$file" | wc -l) rows, SHA-256 $(sha256sum < "$file")"
done
"""
_IN = r"""
work=$(mktemp -d)
: > "$work/in.sql"; : > "$work/deletions.sql"; : > "$work/merge.sql"
for name in @tables@; do
  @from@
  @full@
  columns=$(columns_of @source@ "$from")
  key=$(key_of @target@ "$table")
  change=$(change_of @source@ "$from")
  cat >> "$work/in.sql" <<END
create temp table "rows of $name" as select * from $table with no data;
\copy "rows of $name" ($columns) from program 'gunzip -c "$folder/$name.copy.gz"'
END
  cat >> "$work/merge.sql" <<END
insert into $table ($columns) overriding system value
  select $columns from "rows of $name" on conflict ($key) do $change;
END
done
"""
_DELETIONS = r"""
# What the target alone has goes first, the last table before those it refers to.
for name in @backwards@; do
  @full@
  key=$(key_of @target@ "$table")
  cat >> "$work/deletions.sql" <<END
delete from $table where ($key) not in (select $key from "rows of $name");
END
done
"""
_WRITE = r"""
@target@ --single-transaction --command 'set transaction read write' \
  --command "set local cockpit.copying = 'on'" \
  --file="$work/in.sql" --file="$work/deletions.sql" --file="$work/merge.sql"
"""
FUNCTIONS = tuple(_FUNCTIONS.strip().splitlines())


def tables(names: Sequence[str]) -> str:
    """Table names as words of a loop."""
    return " ".join(map(shlex.quote, names))


def in_schema(sheet: Sheet, target_id: str, variable: str = "table") -> str:
    """Finds a table's full name: a runbook leaves the target's schema out."""
    schema = database(sheet.runbook, target_id).schema
    return f'case "$name" in *.*) {variable}="$name";; *) {variable}="{schema}.$name";; esac'


def out(sheet: Sheet, source: str, names: Sequence[str], where: str = "") -> tuple[str, ...]:
    """Every table into `$folder`, on one snapshot; `where` ends each query."""
    words = {"tables": tables(names), "full": in_schema(sheet, source), "where": where}
    return _filled(_OUT, **words, source=named(source))


def into(
    sheet: Sheet, source: str, target: str, names: Sequence[str], *, deleting: bool = False
) -> tuple[str, ...]:
    """Tables from `$folder` into a database, in one transaction that passes its guard."""
    return _filled(
        _IN + (_DELETIONS if deleting else "") + _WRITE,
        tables=tables(names),
        backwards=tables(names[::-1]),
        full=in_schema(sheet, target),
        source=named(source),
        target=named(target),
        **{"from": in_schema(sheet, source, "from")},
    )


def _filled(text: str, **words: str) -> tuple[str, ...]:
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return tuple(line for line in text.splitlines() if line)
