from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.propagation.answers import Cell, CellState, Link, Row
from cockpit.propagation.beside import Besides, value_of, watched
from cockpit.propagation.classify import Outcome, Reply, whole
from cockpit.propagation.convergence import bound, learn
from cockpit.runbook.targets import Authority, DnsTarget, WatchedRecord

NAME = "www.example.test."
NOON = 1_800_000_000.0


def reply(*values: str, outcome: Outcome = "answer") -> Reply:
    return Reply(outcome, values, 60, NOON)


def target(*records: WatchedRecord) -> DnsTarget:
    return DnsTarget(
        kind="dns",
        zone="example.test.",
        names=(NAME,),
        old="192.0.2.10",
        new="192.0.2.20",
        provider="manual",
        authorities=(Authority(name="ns1", address="192.0.2.53"),),
        records=records,
    )


def test_a_record_that_must_stay_is_kept_and_anything_else_is_other() -> None:
    stays = frozenset(["2001:db8::1"])
    assert whole(reply("2001:db8::1"), stays, stays) == "kept"
    assert whole(reply("2001:db8::2"), stays, stays) == "other"
    assert whole(reply(), stays, stays) == "no_data"
    assert whole(reply(outcome="no_name"), stays, stays) == "no_name"


def test_an_absence_that_is_declared_is_as_it_must_be_and_an_address_left_behind_is_not() -> None:
    nothing: frozenset[str] = frozenset()
    assert whole(reply(), nothing, nothing) == "kept"
    assert whole(reply(outcome="no_name"), nothing, nothing) == "kept"
    assert whole(reply("2001:db8::1"), nothing, nothing) == "other"


@pytest.mark.parametrize(
    ("name", "beside", "state"),
    [
        (NAME, (), "no_name"),
        ("example.test.", (), "no_name"),
        (
            "txt.example.test.",
            (WatchedRecord(name="txt.example.test.", type="A", old=("x",)),),
            "no_name",
        ),
        ("gone.example.test.", (), "kept"),
        ("gone.example.test.", (WatchedRecord(name="gone.example.test.", type="A"),), "kept"),
    ],
)
def test_a_name_that_stands_on_both_sides_is_never_rightly_denied(
    name: str, beside: tuple[WatchedRecord, ...], state: str
) -> None:
    hints = WatchedRecord(name=name, type="HTTPS", old=("1 . alpn=h2",), new=())
    absent = WatchedRecord(name=name, type="AAAA")
    to_go, stays_away = watched(target(hints, absent, *beside))[:2]
    denied, empty = reply(outcome="no_name"), reply()
    assert stays_away.cell(denied).state == state
    assert to_go.cell(denied).state == ("new" if state == "kept" else "no_name")
    assert (to_go.cell(empty).state, stays_away.cell(empty).state) == ("new", "kept")


def test_a_record_that_changes_is_old_new_or_mixed_as_a_whole() -> None:
    old, new = frozenset("ab"), frozenset("bc")
    assert whole(reply("a", "b"), old, new) == "old"
    assert whole(reply("c", "b"), old, new) == "new"
    assert whole(reply("a", "c"), old, new) == "mixed"
    assert whole(reply("b"), old, new) == "other"
    assert whole(reply("a", "b", "x"), old, new) == "other"


@given(st.sampled_from(["servfail", "error", "refused", "timeout"]), st.booleans())
def test_a_failure_is_never_taken_for_a_declared_absence(outcome: Outcome, changes: bool) -> None:
    new = frozenset("x") if changes else frozenset[str]()
    assert whole(reply(outcome=outcome), frozenset(), new) == outcome


@given(st.frozensets(st.text("ab", min_size=1, max_size=2), max_size=3), st.data())
def test_only_what_was_declared_counts_as_a_side(
    values: frozenset[str], data: st.DataObject
) -> None:
    sets = st.frozensets(st.text("ab", min_size=1, max_size=2), max_size=3)
    old, new = data.draw(sets), data.draw(sets)
    state = whole(reply(*values), old, new)
    assert (state in ("old", "new", "kept")) == (values in (old, new))
    assert state != "kept" or old == new


