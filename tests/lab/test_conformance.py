"""The book of rules kept and broken."""

from __future__ import annotations

import pytest

from lab.conformance import RULES, Conformance

pytestmark = pytest.mark.rule


def test_a_rule_nobody_tried_is_not_seen() -> None:
    """Passing needs evidence."""
    assert {v.outcome for v in Conformance().verdicts()} == {"not seen"}
    assert Conformance().is_good


def test_one_breach_outweighs_many_keepings() -> None:
    """And the sum of several calls shows it."""
    good, bad = Conformance(), Conformance()
    good.kept("upgrade")
    bad.kept("upgrade")
    bad.judge("upgrade", False, detail="403")
    together = Conformance().add([good, bad])
    verdict = next(v for v in together.verdicts() if v.rule.name == "upgrade")
    assert (verdict.outcome, verdict.failures, verdict.example) == ("fail", 1, "403")
    assert not together.is_good
    assert verdict.as_json()["error"] == 31920


def test_rules_have_names_of_their_own_and_whole_sentences() -> None:
    """The report prints them to people."""
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.sentence.endswith(".") for rule in RULES)


def test_an_unknown_rule_is_our_own_mistake() -> None:
    """It raises at once."""
    with pytest.raises(KeyError):
        Conformance().kept("politeness")
