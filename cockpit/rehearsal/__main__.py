"""`python -m cockpit.rehearsal FOLDER`: the lab process of a rehearsal."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from cockpit.errors import CockpitError
from cockpit.rehearsal.lab import run_lab


def main() -> int:
    """Run the lab of the folder that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m cockpit.rehearsal FOLDER\n")
        return 64
    try:
        run_lab(Path(sys.argv[1]).absolute())
    except CockpitError as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - the sentence is enough
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
