"""JSON Schema (2020-12) of runbook.yaml and of a profile, made from the model, for editors."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from typing import Any, Literal

from cockpit.runbook.hints import (
    FieldHint,
    alternatives,
    class_help,
    field_help,
    fields_of,
    is_record,
    kinds_of,
)
from cockpit.runbook.model import Procedure, Profile
from cockpit.runbook.scalars import ID, WORDS, duration_text, offset_text
from cockpit.runbook.single import REFERENCES

Schema = dict[str, Any]

_VARIABLE = {"type": "string", "pattern": r"^\$\{[a-z][a-z0-9_]*\}$"}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(cls: type[Procedure | Profile]) -> Schema:
    """The schema of a file whose top is a class of the model."""
    definitions: dict[str, Schema] = {}
    top = _record(cls, definitions)
    title = "runbook.yaml" if cls is Procedure else "a profile of a runbook"
    return {"$schema": _DIALECT, "title": title, **top, "$defs": dict(sorted(definitions.items()))}


def written(schema: Schema) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _record(cls: type, definitions: dict[str, Schema], kind: str = "") -> Schema:
    required = [one.name for one in fields_of(cls) if one.required]
    properties = {one.name: _field(cls, one, definitions, kind) for one in fields_of(cls)}
    schema: Schema = {"description": class_help(cls), "type": "object", "properties": properties}
    return {**schema, "required": required, "additionalProperties": False}


def _field(cls: type, one: FieldHint, definitions: dict[str, Schema], kind: str) -> Schema:
    if one.name == "kind" and kind:
        return {"const": kind}
    schema = _type(one.hint, definitions)
    if one.required and schema.get("type") == "array":
        schema["minItems"] = max(1, schema.get("minItems", 1))
    words = field_help(cls, one.name)
    if words:
        schema = {"description": words, **schema}
    if not one.required and isinstance(one.default, str | int | float | bool):
        schema["default"] = _default(one)
    return schema


def _default(one: FieldHint) -> object:
    """A default as it would be written; typed words are numbers of seconds or bytes."""
    words = [getattr(choice, "__name__", "") for choice in alternatives(one.hint)]
    if {"Duration", "Offset"} & set(words):
        return (offset_text if "Offset" in words else duration_text)(one.default)
    return one.default


def _type(hint: Any, definitions: dict[str, Schema]) -> Schema:
    choices = alternatives(hint)
    if len(choices) > 1:
        return _any_of(choices, definitions)
    if is_record(hint):
        return _reference(hint, definitions)
    origin = typing.get_origin(hint)
    if origin is tuple:
        return _list(typing.get_args(hint), definitions)
    if origin is Mapping:
        items = _type(typing.get_args(hint)[1], definitions)
        return {"type": "object", "additionalProperties": items}
    if origin is Literal:
        return {"enum": list(typing.get_args(hint))}
    return _single(hint)


def _any_of(choices: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    chosen: list[Schema] = []
    for choice in choices:
        if is_record(choice) and len(kinds_of(choice)) > 1:
            chosen += [_reference(choice, definitions, kind) for kind in kinds_of(choice)]
        elif choice is type(None):
            chosen.append({"type": "null"})
        else:
            chosen.append(_type(choice, definitions))
    if all("enum" in one or one == {"type": "null"} for one in chosen):
        return {"enum": [word for one in chosen for word in one.get("enum", [None])]}
    return {"anyOf": chosen}


def _reference(cls: type, definitions: dict[str, Schema], kind: str = "") -> Schema:
    kinds = kinds_of(cls)
    kind = kind or (kinds[0] if len(kinds) == 1 else "")
    name = f"{cls.__name__}.{kind}" if len(kinds) > 1 and kind else cls.__name__
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _record(cls, definitions, kind)
    return {"$ref": f"#/$defs/{name}"}


def _list(types: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    if types[-1] is Ellipsis:
        return {"type": "array", "items": _type(types[0], definitions)}
    items = [_type(one, definitions) for one in types]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _single(hint: Any) -> Schema:
    name = hint.__name__
    if name in WORDS:
        return _word(name)
    if name == "Id" or name in REFERENCES:
        return {"type": "string", "pattern": f"^{ID}$", "maxLength": 60}
    if name == "Written":
        return {"type": ["string", "number", "boolean"]}
    plain = {"int": "integer", "float": "number", "bool": "boolean"}.get(name)
    return {"anyOf": [{"type": plain}, dict(_VARIABLE)]} if plain else {"type": "string"}


def _word(name: str) -> Schema:
    texts: list[Schema] = [{"type": "string", "pattern": f"^(?:{WORDS[name].pattern})$"}]
    texts.append({"type": "string", "pattern": r"\$\{[a-z][a-z0-9_]*\}"})
    if name in ("Share", "Size"):
        texts.append({"type": "number" if name == "Share" else "integer"})
    return {"anyOf": texts}
