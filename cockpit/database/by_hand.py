"""The freeze, its undoing and its proof as SQL for psql: the same guard, record and layers.

What is frozen by hand is opened by the cockpit, and the other way round: the former rights lie in
the guard's comment, in the form that `guard.Former` is read from.
"""

from __future__ import annotations

from typing import Final, LiteralString

from psycopg import sql

from cockpit.database.connect import COPYING
from cockpit.database.freeze import ACTING, END, SETTING
from cockpit.database.grants import GRANTS, ROLES
from cockpit.database.guard import BODY, FUNCTION, GUARDED, NAME, ON_TABLE, RECORD
from cockpit.database.sequences import OWNED
from cockpit.database.tables import ALL
from cockpit.runbook.targets import PostgresTarget

_BEGIN: Final = """
set session characteristics as transaction read write;
set lock_timeout = '5s';
"""
_FREEZE: Final = """
do $paper$
declare former jsonb; taken jsonb; one jsonb;
begin
  former := ({record})::jsonb;
  select coalesce(jsonb_agg(jsonb_build_array(kind, name, col, role, what, passed)), '[]')
    into taken from ({grants}) g(kind, name, col, role, what, passed);
  if former is null then
    former := jsonb_build_object('setting', coalesce(({setting}), ''), 'grants', taken);
  else
    former := jsonb_set(former, '{{grants}}', (former->'grants') || coalesce((
      select jsonb_agg(t) from jsonb_array_elements(taken) t
       where not (former->'grants') @> jsonb_build_array(t)), '[]'));
  end if;
  {function};
  execute format('comment on function {name}() is %L', former::text);
  execute format('alter database %I set default_transaction_read_only = on', current_database());
  for one in select * from jsonb_array_elements(taken) loop
    begin
      execute format('revoke %s on %s from %s', {right}, {thing}, {role});
    exception when dependent_objects_still_exist then
      raise notice '% was passed on by another role and stays; the guard refuses its use', one;
    end;
  end loop;
end $paper$;
select format({on_table}, n, n) from unnest(array({tables})) n where n <> all(array({guarded}))
\\gexec
select 'sessions ended: ' || count(*) from (select pg_terminate_backend(pid) from pg_stat_activity
 where datname = current_database() and usename = any(array({acting}))
   and pid <> pg_backend_pid()) e;
"""
_OPEN: Final = """
begin read write;
do $paper$
declare former jsonb; one jsonb;
begin
  former := ({record})::jsonb;
  if former is null then
    raise notice 'it was not frozen';
    return;
  end if;
  for one in select * from jsonb_array_elements(former->'grants') loop
    execute format('grant %s on %s to %s%s', {right}, {thing}, {role},
      case when (one->>5)::boolean then ' with grant option' else '' end);
  end loop;
  drop function if exists {name}() cascade;
  execute format('alter database %I %s', current_database(),
    case when former->>'setting' = '' then 'reset default_transaction_read_only'
         else format('set default_transaction_read_only = %L', former->>'setting') end);
end $paper$;
commit;
{end};
"""
_REFUSES: Final = """
set session characteristics as transaction read write;
do $paper$
declare t regclass; change text;
begin
  for t in select format('%I.%I', {schema}, n)::regclass from unnest(array({tables})) n loop
    foreach change in array array['insert into %s default values', 'delete from %s where false']
    loop
      begin
        execute format(change, t);
        raise exception 'NOT CLOSED: % may write to %', current_user, t;
      exception
        when read_only_sql_transaction or insufficient_privilege then null;
        when integrity_constraint_violation then
          raise exception 'NOT CLOSED: % may write to %', current_user, t;
      end;
    end loop;
  end loop;
end $paper$;
"""
_REACHED: Final = """
select format('select %L, greatest(%s, (select case when is_called then last_value else 0 end'
  ' from %I.%I))', what, highest, owner, name) from ({positions}) p
\\gexec
"""
_AHEAD: Final = """
begin read write;
create temp table there (what text, reached bigint) on commit drop;
\\copy there from pstdin with (delimiter '|')
select format('select %L, setval(%L, greatest((select case when is_called then last_value else 0'
  ' end from %I.%I), greatest(%s, %s) + {margin}))',
  what, format('%I.%I', owner, name), owner, name, reached, highest)
  from ({positions}) p join there using (what)
\\gexec
commit;
"""
_POSITIONS: Final = """
select coalesce(tab || '.' || col, name) as what, owner, name, case when tab is null then '0'
  else format('(select coalesce(max(%I), 0) from %I.%I)', col, owner, tab) end as highest
  from ({owned}) o(owner, name, tab, col)
"""


