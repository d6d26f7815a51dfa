"""The typed words of a runbook: what a scalar in YAML may mean."""

from typing import Literal, NewType

Duration = NewType("Duration", float)
"""Seconds; in YAML `90s`, `15m`, `48h`, `7d`."""
Offset = NewType("Offset", float)
"""Seconds from T-0, negative before it; in YAML `T-48h`, `T-0`, `T+15m`."""
Share = NewType("Share", float)
"""A share between 0 and 1; in YAML `10%` or `0.1`."""
Size = NewType("Size", int)
"""Bytes; in YAML `5GiB`, `512MiB`, `100`."""
Id = NewType("Id", str)
"""The name of a step, phase, check, probe, signal or watch: `[a-z][a-z0-9_]*`."""
StepId = NewType("StepId", str)
"""The id of a step that exists."""
CheckId = NewType("CheckId", str)
"""The id of a check that exists."""
TargetId = NewType("TargetId", str)
"""The id of a target that exists."""
SecretId = NewType("SecretId", str)
"""The id of a secret that the profile declares."""
SignalId = NewType("SignalId", str)
"""The id of a signal that exists."""
ProbeId = NewType("ProbeId", str)
"""The id of a probe that exists."""
FileName = NewType("FileName", str)
"""A file beside the runbook, by relative path; its bytes enter the procedure's digest."""
Written = NewType("Written", str)
"""Any single value, kept as it is written."""

Environment = Literal["production", "staging", "rehearsal"]
Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
