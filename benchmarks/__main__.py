"""`python -m benchmarks [NAME] [--size default|full] [--json]`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

NAMES = ("journal", "tiles", "dns", "reconcile", "export", "decision", "terminal", "start")


def present() -> list[str]:
    """The benchmarks that there are."""
    return [name for name in NAMES if (Path(__file__).parent / f"{name}.py").exists()]


def main() -> int:
    """Run one, or list them; 1 where a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", nargs="?", choices=present())
    parser.add_argument("--size", choices=("default", "full"), default="default")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.name is None:
        for name in present():
            about = importlib.import_module(f"benchmarks.{name}").ABOUT
            sys.stdout.write(f"{name:12} {about}\n")
        return 0
    module = importlib.import_module(f"benchmarks.{asked.name}")
    rows: list[dict[str, Any]] = module.run(asked.size)
    machine = {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **(module.versions() if hasattr(module, "versions") else {}),
    }
    told = {"benchmark": asked.name, "size": asked.size, "machine": machine, "rows": rows}
    sys.stdout.write(json.dumps(told, indent=1) + "\n" if asked.json else _text(told))
    return 0 if all(row["met"] for row in rows) else 1


def _text(told: dict[str, Any]) -> str:
    lines = [f"{told['benchmark']} ({told['size']}), {told['machine']}"]
    for row in told["rows"]:
        others = {**row["rivals"], **({} if row["floor"] is None else {"floor": row["floor"]})}
        beside = "".join(f", {name} {value:.4g}" for name, value in others.items())
        ratios = "".join(f", {name} {value:.3g}" for name, value in row["ratios"].items())
        goal = f"  goal {row['goal']}: {'met' if row['met'] else 'NOT MET'}" if row["goal"] else ""
        lines.append(f"{row['what']}: {row['cockpit']:.4g} {row['unit']}{beside}{ratios}{goal}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
