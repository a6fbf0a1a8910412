"""What the receptionist of Harbour Dental knows by heart, and how she says times."""

from __future__ import annotations

FACTS: dict[str, str] = {
    "emergency": "Please hang up and call 911 right away. They can help you faster than we can.",
    "parking": "Yes, there is a free car park behind the building. The entrance is on Mill Lane.",
    "where": "We are at 12 Harbour Street, right by the old harbour. The 7 bus stops at our door.",
    "machine": "I'm an AI assistant, and I can book, move or cancel appointments for you. "
    "I can also put you through to a person.",
    "whitening": "Yes, we do whitening. It takes about an hour, and the dentist looks at your "
    "teeth first.",
    "children": "Yes, we see children from the age of three, and the first visit is just a look "
    "around.",
    "new_patient": "Yes, we are taking new patients. Your first visit takes about half an hour.",
    "price": "A cleaning is 90 dollars and a check-up with X-rays 120. We take most "
    "dental plans, and we send the claim to your insurer for you. Anything the plan does not "
    "cover can be paid by card or in two parts. We can check your plan before you come.",
}
WEEK = "We're open Monday to Friday from 8 am to 6 pm, and Saturday from 9 am to 1 pm."
OFFERED = 3  # times offered at once: more do not stay in mind
CALENDAR_IS_DOWN = "I'm sorry, I can't see the calendar right now."


def clock(time: str) -> str:
    """A slot as people say it: 10:30 am."""
    hour, _, minute = time.partition(":")
    if not hour.isdigit():
        return time
    half = "am" if int(hour) < 12 else "pm"
    return (
        f"{(int(hour) - 1) % 12 + 1}:{minute} {half}"
        if minute != "00"
        else f"{(int(hour) - 1) % 12 + 1} {half}"
    )


def times(slots: list[str]) -> str:
    """Up to three times, joined as in speech."""
    said = [clock(slot) for slot in slots[:OFFERED]]
    return "".join(said) if len(said) < 2 else f"{', '.join(said[:-1])} or {said[-1]}"
