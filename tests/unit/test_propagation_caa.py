from __future__ import annotations

import pytest

from cockpit.propagation.caa import allowed

ISSUER = "letsencrypt.org"


@pytest.mark.parametrize("tag", ["issue", "Issue", "ISSUE"])
def test_a_tag_counts_in_either_case(tag: str) -> None:
    assert (
        allowed([f'0 {tag} "pki.example"']).refusal(ISSUER) == f"allows pki.example, not {ISSUER}"
    )
    assert allowed([f'0 {tag} "LetsEncrypt.org; x=y"']).refusal(ISSUER) == ""


@pytest.mark.parametrize("flags", [128, 129, 255])
def test_a_critical_tag_that_an_issuer_need_not_know_forbids_issue(flags: int) -> None:
    told = allowed([f'0 issue "{ISSUER}"', f'{flags} TBS "Unknown"'])
    assert told.refusal(ISSUER) == "forbids issue by its critical tag tbs"


def test_a_known_critical_tag_and_an_unknown_one_that_is_not_critical_forbid_nothing() -> None:
    told = allowed([f'128 Issue "{ISSUER}"', '128 IODEF "mailto:a@example.test"', '1 tbs "x"'])
    assert told.refusal(ISSUER) == ""


def test_an_empty_issuer_is_nobody_and_no_issuer_at_all_is_anybody() -> None:
    assert allowed(['0 issue ";"']).refusal(ISSUER) == f"allows nobody, not {ISSUER}"
    assert allowed(['0 iodef "mailto:a@example.test"']).issuers is None


def test_for_a_wildcard_issuewild_counts_before_issue_and_for_another_name_never() -> None:
    forbids = [f'0 issue "{ISSUER}"', '0 IssueWild ";"']
    assert allowed(forbids, wildcard=True).refusal(ISSUER) == (
        f"allows nobody by issuewild, not {ISSUER}"
    )
    assert allowed(forbids).refusal(ISSUER) == ""
    allows = ['0 issue ";"', f'0 issuewild "{ISSUER}"']
    assert allowed(allows, wildcard=True).refusal(ISSUER) == ""
    assert allowed(allows).refusal(ISSUER) == f"allows nobody, not {ISSUER}"
    assert allowed(['0 issue ";"'], wildcard=True).refusal(ISSUER) != ""
    assert allowed(['0 issuewild ";"']).issuers is None
