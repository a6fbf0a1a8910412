"""The agent's file: what it says is what callers meet; what it gets wrong is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.agent_file import read_personas, require_voices
from bot.persona import Personas
from bot.settings import HOME, load
from bot.tools import Tools
from call.errors import SettingsError
from call.phrases import Phrases, phrases_in, phrases_of

pytestmark = pytest.mark.rule

SMALL = 'name = "Mia"\nprompt = "You are kind."\ngreeting = "Hello."\n'
LAB = Tools(base_url="http://127.0.0.1:7900")
TOOL = '[[tools]]\nname = "look"\ndescription = "Look it up."\nurl = "/book/look"\n'


@pytest.fixture
def read(tmp_path: Path):
    """Reads a text as an agent's file."""

    def reader(text: str, *, tools: Tools = LAB) -> Personas:
        path = tmp_path / "agent.toml"
        path.write_text(text, encoding="utf-8")
        return read_personas(path, tools=tools)

    return reader


@pytest.fixture
def refused(read):
    """Reads a text that must be refused, and returns the one line."""

    def reader(text: str, *, tools: Tools = LAB) -> str:
        with pytest.raises(SettingsError) as caught:
            read(text, tools=tools)
        assert "\n" not in str(caught.value)
        assert "agent.toml" in str(caught.value)
        return str(caught.value)

    return reader


# ── phrases ──────────────────────────────────────────────────────────────────────────
def test_phrases_are_of_the_language_spoken(read):
    """What the file does not say is said in the agent's language; a number that speaks another
    does not inherit the file's."""
    english = '[phrases]\ngoodbye = "So long."\n'
    arabic = '[numbers."+15550100"]\nlanguage = "ar"\n[numbers."+15550100".phrases]\nbusy = "لا."\n'
    personas = read(SMALL + english + arabic)
    here, there = personas.default.phrases, personas.for_number("+15550100").phrases
    assert (here.goodbye, here.fillers) == ("So long.", Phrases().fillers)
    assert (there.busy, there.fillers) == ("لا.", phrases_of("ar")["fillers"])
    assert there.goodbye == phrases_of("ar")["goodbye"]


def test_phrases_and_voices_of_other_languages_are_those_of_a_number_where_they_are_spoken(read):
    """Else the ones that come with the program, and none."""
    text = f"""{SMALL}
[phrases]
goodbye = "Bye from Mia."
[numbers."+15550199"]
language = "ar-EG"
[numbers."+15550199".voices]
elevenlabs = "layla"
[numbers."+15550199".phrases]
goodbye = "مع السلامة من ليلى."
"""
    people = read(text)
    arabic = people.numbers["+15550199"]
    assert people.phrases_besides(people.default)["ar"].goodbye == "مع السلامة من ليلى."
    assert people.phrases_besides(arabic)["en"].goodbye == "Bye from Mia."
    assert "en" not in people.phrases_besides(people.default)
    assert people.voices_in("ar")["elevenlabs"] == "layla"
    alone = read(SMALL)
    assert alone.phrases_besides(alone.default) == {"ar": phrases_in("ar")}
    assert alone.voices_in("ar") == {}


# ── the sample agent ─────────────────────────────────────────────────────────────────
def test_the_sample_agent_is_a_dental_receptionist_with_an_appointment_book():
    """agent.toml as it ships, against the emulated appointment book."""
    persona = read_personas(HOME / "agent.toml", tools=LAB).default
    assert [tool.name for tool in persona.tools] == [
        "find_slots",
        "book_appointment",
        "move_appointment",
        "cancel_appointment",
    ]
    assert persona.tools[0].url == "http://127.0.0.1:7900/book/find_slots"
    assert [tool.read_only for tool in persona.tools] == [True, False, False, False]
    assert set(persona.voices) == {"elevenlabs", "cartesia"}
    assert not persona.can_transfer


