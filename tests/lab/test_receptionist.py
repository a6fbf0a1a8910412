"""Whole conversations with the receptionist, through the shape of Messages requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.book import TOOLS, Book, BookError
from lab.receptionist import Receptionist, Reply

pytestmark = pytest.mark.provider

ALL_TOOLS = (*TOOLS, "end_call", "transfer_call")
SATURDAY = "It is Saturday, 21 November 2026, 10:30 (America/New_York)."


class Talk:
    """A caller, a receptionist and a book; keeps the conversation as a client would."""

    def __init__(self, *, tools: tuple[str, ...] = ALL_TOOLS, situation: str = SATURDAY) -> None:
        self.book = Book()
        self.messages: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tools = tools
        self.situation = situation

    def request(self) -> dict[str, Any]:
        """The body of the next request."""
        return {
            "system": [
                {"type": "text", "text": "Be kind."},
                {"type": "text", "text": self.situation},
            ],
            "messages": self.messages,
            "tools": [{"name": name, "input_schema": {}} for name in self.tools],
        }

    def say(self, text: str) -> str:
        """One caller turn; returns all that is said in answer, tools included."""
        self.messages.append({"role": "user", "content": text})
        return self.answer()

    def answer(self) -> str:
        """Ask for replies until one needs no tool result."""
        said: list[str] = []
        while True:
            reply = Receptionist().reply(self.request())
            said.append(reply.text)
            self.messages.append({"role": "assistant", "content": _blocks(reply)})
            self.calls += [(use.name, use.input) for use in reply.tools]
            results = [
                {
                    "type": "tool_result",
                    "tool_use_id": use.id,
                    "content": json.dumps(self.run(use.name, use.input)),
                }
                for use in reply.tools
            ]
            if not results:
                return " ".join(said)
            self.messages.append({"role": "user", "content": results})

    def run(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool answers."""
        if name not in TOOLS:
            return {"ok": True}
        try:
            result: dict[str, Any] = getattr(self.book, name)(**arguments)
        except BookError as error:
            return {"ok": False, "error": str(error)}
        return result


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    text = [{"type": "text", "text": reply.text}] if reply.text else []
    uses = [
        {"type": "tool_use", "id": use.id, "name": use.name, "input": use.input}
        for use in reply.tools
    ]
    return [*text, *uses]


def test_an_appointment_is_booked_from_the_first_question_to_the_goodbye() -> None:
    """Hours, a day, an offered time, a number read back and confirmed, a booking, a goodbye."""
    talk = Talk()
    assert "8 am to 6 pm" in talk.say("Hello, what are your opening hours?")
    assert "10:30 am" in talk.say("Can I book an appointment for Tuesday morning?")
    assert "phone number" in talk.say("Ten thirty is fine.")
    assert talk.say("My phone number is five five five, zero one four two.") == (
        "That's 555-0142. Is that right?"
    )
    assert "Tuesday at 10:30 am" in talk.say("Yes, that's right.")
    assert "Goodbye" in talk.say("No, that's all. Thank you, goodbye.")
    assert talk.calls == [
        ("find_slots", {"day": "Tuesday", "part": "morning"}),
        ("book_appointment", {"day": "Tuesday", "time": "10:30", "phone": "5550142"}),
        ("end_call", {}),
    ]
    assert talk.book.booked["5550142"] == ("tuesday", "10:30")


def test_an_appointment_is_moved_to_a_free_time() -> None:
    """The number under which it was booked is asked for and read back first."""
    talk = Talk()
    talk.say("Can I move my appointment to Thursday?")
    talk.say("The last one please.")
    talk.say("five five five oh one nine eight")
    assert "moved to Thursday at 11:45 am" in talk.say("yeah")
    assert talk.book.booked["5550198"] == ("thursday", "11:45")


def test_an_appointment_is_cancelled_after_the_number_was_confirmed() -> None:
    """Nothing is cancelled on an unconfirmed number."""
    talk = Talk()
    talk.say("I need to cancel my appointment.")
    talk.say("My number is 555 0198.")
    assert "5550198" in talk.book.booked
    assert "cancelled" in talk.say("Correct.")
    assert "5550198" not in talk.book.booked


