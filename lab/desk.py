"""The receptionist's side of one conversation: what is known, what was asked, what to say next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab import meaning
from lab.clinic import CALENDAR_IS_DOWN, FACTS, OFFERED, WEEK, clock, times

_END_CALL: list[tuple[str, dict[str, Any]]] = [("end_call", {})]
_BOOKING = ("book", "move", "cancel")
_BACKCHANNEL = re.compile(
    r"(uh[ -]?huh|mm+[ -]?hmm?|yeah|right|okay|ok|i see|sure|got it|alright|hmm)"
)
_NOT_SPEECH = re.compile(r"\s*[<\[](?!PHONE_|NAME_)")  # notes to the model, not the caller's words
_UNHEARD = re.compile(r"\s*\[[^\]]*interrupt[^\]]*\]\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """What the receptionist says, and the tools called with it."""

    text: str
    tools: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@dataclass
class Desk:
    """A conversation replayed turn by turn; `answer` is what to say at its end."""

    offered: frozenset[str]
    today: str = ""
    intent: str = ""
    asked: str = ""  # "day" | "slot" | "phone" | "confirm" | "more": what the caller should answer
    day: str = ""
    part: str = ""
    slots: list[str] = field(default_factory=list)
    time: str = ""
    phone: str = ""
    name: str = ""
    reason: str = ""
    has_heard: bool = False
    answer: Said = field(default_factory=lambda: Said(""))
    unheard: str = ""  # the end of the last reply, when the caller interrupted it

    # ── what happened ────────────────────────────────────────────────────────────────
    def hear(self, text: str) -> None:
        """The caller's turn."""
        if _NOT_SPEECH.match(text) or not text.strip():
            return
        self.has_heard = True
        self._note(text)
        self.answer = self._respond(text)
        self.unheard = ""

    def said(self, text: str) -> None:
        """What of the last reply reached the caller."""
        if not _UNHEARD.search(text):
            return
        heard = meaning.plain(_UNHEARD.sub("", text))
        sentences = re.split(r"(?<=[.?!])\s+", self.answer.text)
        left = [s for s in sentences if meaning.plain(s) not in heard]
        self.unheard = " ".join(left)

    def learn(self, tool: str, result: dict[str, Any]) -> None:
        """A tool's answer."""
        if not result:
            return
        is_good = bool(result.get("ok", "error" not in result))
        after: dict[str, Callable[[dict[str, Any], bool], Said]] = {
            "find_slots": self._after_slots,
            "book_appointment": self._after_booking,
            "move_appointment": self._after_booking,
            "cancel_appointment": self._after_cancelling,
            "transfer_call": self._after_transfer,
        }
        self.answer = after.get(tool, lambda result, is_good: Said(""))(result, is_good)

    # ── what the caller told us ──────────────────────────────────────────────────────
    def _note(self, text: str) -> None:
        day = meaning.day(text)
        if day == "today":
            day = self.today or day
        elif day == "tomorrow" and self.today:
            day = meaning.DAYS[(meaning.DAYS.index(self.today) + 1) % 7]
        if day and day != self.day:
            self.day, self.slots, self.time = day, [], ""
        self.part = meaning.part(text) or ("" if day else self.part)
        self.phone = meaning.phone(text) or self.phone
        self.name = meaning.name(text) or self.name
        for reason in ("check-up", "cleaning", "filling", "root canal", "wisdom tooth"):
            if reason.replace("-", "") in meaning.plain(text).replace("-", ""):
                self.reason = reason

    # ── what to say ──────────────────────────────────────────────────────────────────
    def _respond(self, text: str) -> Said:
        about = meaning.topics(text)
        topic = about[0] if about else ""
        if self.unheard and _BACKCHANNEL.fullmatch(meaning.plain(text)):
            return Said(self.unheard)
        is_done = topic in ("", "thanks") and self.asked == "more" and meaning.is_no(text)
        if topic == "goodbye" or is_done:
            return self._goodbye()
        if topic in FACTS and not (topic == "price" and self.asked == "confirm"):
            return self._fact(FACTS[topic], topic=topic)
        answered = self._answered(text)
        if answered:
            return answered
        if topic in _BOOKING:
            self.intent = topic
            return self._next_step()
        return self._small_talk(text, topic=topic)

    def _answered(self, text: str) -> Said | None:
        """The caller answers what was asked, or names what was going to be asked."""
        if self.asked == "confirm":
            return self._confirmed(text)
        if self.slots and not self.time:
            chosen = meaning.choose(text, self.slots[:OFFERED]) or meaning.choose(text, self.slots)
            if not chosen and len(self.slots) == 1 and meaning.is_yes(text):
                chosen = self.slots[0]
            if chosen:
                self.time = chosen
                return self._next_step()
            if meaning.names_a_time(text):
                return Said(f"That time is not free, I'm afraid. I have {times(self.slots)}.")
        if meaning.phone(text):
            return self._next_step()
        if self.asked == "phone" and len(meaning.digits(text)) >= 3:
            return Said("I only got part of that. Could you say the whole number again, please?")
        if self.asked == "day" and meaning.day(text):
            return self._next_step()
        if self.asked == "phone" and meaning.name(text):
            return Said(f"Thank you, {self.name}. And what is your phone number?")
        return None

    def _confirmed(self, text: str) -> Said | None:
        if meaning.phone(text):
            return self._next_step()
        if meaning.is_no(text):
            self.phone, self.asked = "", "phone"
            return Said("Sorry about that. What is the right number?")
        if meaning.is_yes(text):
            return self._act()
        return None

    def _next_step(self) -> Said:
        """The next thing a booking, a move or a cancellation needs."""
        if self.intent in ("", "book", "move") and not self.time and (self.day or self.intent):
            self.intent = self.intent or "book"
            if not self.day:
                return self._ask("day", "Of course. Which day would suit you?")
            if not self.slots:
                return self._look()
            return self._ask("slot", f"I have {times(self.slots)}. Which would you like?")
        if not self.phone:
            start = "Of course." if self.intent == "cancel" else f"{clock(self.time)}, lovely."
            return self._ask("phone", f"{start} What is your phone number, please?")
        return self._ask("confirm", f"That's {meaning.written(self.phone)}. Is that right?")

    def _look(self) -> Said:
        if "find_slots" not in self.offered:
            self.intent = "callback"
            return self._ask(
                "phone", f"{CALENDAR_IS_DOWN} May I have your phone number, so we can call back?"
            )
        part = f" {self.part}" if self.part else ""
        self.asked = "slot"
        arguments = {"day": self.day.title(), "part": self.part or "any"}
        return Said(f"Let me check {self.day.title()}{part} for you.", [("find_slots", arguments)])

    def _act(self) -> Said:
        """The number is right: do what the caller wants."""
        self.asked = ""
        number = self.phone
        where: dict[str, Any] = {"day": self.day.title(), "time": self.time}
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "book": ("book_appointment", {**where, "phone": number}),
            "move": ("move_appointment", {"phone": number, **where}),
            "cancel": ("cancel_appointment", {"phone": number}),
        }
        if self.intent not in calls:
            self.asked = "more"
            return Said("Thank you, I have noted your number. Is there anything else I can do?")
        name, arguments = calls[self.intent]
        if name not in self.offered:
            self.asked = "more"
            return Said(f"{CALENDAR_IS_DOWN} We will call you back today. Anything else?")
        if name == "book_appointment":
            optional = {"name": self.name, "reason": self.reason}
            arguments |= {key: value for key, value in optional.items() if value}
        doing = {"book": "I'm booking that", "move": "I'm moving it", "cancel": "I'm cancelling it"}
        return Said(f"Thank you. {doing[self.intent]} for you now.", [(name, arguments)])

    def _small_talk(self, text: str, *, topic: str) -> Said:
        match topic:
            case "person":
                return self._transfer()
            case "hours":
                return self._fact(self._hours(text), topic=topic)
            case "pain":
                self.intent = "book"
                return self._ask(
                    "day", "I'm sorry to hear that. We can see you soon. Which day suits you?"
                )
            case "repeat":
                return Said(self._last or "Of course. How can I help you?")
            case "thanks":
                return self._ask("more", "You're welcome. Is there anything else I can do?")
            case "wait" | "question":
                return Said("Of course, go ahead.")
            case "hello":
                return Said("Hello! How can I help you today?")
        return self._unclear(text)

    def _unclear(self, text: str) -> Said:
        """Nothing recognised: ask again for what was asked, or say what can be asked."""
        if self.asked == "slot" and not self.slots:
            return self._look()  # the last look was dropped when the caller interrupted
        if self.asked == "more" and meaning.is_yes(text):
            return Said("Of course. What can I do for you?")
        again = {
            "day": "Sorry, which day would suit you?",
            "slot": f"Sorry, which time would you like? I have {times(self.slots)}.",
            "phone": "Sorry, I didn't get that. What is your phone number, please?",
            "confirm": f"Sorry, is {meaning.written(self.phone)} the right number?",
        }.get(self.asked, "")
        if again:
            return Said(again)
        if meaning.names_a_time(text) or meaning.day(text):
            return self._next_step()
        if meaning.name(text):
            return Said(f"Thank you, {self.name}. How can I help you?")
        if _BACKCHANNEL.fullmatch(meaning.plain(text)):
            return self._ask("more", "Is there anything else I can help you with?")
        return Said(
            "Sorry, I didn't quite catch that. Would you like to book, move or cancel an "
            "appointment, or ask about our opening hours?"
        )

    def _fact(self, fact: str, *, topic: str) -> Said:
        """A fact, and then back to whatever was open."""
        if topic == "emergency":
            return Said(fact)
        back = {
            "day": "Now, which day would suit you?",
            "slot": "Now, which time would you like?",
            "phone": "Now, what is your phone number?",
            "confirm": f"Now, is {meaning.written(self.phone)} right?",
        }.get(self.asked)
        if back or topic == "price":
            return Said(f"{fact} {back}" if back else fact)
        return self._ask("more", f"{fact} Is there anything else I can help you with?")

    def _hours(self, text: str) -> str:
        day = meaning.day(text)
        day = self.today if day == "today" else self.day if day == "tomorrow" else day
        self.day = "" if self.intent == "" else self.day
        if day == "saturday":
            return "On Saturday we're open from 9 am to 1 pm."
        if day == "sunday":
            return "We're closed on Sunday. " + WEEK
        if day in meaning.DAYS:
            return f"On {day.title()} we're open from 8 am to 6 pm."
        return WEEK

    def _transfer(self) -> Said:
        if "transfer_call" in self.offered:
            reason = "the caller asked for a person"
            return Said(
                "Of course, I'm putting you through.", [("transfer_call", {"reason": reason})]
            )
        self.intent = "callback"
        return self._ask(
            "phone",
            "I'm sorry, nobody is free just now. May I have your number, so we can call back?",
        )

    def _goodbye(self) -> Said:
        tools = [end_call for end_call in _END_CALL if "end_call" in self.offered]
        return Said("Thank you for calling Harbour Dental. Goodbye!", tools)

    # ── what to say about a tool's answer ────────────────────────────────────────────
    def _after_slots(self, result: dict[str, Any], is_good: bool) -> Said:
        if not is_good:
            self.intent, self.asked = "callback", "phone"
            return Said(f"{CALENDAR_IS_DOWN} May I have your phone number, so we can call back?")
        self.slots = [str(slot) for slot in result.get("slots", [])]
        part = f" {self.part}" if self.part else ""
        if not self.slots:
            nothing = f"I'm afraid we have nothing free on {self.day.title()}{part}."
            self.day, self.part = "", ""
            return self._ask("day", f"{nothing} Would another day suit you?")
        offer = f"On {self.day.title()}{part} I have {times(self.slots)}."
        return self._ask("slot", f"{offer} Which suits you?")

    def _after_booking(self, result: dict[str, Any], is_good: bool) -> Said:
        if not is_good:
            return self._failed(result)
        done = "You're booked" if self.intent == "book" else "Your appointment is moved"
        when = (
            f"{result.get('day', self.day.title())} at {clock(str(result.get('time', self.time)))}"
        )
        self._close()
        joint = "for" if done == "You're booked" else "to"
        return Said(f"{done} {joint} {when}. Is there anything else I can help you with?")

    def _after_cancelling(self, result: dict[str, Any], is_good: bool) -> Said:
        if not is_good:
            return self._failed(result)
        self._close()
        day = f" on {result['day']}" if result.get("day") else ""
        return Said(f"Your appointment{day} is cancelled. Is there anything else I can do?")

    def _after_transfer(self, result: dict[str, Any], is_good: bool) -> Said:
        if is_good:
            return Said("")
        self.intent = "callback"
        return self._ask(
            "phone",
            "I'm sorry, I can't reach anybody. May I have your number, so we can call back?",
        )

    def _failed(self, result: dict[str, Any]) -> Said:
        """The book said no: pass its own sentence on, in the caller's terms."""
        why = str(result.get("error") or "That did not work just now.")
        self._close()
        return Said(f"I'm sorry. {why} Is there anything else I can do?")

    def _close(self) -> None:
        self.intent, self.day, self.part, self.slots, self.time = "", "", "", [], ""
        self.asked = "more"

    def _ask(self, what: str, text: str) -> Said:
        self.asked = what
        return Said(text)

    @property
    def _last(self) -> str:
        return self.answer.text