def test_the_sample_agents_arabic_section_reads_when_uncommented(read):
    """The commented example is not decoration."""
    lines = (HOME / "agent.toml").read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("# [numbers."))
    text = "\n".join([*lines[:at], *(line.removeprefix("# ") for line in lines[at:])])
    personas = read(text)
    layla = personas.for_number("+12125550199")
    assert (layla.name, layla.language) == ("Layla", "ar")
    assert layla.tools == personas.default.tools


def test_the_system_prompt_is_short_and_the_same_on_every_call():
    """A voice model reads it before every answer; its cache wants the same bytes."""
    one, other = (read_personas(HOME / "agent.toml", tools=LAB).default for _ in range(2))
    assert one.system == other.system
    assert one.system.startswith("Your name is Mia.")
    # a token is about 4 characters of English
    assert len(one.system) / 4 < 300


# ── what callers meet ────────────────────────────────────────────────────────────────
def test_callers_are_told_that_a_machine_speaks_unless_it_is_turned_off(read):
    """On by default, with a sentence."""
    on, off = read(SMALL).default, read(SMALL + "[disclosure]\nenabled = false\n").default
    assert on.disclosure.enabled and "AI" in on.disclosure.text
    assert not off.disclosure.enabled


def test_a_called_number_overrides_what_it_names_and_nothing_else(read):
    """Tables are merged key by key, everything else is replaced."""
    personas = read(
        SMALL
        + '[voices]\nelevenlabs = "a"\ncartesia = "b"\n'
        + '[numbers."+15550100"]\ngreeting = "Bonjour."\nlanguage = "fr"\n'
        + '[numbers."+15550100".voices]\nelevenlabs = "c"\n'
    )
    other = personas.for_number("+15550100")
    assert (other.greeting, other.language, other.name) == ("Bonjour.", "fr", "Mia")
    assert dict(other.voices) == {"elevenlabs": "c", "cartesia": "b"}
    assert personas.for_number("+15550101") is personas.default
    assert personas.default.greeting == "Hello."


def test_tools_with_a_path_are_left_out_while_their_place_is_unknown(read):
    """The sample agent still answers a real number when nobody runs an appointment book."""
    assert read(SMALL + TOOL, tools=Tools()).default.tools == ()
    assert len(read(SMALL + TOOL, tools=LAB).default.tools) == 1


