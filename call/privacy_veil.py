"""The mouth's side of a call's privacy: what the model writes by itself.

Digits that it made up, or was talked into, are shown to nobody who only looks on; the number of a
card or a bank account, which its check digits tell from any other, is not said either.
"""

from __future__ import annotations

from stdnum import iban, luhn

from call.privacy import Privacy
from call.privacy_finding import Found, find
from call.privacy_lexicon import BANK, CARD, NAME
from call.privacy_mouth import withheld
from call.privacy_vault import Vault

_LEAST_OF_CARD = 13
_LEAST_TOLD = 6  # characters of a value the voice is kept from; a shorter one may be a year
_CARRIED = 80  # characters of the clauses before that may say what a number is


class Veil:
    """One call's."""

    def __init__(self, privacy: Privacy, vault: Vault) -> None:
        self._kinds = frozenset(privacy.kinds) - {NAME}  # the agent says its own
        self._vault = vault
        self._before = {False: "", True: ""}  # the end of what was said, and of what was heard

    def __repr__(self) -> str:
        return "Veil(***)"

    def shown(self, text: str, *, final: bool = False) -> str:
        """A clause of the agent's, for records and live view; a value may go over several."""
        before, hidden = self._before[final], self._vault.hide(text) if self._kinds else text
        joined = f"{before} {hidden}" if before else hidden
        offset = len(joined) - len(hidden)
        out, at = [], 0
        for each in find(joined) if self._kinds else ():
            if each.kind in self._kinds and each.end > offset:
                start = max(0, each.start - offset)
                out += [hidden[at:start], f"[{each.kind.upper()}]"]
                at = each.end - offset
        self._before[final] = joined[-_CARRIED:]
        return "".join([*out, hidden[at:]])

    def sayable(self, text: str, *, language: str) -> str:
        """A clause for the voice, before stand-ins are read back."""
        if not self._kinds:
            return text
        text = self._vault.hide(text, least=_LEAST_TOLD)
        out, at = [], 0
        for each in find(text, strict=True):
            is_kept = each.kind in self._kinds and not self._vault.may_say(each.kind)
            if is_kept and _is_sure(each):
                out += [text[at : each.start], withheld(each.kind, language=language)]
                at = each.end
        return "".join([*out, text[at:]])


def _is_sure(found: Found) -> bool:
    """Told by its check digits; a reference or a telephone number may be as long."""
    if found.kind == CARD:
        return len(found.value) >= _LEAST_OF_CARD and bool(luhn.is_valid(found.value))
    return found.kind == BANK and bool(iban.is_valid(found.value))
