from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.runbook_cases import Case, Change, said

ACTION = "        action: {kind: shell, argv: [give-up, --now]}"


@pytest.mark.parametrize(
    "argv",
    [
        """[sh, -c, 'echo "$1"', sh, "${port}"]""",
        """[sh, give_up.sh, -c, "${port}"]""",
        """[bash, -o, pipefail, give_up.sh, "${port}"]""",
        """[rclone, -c, "${port}"]""",
        """[sh, -c, "echo $${HOME} $HOME"]""",
        """[flock, "/run/lock-${port}", sh, -c, "echo once"]""",
    ],
)
def test_a_variable_that_no_shell_reads_as_commands_is_no_mistake(
    argv: str, tmp_path: Path
) -> None:
    new = f"        action: {{kind: shell, argv: {argv}}}"
    case = Case("sound", None, [Change("runbook.yaml", [ACTION], [new])])
    assert said(case, tmp_path) == []