@pytest.mark.parametrize(
    ("kind", "declared", "given"),
    [
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("CNAME", "Host.example.test", "host.example.test."),
        ("MX", "10 Mail.example.test", "10 mail.example.test."),
        ("CAA", "0 issue letsencrypt.org", '0 issue "letsencrypt.org"'),
        ("TXT", "v=spf1 ip4:192.0.2.10 -all", '"v=spf1 ip4:192.0" ".2.10 -all"'),
        ("HTTPS", "1 . ipv4hint=192.0.2.10 alpn=h2", '1 . alpn="h2" ipv4hint="192.0.2.10"'),
        (
            "SVCB",
            "1 New.test. port=8443 ipv6hint=2001:DB8:0::1",
            '1 new.test. port="8443" ipv6hint="2001:db8::1"',
        ),
    ],
)
def test_values_are_compared_in_one_form_however_they_are_written(
    kind: str, declared: str, given: str
) -> None:
    assert value_of(kind, declared) == value_of(kind, given)


def test_a_value_that_is_none_of_its_type_equals_no_answer() -> None:
    assert value_of("AAAA", "no address") == "no address"


def rows(state: str, ttl: int, at: float) -> Row:
    cell = Cell(state, ttl=ttl, at=at)  # type: ignore[arg-type]
    return Row("ns1", "192.0.2.53", "", "authority", "honest", 1.0, (), beside=(cell,))


def test_each_record_beside_the_names_has_the_bound_of_its_own_ttl() -> None:
    hints = WatchedRecord(name=NAME, type="HTTPS", old=("1 . ipv4hint=192.0.2.10",), new=())
    seen = Besides(target(hints))
    seen.take([rows("old", 1800, NOON)])
    assert seen.told("new")[0].bound is None, "an authority still gives it"
    seen.take([rows("new", 900, NOON + 10)])
    assert seen.told("new")[0].bound == NOON + 10 + 1800
    held = Cell("old", ttl=600, expires_at=NOON + 2500, at=NOON + 1900)
    row = Row("one", "192.0.2.99", "", "resolver", "honest", 1.0, (), beside=(held,))
    assert seen.judged([row], "new", {})[0].beside[0].state == "holds"
    assert seen.judged([row], "new", {"192.0.2.99": 3600.0})[0].beside[0].state == "old"


def test_a_record_keeps_its_bound_whatever_the_bound_of_another_one_is() -> None:
    hints = WatchedRecord(name=NAME, type="HTTPS", old=("1 . ipv4hint=192.0.2.10",), new=())
    turns: tuple[tuple[CellState, float], ...] = (("old", NOON), ("new", NOON + 10))
    both = Besides(
        target(hints, WatchedRecord(name=NAME, type="AAAA", old=("2001:db8::1",), new=()))
    )
    for state, at in turns:
        cells = tuple(Cell(state, ttl=ttl, at=at) for ttl in (60, 3600))
        both.take([Row("ns1", "ns1", "", "authority", "honest", 1.0, (), beside=cells)])
    assert [one.bound for one in both.told("new")] == [NOON + 70, NOON + 3610]


def test_a_record_that_stays_bounds_nothing() -> None:
    (column,) = watched(target(WatchedRecord(name=NAME, type="AAAA")))
    seen = Besides(target(WatchedRecord(name=NAME, type="AAAA")))
    assert column.cell(reply()).state == "kept"
    seen.take([rows("kept", 86400, NOON)])
    assert seen.told("new")[0].bound is None


def chained(state: str, ttl: int, at: float, *links: Link) -> Row:
    cell = Cell(state, ttl=ttl, at=at, links=links)  # type: ignore[arg-type]
    return Row("ns1", "192.0.2.53", "", "authority", "honest", 1.0, (cell,))


def link(target: str, ttl: int, name: str = NAME) -> Link:
    return Link(name, target, ttl)


@pytest.mark.parametrize(
    ("before", "after", "longest"),
    [
        ((link("host.", 3600),), (link("host.", 3600),), 60),
        ((link("old.", 3600),), (link("new.", 3600),), 3600),
        (
            (link("cdn.", 3600), link("old.", 300, "cdn.")),
            (link("cdn.", 3600), link("new.", 300, "cdn.")),
            300,
        ),
        ((link("old.", 30),), (link("new.", 30),), 30),
    ],
    ids=["the end", "the only link", "the second link", "a link shorter than the end"],
)
def test_a_chain_is_bounded_by_the_longest_of_the_sets_that_changed_never_by_the_sum(
    before: tuple[Link, ...], after: tuple[Link, ...], longest: int
) -> None:
    known = learn((), [chained("old", 60, NOON, *before)], [NAME])
    known = learn(known, [chained("new", 60, NOON + 5, *after)], [NAME])
    assert bound(known, "new") == NOON + 5 + longest
