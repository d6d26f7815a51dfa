"""Steps, checks, probes and signals: what each must say to be understood and to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cockpit.runbook.broken import class_of
from cockpit.runbook.checks import QuietCheck
from cockpit.runbook.draft import Draft
from cockpit.runbook.model import Probe, Signal, Step, TargetDeclaration, Variable, Watch
from cockpit.runbook.problems import Problem
from cockpit.runbook.rules import each
from cockpit.runbook.scalars import duration_text

SHORTEST = 4
"""Characters below which words tell an operator nothing."""
_WORDS = ("title", "why", "success_looks_like", "if_it_fails", "about")
_POSITIVE = (
    *("timeout", "soft_timeout", "silence", "every", "window", "slow_over"),
    *("fresh_for", "ttl", "max_age", "at_most"),
)


@each(lambda draft: draft.records)
def words(draft: Draft, one: Any) -> Iterator[Problem]:
    """Words for the operator that say nothing."""
    for key in _WORDS:
        text = getattr(one, key, None)
        if isinstance(text, str) and len(text.strip()) < SHORTEST:
            what = f"`{key}` of {_name(one)} says nothing"
            yield draft.problem(one, what, "write it for a tired operator", key=key)
    if isinstance(one, Step) and not one.ask.strip():
        what = f"`ask` of {_name(one)} names nobody"
        yield draft.problem(one, what, "write whom to call, and how", key="ask")


@each(lambda draft: draft.checks.values())
def counted(draft: Draft, check: Any) -> Iterator[Problem]:
    """A standstill that is asked of a probe that counts nothing."""
    if not isinstance(check, QuietCheck):
        return
    probe = next((one for one in draft.part("probes") if str(one.id) == check.probe), None)
    if probe is not None and probe.kind != "metric":
        what = (
            f"`{check.id}` asks whether `{check.probe}` stands still, a probe of kind {probe.kind}"
        )
        yield draft.problem(check, what, "name a probe of kind metric", key="probe")


def _name(one: Any) -> str:
    nouns: dict[type, str] = {TargetDeclaration: "a target", Variable: "a variable"}
    cls = class_of(one)
    noun = nouns.get(cls, cls.__name__.removesuffix("Check").lower())
    return f"`{one.id}`" if hasattr(one, "id") else noun


def lasting(draft: Draft) -> Iterator[Problem]:
    """Times that are zero where nothing would happen."""
    for one in draft.records:
        for key in _POSITIVE:
            if getattr(one, key, None) == 0:
                what = f"`{key}` is zero"
                yield draft.problem(one, what, "write a duration above zero", key=key)


@each(lambda draft: draft.every_step)
def killed_early(draft: Draft, step: Step) -> Iterator[Problem]:
    """A timeout that ends a step before its own estimate."""
    if step.timeout < step.estimate:
        what = (
            f"step `{step.id}` is killed after {duration_text(step.timeout)} and is"
            f" expected to take {duration_text(step.estimate)}"
        )
        mend = "write a longer `timeout` or a shorter `estimate`"
        key = "timeout" if draft.has(step, "timeout") else "estimate"
        yield draft.problem(step, what, mend, key=key)


@each(lambda draft: draft.every_step)
def unsaid(draft: Draft, step: Step) -> Iterator[Problem]:
    """A warning that a step takes long or is silent, due only after the step was ended."""
    for key in ("soft_timeout", "silence"):
        chosen: float | None = getattr(step, key, None)
        if chosen is not None and chosen >= step.timeout:
            what = (
                f"`{key}: {duration_text(chosen)}` of `{step.id}` is never said:"
                f" it is ended after {duration_text(step.timeout)}"
            )
            mend = f"write less than its `timeout` in `{key}`"
            yield draft.problem(step, what, mend, key=key)


@each(lambda draft: draft.every_step)
def typed_words(draft: Draft, step: Step) -> Iterator[Problem]:
    """Words to type that cannot be typed, or that nothing asks for."""
    word = step.typed_word
    if word and (len(word) < 3 or not word.isascii() or not word.isprintable() or " " in word):
        what = f"the typed word of `{step.id}` is not one word of three letters or more"
        yield draft.problem(step, what, "write a word such as `switch`", key="typed_word")
    elif word and not step.irreversible:
        what = f"step `{step.id}` asks for a typed word and is not irreversible"
        mend = "add `irreversible: true`, or take the word out"
        yield draft.warning(step, what, mend, key="typed_word")


@each(lambda draft: draft.every_step)
def repeated(draft: Draft, step: Step) -> Iterator[Problem]:
    """A list that names one thing twice."""
    for key in ("needs", "gates", "verify", "undoes"):
        named: tuple[str, ...] | None = getattr(step, key, None)
        for index, name in enumerate(() if named is None else named):
            if named and name in named[:index]:
                what = f"`{key}` of `{step.id}` names `{name}` twice"
                yield draft.problem(step, what, "take one out", key=key, item=index)


BEATS = "/api/status-page/heartbeat/"
"""Where Uptime Kuma tells strangers of its monitors; the status page's name follows."""