def test_a_wrong_number_is_taken_again() -> None:
    """ "No" to the read-back asks for the number anew, and the new one is read back."""
    talk = Talk()
    talk.say("I need to cancel my appointment.")
    talk.say("five five five oh one four three")
    assert "right number" in talk.say("No.")
    assert "phone number" in talk.say("Just cancel it.")  # the wrong one is gone
    assert "555-0198" in talk.say("It's five five five zero one nine eight")


def test_half_a_number_is_not_taken_for_a_whole_one() -> None:
    """With only some digits heard the caller is asked for all of them again."""
    talk = Talk()
    talk.say("I need to cancel my appointment.")
    assert "whole number" in talk.say("five five five")


def test_a_number_hidden_by_the_bot_is_used_as_it_stands() -> None:
    """What stands for a phone number is read back and handed to the tool unchanged."""
    talk = Talk()
    talk.say("I need to cancel my appointment.")
    assert "[PHONE_1]" in talk.say("My number is [PHONE_1].")
    talk.say("Yes.")
    assert talk.calls == [("cancel_appointment", {"phone": "[PHONE_1]"})]


def test_a_question_in_the_middle_is_answered_and_the_thread_taken_up_again() -> None:
    """Parking amid a booking: the answer, then back to what was open."""
    talk = Talk()
    talk.say("Do you have anything on Friday afternoon?")
    answer = talk.say("Sorry, wait, do you have parking?")
    assert "car park" in answer and "which time" in answer
    assert "phone number" in talk.say("two fifteen please")


def test_a_time_that_is_not_free_is_refused_with_those_that_are() -> None:
    """The caller hears the offer again."""
    talk = Talk()
    talk.say("Do you have anything on Friday afternoon?")
    assert "2:15 pm or 4 pm" in talk.say("Three thirty, please.")


def test_a_full_day_leads_to_another_day() -> None:
    """Tomorrow is Sunday by the situation, and nothing is free then."""
    talk = Talk()
    assert "nothing free on Sunday" in talk.say("Can I come in tomorrow?")
    assert "11 am" in talk.say("Monday then.")


def test_today_is_what_the_situation_says() -> None:
    """The closing time of today is Saturday's on a Saturday."""
    assert "9 am to 1 pm" in Talk().say("What time do you close today?")
    monday = Talk(situation="It is Monday, 23 November 2026, 09:00 (UTC).")
    assert "8 am to 6 pm" in monday.say("What time do you close today?")


def test_a_person_is_reached_only_where_the_bot_offers_it() -> None:
    """Without transfer_call a call back is promised instead."""
    talk = Talk()
    assert "putting you through" in talk.say("I'd like to speak to a real person please.")
    assert [name for name, _ in talk.calls] == ["transfer_call"]
    alone = Talk(tools=())
    assert "call back" in alone.say("I'd like to speak to a real person please.")
    assert alone.calls == []


def test_without_tools_nothing_is_called() -> None:
    """Neither the calendar nor hanging up, and the caller still gets an answer."""
    talk = Talk(tools=())
    assert "calendar" in talk.say("Can I book an appointment for Tuesday morning?")
    assert "Goodbye" in talk.say("Goodbye.")
    assert talk.calls == []
    body = {**Talk().request(), "messages": [{"role": "user", "content": "bye"}]}
    assert Receptionist().reply({**body, "tool_choice": {"type": "none"}}).tools == []


@pytest.mark.parametrize("content", ["boom", '{"ok": false, "error": "out of order"}', "[1]"])
def test_a_broken_calendar_is_admitted(content: str) -> None:
    """A failed tool becomes an apology and an offer to call back."""
    talk = Talk()
    talk.messages = [{"role": "user", "content": "Are you free on Tuesday?"}]
    use = Receptionist().reply(talk.request()).tools[0]
    talk.messages += [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": use.id, "name": use.name, "input": use.input}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": use.id, "content": content}],
        },
    ]
    reply = Receptionist().reply(talk.request())
    assert "can't see the calendar" in reply.text and reply.stop_reason == "end_turn"