# ── refusals ─────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("name = ", ["TOML"]),
        ('name = "Mia"\ngreeting = "Hello."\n', ["prompt", "is missing"]),
        (SMALL.replace("Hello.", " "), ["greeting is empty"]),
        (SMALL + 'gretting = "x"\n', ["gretting", "is not a key", "did you mean greeting?"]),
        (SMALL + '[disclosure]\ntxt = "x"\n', ["disclosure.txt", "did you mean text?"]),
        (SMALL + '[disclosure]\ntext = ""\n', ["disclosure", "enabled = false"]),
        (SMALL + '[phrases]\ngodbye = "x"\n', ["phrases.godbye", "did you mean goodbye?"]),
        (SMALL + '[phrases]\nbusy = ""\n', ["busy is empty"]),
        (SMALL + '[phrases]\nfillers = ["One moment."]\n', ["fillers has one sentence"]),
        (SMALL + "phrases = 3\n", ["phrases"]),
        (SMALL + "language = 3\n", ["language"]),
        (SMALL + 'language = "english!"\n', ["language", '"en"']),
        (SMALL + 'time_zone = "Mars/Olympus"\n', ["Mars/Olympus", "Europe/London"]),
        (SMALL + 'time_zone = "../etc"\n', ["time_zone"]),
        (SMALL + 'handoff_number = "12345"\n', ["12345", "E.164"]),
        (SMALL + 'handoff_number = "+1555"\n', ["+1555", "E.164"]),
        (SMALL + '[hours]\nmonday = ["8-18"]\n', ["monday", "8-18", "08:00-18:00"]),
        (SMALL + '[hours]\nmonday = ["18:00-08:00"]\n', ["monday", "out of order"]),
        (SMALL + '[hours]\nmonday = ["08:00-25:00"]\n', ["monday", "25:00"]),
        (SMALL + '[hours]\nmontag = ["08:00-18:00"]\n', ["hours.montag", "did you mean monday?"]),
        (SMALL + '[hours]\nmonday = "08:00-18:00"\n', ["hours.monday", "tuple"]),
        (SMALL + "keyterms = 3\n", ["keyterms"]),
        (SMALL + '[numbers."5550100"]\nname = "x"\n', ['numbers."5550100"', "+15550100"]),
        (SMALL + '[numbers."+15550100"]\nnme = "x"\n', ['numbers."+15550100".nme', "name?"]),
        (SMALL + "numbers = 3\n", ["numbers", "is not a table"]),
        (SMALL + TOOL + TOOL, ["two tools have the same name"]),
        (SMALL + TOOL.replace('"look"', '"end_call"'), ["end_call", "built in"]),
        (SMALL + TOOL.replace('"look"', '"look up"'), ["tools.look up", "letters, digits"]),
        (SMALL + TOOL + "timeout_s = 0\n", ["tools.look", "timeout_s is 0"]),
        (SMALL + TOOL + "read_only = 7\n", ["tools.look.read_only"]),
        (SMALL + TOOL + 'parameters = { type = "array" }\n', ["tools.look", '"object"']),
        (
            SMALL + TOOL + 'parameters = { type = "object", properties = 3 }\n',
            ["tools.look", "JSON schema"],
        ),
        (
            SMALL + TOOL + 'parameters = { type = "object", "$ref" = "https://x.example" }\n',
            ["tools.look", "$ref"],
        ),
        (SMALL + TOOL.replace("/book/look", "https://x.example/look"), ["tools.look", "allow"]),
        (SMALL + TOOL.replace("/book/look", "/book/../admin"), ["tools.look", "no address"]),
    ],
)
def test_a_mistake_in_the_agents_file_is_one_line_with_place_and_remedy(refused, text, hints):
    """A person who writes no Python can mend it."""
    line = refused(text)
    for hint in hints:
        assert hint in line


def test_a_missing_agents_file_is_one_line(tmp_path):
    """The path stands in the line."""
    with pytest.raises(SettingsError, match=r"agent\.file .*nowhere\.toml does not exist"):
        read_personas(tmp_path / "nowhere.toml", tools=LAB)


def test_a_long_value_is_not_repeated_in_the_line(refused):
    """A whole prompt in the wrong place must not flood the log."""
    assert len(refused(SMALL + f'keyterms = "{"x" * 5000}"\n')) < 400


def test_emergency_words_are_those_of_the_language_unless_written(read):
    """As phrases are; a called number overrides them too."""
    personas = read(
        SMALL
        + '[emergency]\ntext = "Dial 911 now."\n'
        + '[numbers."+15550100"]\nlanguage = "ar"\n'
        + '[numbers."+15550100".emergency]\nnumber = "+97143210000"\n'
    )
    assert personas.default.emergency.text == "Dial 911 now."
    assert "ambulance" in personas.default.emergency.words
    arabic = personas.for_number("+15550100").emergency
    assert arabic.number == "+97143210000"
    assert "اسعاف" in arabic.words


def test_a_wrong_emergency_number_is_one_line(read):
    """With place and remedy."""
    with pytest.raises(SettingsError, match=r"emergency .*: number is '12'"):
        read(SMALL + '[emergency]\nnumber = "12"\n')


def test_an_agent_that_could_not_speak_is_refused_at_the_start(read):
    """For every provider that may speak, and every number."""
    settings = load({}).settings
    voices = "[voices]\nelevenlabs = 'a'\ncartesia = 'b'\n"
    require_voices(read(SMALL + voices), settings)
    with pytest.raises(SettingsError, match=r"voices\.cartesia"):
        require_voices(read(SMALL + "[voices]\nelevenlabs = 'a'\n"), settings)
    mute = '[numbers."+15550100".voices]\ncartesia = ""\n'
    with pytest.raises(SettingsError, match=r'numbers\."\+15550100"\.voices\.cartesia'):
        require_voices(read(SMALL + voices + mute), settings)
