from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cockpit.runbook.model import Procedure, Profile
from cockpit.runbook.scalars import core
from cockpit.runbook.schema import schema_of, written

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
BASE = Path(__file__).parent / "bad_runbooks" / "base"
FILES = {"runbook": Procedure, "profile": Profile}
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def is_of(value: Any, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def fits(value: Any, schema: dict[str, Any], top: dict[str, Any]) -> bool:
    if "$ref" in schema:
        return fits(value, top["$defs"][schema["$ref"].rpartition("/")[2]], top)
    if "anyOf" in schema:
        return any(fits(value, one, top) for one in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return any(is_of(value, name) for name in names) and holds(value, schema, top)


def holds(value: Any, schema: dict[str, Any], top: dict[str, Any]) -> bool:
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(
            fits(one, schema.get("items", {}) or schema["prefixItems"][at], top)
            for at, one in enumerate(value)
        )
    return not isinstance(value, dict) or is_object(value, schema, top)


def is_object(value: dict[str, Any], schema: dict[str, Any], top: dict[str, Any]) -> bool:
    known, others = schema.get("properties", {}), schema["additionalProperties"]
    return set(schema.get("required", ())) <= set(value) and all(
        fits(one, known[key], top) if key in known else bool(others) and fits(one, others, top)
        for key, one in value.items()
    )


class CoreLoader(yaml.SafeLoader):
    pass


CoreLoader.yaml_implicit_resolvers = {}


def of_core(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    return node.value if node.style else core(node.value)


CoreLoader.add_constructor("tag:yaml.org,2002:str", of_core)


def read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=CoreLoader)


@pytest.mark.parametrize("name", FILES)
def test_the_schema_beside_the_runbooks_is_the_one_of_this_program(name: str) -> None:
    shipped = (RUNBOOKS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert shipped == written(schema_of(FILES[name])), f"cockpit schema > {name}.schema.json"


@pytest.mark.parametrize("folder", [BASE, RUNBOOKS / "template", RUNBOOKS / "freshtrack"])
def test_an_editor_finds_nothing_wrong_in_a_sound_runbook(folder: Path) -> None:
    procedure, profile = schema_of(Procedure), schema_of(Profile)
    assert fits(read(folder / "runbook.yaml"), procedure, procedure)
    for name in ("production", "staging", "rehearsal"):
        if (folder / f"{name}.yaml").exists():
            assert fits(read(folder / f"{name}.yaml"), profile, profile)


@pytest.mark.parametrize(
    ("key", "value"), [("colour", "red"), ("title", 12), ("phases", []), ("cockpit", 2)]
)
def test_an_editor_marks_what_the_loader_would_refuse(key: str, value: object) -> None:
    schema = schema_of(Procedure)
    assert not fits({**read(BASE / "runbook.yaml"), key: value}, schema, schema)


def test_every_part_and_most_keys_explain_themselves() -> None:
    definitions = json.loads(written(schema_of(Procedure)))["$defs"]
    assert all(one["description"] for one in definitions.values())
    step = definitions["Step"]["properties"]
    assert step["timeout"]["description"].startswith("Real seconds after which")
    assert step["timeout"]["default"] == "10m"