def test_the_rest_of_an_interrupted_answer_follows_a_mere_uh_huh() -> None:
    """A backchannel that cut the answer short gets what was not heard."""
    talk = Talk()
    full = talk.say("How much does a cleaning cost, and do you take insurance?")
    first = full.split(". ")[0] + "."
    talk.messages[-1]["content"] = f"{first} [interrupted by the caller]"
    rest = talk.say("uh huh")
    assert rest and rest in full and "90 dollars" not in rest


def test_two_turns_merged_into_one_message_are_two_turns() -> None:
    """Where no reply was heard in between, a client merges what the caller said."""
    request = Talk().request()
    request["messages"] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "I need to cancel my appointment."},
                {"type": "text", "text": "My number is 555 0198."},
            ],
        }
    ]
    assert "555-0198" in Receptionist().reply(request).text


def test_nothing_said_yet_gets_a_greeting() -> None:
    """A request without caller words is answered politely."""
    assert "help" in Receptionist().reply({"messages": []}).text


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("Where are you located?", "12 Harbour Street"),
        ("Do you do teeth whitening?", "whitening"),
        ("Do you see children?", "children"),
        ("Are you taking new patients?", "new patients"),
        ("I have a toothache.", "Which day"),
        ("My face is swollen and I can't breathe", "911"),
        ("Thank you very much.", "welcome"),
        ("Hold on a second.", "go ahead"),
        ("My name is Robert Miller.", "Robert Miller"),
        ("Are you open on Sunday?", "closed on Sunday"),
        ("bla bla", "didn't quite catch"),
        ("Are you a robot?", "AI assistant"),
        ("okay", "anything else"),
    ],
)
def test_small_questions_get_short_answers(words: str, answer: str) -> None:
    """Each fact is known, and no answer is longer than a breath."""
    said = Talk().say(words)
    assert answer in said and len(said.split()) <= 50


def test_what_was_said_is_repeated_on_request() -> None:
    """The last answer, word for word."""
    talk = Talk()
    first = talk.say("Where are you located?")
    assert talk.say("Could you repeat that please?") == first


def test_the_long_answer_leaves_time_to_interrupt_it() -> None:
    """Prices take several sentences and stay within fifty words."""
    said = Talk().say("How much does a cleaning cost, and do you take insurance?")
    assert said.count(".") >= 3 and 35 <= len(said.split()) <= 50


@given(
    turns=st.lists(
        st.sampled_from(
            "yes|no|Tuesday|ten thirty|555 0142|cancel it|book me in|parking?|uh huh|bye|"
            "tomorrow morning|the first one|move it|five|a person please|what?|12345".split("|")
        ),
        min_size=1,
        max_size=9,
    )
)
def test_any_order_of_turns_gets_a_short_answer_and_the_same_one_again(turns: list[str]) -> None:
    """Nothing a caller says breaks the desk, and the same conversation has the same answer."""
    talk, again = Talk(), Talk()
    for turn in turns:
        said = talk.say(turn)
        assert said and all(len(part.split()) <= 60 for part in said.split("\n"))
        assert again.say(turn) == said
    assert talk.messages == again.messages


def test_an_answer_that_was_cut_off_goes_on_where_it_stopped() -> None:
    """Told how far it came, by its own words and a note in the caller's place."""
    talk = Talk()
    talk.messages.append({"role": "user", "content": "When are you open?"})
    whole = Receptionist().reply(talk.request()).text
    said = whole[: whole.index(" ", 12)]
    cut = [{"role": "assistant", "content": said}, {"role": "user", "content": "(Go on.)"}]
    request = {**talk.request(), "messages": [*talk.messages, *cut]}
    assert f"{said} {Receptionist().reply(request).text}" == whole
    noted = {**talk.request(), "messages": [*talk.messages, cut[1]]}
    assert Receptionist().reply(noted).text == whole


def test_what_came_of_a_booking_behind_an_interruption_is_understood() -> None:
    """Beside a note; and a note alone says nothing yet."""
    talk = Talk()
    talk.say("Can I book a check-up on Tuesday?")
    plain = Receptionist().reply(talk.request()).text
    for message in talk.messages:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block["type"] == "tool_result":
                told = {"result": json.loads(block["content"]), "note": "All the same."}
                block["content"] = json.dumps(told)
    assert Receptionist().reply(talk.request()).text == plain