def frozen(target: PostgresTarget) -> str:
    """Refuse every write of the application's roles; again on a frozen database changes nothing."""
    schema, roles = target.schema, list(target.roles)
    held = f"(array({filled(ROLES, roles)}))::oid[]"
    name = text(sql.Identifier(schema, NAME))
    body = text(sql.SQL(BODY).format(owner=literal(target.user), copying=literal(COPYING)))
    function = text(sql.SQL(FUNCTION).format(name=sql.SQL(name), body=literal(body)))
    grants = GRANTS.replace("%(schema)s", text(literal(schema))).replace("%(roles)s", held)
    guard = sql.SQL(ON_TABLE).format(
        guard=sql.Identifier(NAME),
        function=sql.Identifier(schema, NAME),
        table=sql.SQL(f"{text(sql.Identifier(schema))}.%I"),
    )
    return _BEGIN.strip("\n") + _FREEZE.format(
        record=filled(RECORD, NAME, schema),
        grants=grants.strip(),
        setting=filled(SETTING, target.database),
        function=function.strip(),
        name=name,
        on_table=text(literal(text(guard))),
        tables=filled(ALL, schema),
        guarded=filled(GUARDED, NAME, schema),
        acting=filled(ACTING, target.user, roles),
        **_grant(schema),
    )


def reopened(target: PostgresTarget) -> str:
    """Undo a freeze from the record beside the guard, in one transaction."""
    return _BEGIN.strip("\n") + _OPEN.format(
        record=filled(RECORD, NAME, target.schema),
        name=text(sql.Identifier(target.schema, NAME)),
        end=filled(END, list(target.roles)),
        **_grant(target.schema),
    )


def refuses(target: PostgresTarget) -> str:
    """Fails unless whoever runs it is refused by every table; nothing is written."""
    tables = filled(ALL, target.schema)
    return _REFUSES.format(schema=text(literal(target.schema)), tables=tables).strip("\n")


def reached(target: PostgresTarget) -> str:
    """How far each sequence of a database has counted, as `table.column|number`."""
    return _REACHED.format(positions=_positions(target.schema)).strip("\n")


def set_ahead(target: PostgresTarget, margin: int) -> str:
    """Reads those lines, and sets each sequence beyond both sides' numbers; never back."""
    positions = _positions(target.schema)
    return _AHEAD.format(positions=positions, margin=int(margin)).strip("\n")


def filled(query: LiteralString, *values: object) -> str:
    """A query with its values in it, where no driver puts them in."""
    parts = query.strip().split("%s")
    literals = [text(literal(value)) for value in values]
    joined = "".join(part + value for part, value in zip(parts, [*literals, ""], strict=True))
    return joined.replace("%%", "%")


def literal(value: object) -> sql.Literal:
    """A value as SQL writes it; lists as an array's text, whose type the place decides."""
    if isinstance(value, list):
        quoted = (str(one).replace("\\", "\\\\").replace('"', '\\"') for one in value)
        return sql.Literal("{" + ",".join(f'"{one}"' for one in quoted) + "}")
    return sql.Literal(value)


def text(composable: sql.Composable) -> str:
    """As text, without a connection."""
    return composable.as_string(None).strip()


def _positions(schema: str) -> str:
    return _POSITIONS.format(owned=filled(OWNED, schema)).strip()


def _grant(schema: str) -> dict[str, str]:
    """How a recorded right is spoken: the privilege, on what, and whose."""
    column = "case when one->>2 = '' then '' else format('(%I)', one->>2) end"
    return {
        "right": f"lower(one->>4) || {column}",
        "thing": f"format('%s %I.%I', one->>0, {text(literal(schema))}, one->>1)",
        "role": "case when one->>3 = '' then 'public' else quote_ident(one->>3) end",
    }