@each(lambda draft: draft.part("probes"))
def probes(draft: Draft, probe: Probe) -> Iterator[Problem]:
    """Probes that lack what their kind looks at."""
    yield from _lacks(draft, probe, "metric", "metric", "the name of a counter")
    yield from _lacks(draft, probe, "container", "container", "the name of a Compose service")
    yield from _lacks(draft, probe, "prometheus", "query", "a PromQL query")
    yield from _lacks(draft, probe, "loki", "query", "a LogQL query that counts")
    if probe.kind == "http" and not probe.path.startswith("/"):
        what = f"the path of the probe `{probe.id}` does not begin with `/`"
        yield draft.problem(probe, what, "write `/health`, for one", key="path")

    if probe.kind == "uptime_kuma" and not probe.path.startswith(BEATS):
        what = f"the path of the probe `{probe.id}` names no status page"
        yield draft.problem(probe, what, f"write `{BEATS}NAME`", key="path")
    if probe.kind != "http" and (probe.json or probe.expect):
        what = f"the {probe.kind} probe `{probe.id}` reads no JSON of yours"
        yield draft.problem(probe, what, "take out `json` and `expect`", key="kind")
    known = {str(one.id): one for one in draft.part("probes")}
    other = known.get(str(probe.beside))
    if other is not None and (other.beside or other is probe):
        what = f"the probe `{probe.id}` is beside `{probe.beside}`, which has no tile of its own"
        yield draft.problem(probe, what, "name the probe whose tile it joins", key="beside")


def _lacks(draft: Draft, probe: Probe, kind: str, key: str, example: str) -> Iterator[Problem]:
    if probe.kind == kind and not getattr(probe, key):
        what = f"the {kind} probe `{probe.id}` lacks `{key}`"
        yield draft.problem(probe, what, f"add `{key}:` with {example}")


@each(lambda draft: draft.part("signals"))
def limits(draft: Draft, signal: Signal) -> Iterator[Problem]:
    """Signals that alarm at nothing, or that warn after they alarm."""
    if signal.limit < 0:
        what = f"the limit of the signal `{signal.id}` is negative"
        yield draft.problem(signal, what, "write a number of zero or more", key="limit")
    if signal.warn > signal.limit >= 0:
        what = f"the signal `{signal.id}` warns at {signal.warn:g}, beyond its limit"
        yield draft.problem(signal, what, f"write at most {signal.limit:g}", key="warn")


@each(lambda draft: draft.part("signals"))
def measured(draft: Draft, signal: Signal) -> Iterator[Problem]:
    """Signals that cannot be measured."""
    if signal.kind == "losses":
        for key, example in (("database", "a postgres target"), ("stored", "a query that counts")):
            if not getattr(signal, key, "broken"):
                what = f"the signal `{signal.id}` of kind `losses` lacks `{key}`"
                yield draft.problem(signal, what, f"add `{key}:` with {example}")
    elif signal.kind == "latency" and signal.baseline is None:
        what = f"the signal `{signal.id}` of kind `latency` has nothing to compare with"
        yield draft.problem(signal, what, "add `baseline:` with the old side's target")


@each(lambda draft: draft.part("watches"))
def watches(draft: Draft, watch: Watch) -> Iterator[Problem]:
    """A watch whose answer is old before the next one comes."""
    check = draft.checks.get(watch.check)
    if check and check.fresh_for < watch.every:
        what = (
            f"the watch `{watch.id}` asks every {duration_text(watch.every)}, and the check"
            f" `{check.id}` counts for {duration_text(check.fresh_for)}"
        )
        mend = f"write `fresh_for: {duration_text(watch.every * 2)}` in the check"
        yield draft.warning(watch, what, mend, key="every")


RULES = (
    words,
    counted,
    lasting,
    killed_early,
    unsaid,
    typed_words,
    repeated,
    probes,
    limits,
    measured,
    watches,
)
