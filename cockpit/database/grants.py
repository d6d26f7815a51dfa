"""The rights by which application roles write: read, taken away, and given back exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, LiteralString

from psycopg import errors, sql

from cockpit.database.connect import Session
from cockpit.database.guard import Grant
from cockpit.database.tables import fetch
from cockpit.errors import TargetError

_PRIVILEGES: Final[dict[str, LiteralString]] = {
    "INSERT": "insert",
    "UPDATE": "update",
    "DELETE": "delete",
    "TRUNCATE": "truncate",
    "USAGE": "usage",
}
_GRANT: Final = "grant {right} on {kind} {name} to {role} {option}"
_REVOKE: Final = "revoke {right} on {kind} {name} from {role}"
ROLES: Final = """
with recursive held(oid) as (
  select oid from pg_roles where rolname = any(%s)
  union select m.roleid from pg_auth_members m join held on m.member = held.oid)
select oid::bigint from held
"""
GRANTS: Final = """
with relations as (
  select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = %(schema)s and c.relkind in ('r', 'p', 'v', 'f', 'S')),
rights as (
  select c.relkind, c.relname, '' as attname, c.relowner, a.*
    from relations c, aclexplode(c.relacl) a
  union all
  select c.relkind, c.relname, t.attname, c.relowner, a.*
    from relations c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a)
select case when relkind = 'S' then 'sequence' else 'table' end, relname, attname,
       coalesce(r.rolname, ''), privilege_type, is_grantable
  from rights left join pg_roles r on r.oid = grantee
 where (grantee = 0 or grantee = any(%(roles)s)) and grantee <> relowner
   and privilege_type = any(case when relkind = 'S' then array['USAGE', 'UPDATE']
                            else array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] end)
 order by 1, 2, 3, 4, 5
"""


async def writing_grants(
    connection: Session, schema: str, roles: Sequence[str]
) -> tuple[Grant, ...]:
    """By which rights these roles write: their own, their groups', and everyone's."""
    missing = await fetch(
        connection,
        "select r from unnest(%s::text[]) r where to_regrole(quote_ident(r)) is null",
        list(roles),
    )
    if missing:
        raise TargetError(
            f"there is no role {missing[0][0]}", mend="is the target's list of roles right?"
        )
    held = [row[0] for row in await fetch(connection, ROLES, list(roles))]
    rows = await (await connection.execute(GRANTS, {"schema": schema, "roles": held})).fetchall()
    return tuple(Grant(*row) for row in rows)


async def take_away(connection: Session, schema: str, grants: Iterable[Grant]) -> tuple[str, ...]:
    """Revoke; gives back in words what could not be, since another role had passed it on."""
    kept = []
    for grant in grants:
        try:
            async with connection.transaction():
                await connection.execute(_statement(_REVOKE, schema, grant))
        except errors.DependentObjectsStillExist:
            kept.append(f"{grant.privilege} on {grant.name} of {grant.role or 'everyone'}")
    return tuple(kept)


async def give_back(connection: Session, schema: str, grants: Iterable[Grant]) -> None:
    """Grant what was taken away, with the right to pass it on where it had that."""
    for grant in grants:
        await connection.execute(_statement(_GRANT, schema, grant))


def _statement(template: LiteralString, schema: str, grant: Grant) -> sql.Composed:
    if grant.privilege not in _PRIVILEGES:
        raise TargetError(f"the record names a right that is none: {grant.privilege}")
    column = sql.SQL("({})").format(sql.Identifier(grant.column)) if grant.column else sql.SQL("")
    return sql.SQL(template).format(
        right=sql.SQL(_PRIVILEGES[grant.privilege]) + column,
        kind=sql.SQL("sequence" if grant.kind == "sequence" else "table"),
        name=sql.Identifier(schema, grant.name),
        role=sql.Identifier(grant.role) if grant.role else sql.SQL("public"),
        option=sql.SQL("with grant option" if grant.grantable else ""),
    )
