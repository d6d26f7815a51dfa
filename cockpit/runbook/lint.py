"""Every rule that looks at more than one value, in the order in which they are asked."""

from __future__ import annotations

from cockpit.runbook import (
    lint_actions,
    lint_back,
    lint_dangers,
    lint_dns,
    lint_names,
    lint_order,
    lint_profile,
    lint_sent,
    lint_shell,
    lint_steps,
    lint_text,
    lint_undo,
)
from cockpit.runbook.draft import Draft
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import Rule, spoken

RULES: tuple[Rule, ...] = (
    *lint_names.RULES,
    *lint_steps.RULES,
    *lint_profile.RULES,
    *lint_sent.RULES,
    *lint_dns.RULES,
    *lint_text.RULES,
    *lint_order.RULES,
    *lint_actions.RULES,
    *lint_shell.RULES,
    *lint_back.RULES,
    *lint_undo.RULES,
    *lint_dangers.RULES,
)


def lint(draft: Draft) -> list[Problem]:
    """Every problem that the rules find in what could be read."""
    return [problem for rule in RULES for problem in spoken(rule(draft))]
