"""The carrier's requests and our TwiML, judged by the carrier's own library."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from call.errors import MisuseError
from transports.twilio.webhook import (
    Recording,
    Twilio,
    connect_twiml,
    hangup_twiml,
    is_signed_post,
    is_signed_upgrade,
    message_twiml,
    recording,
    socket_url,
    tongue,
    transfer_twiml,
    whisper_twiml,
)

pytestmark = pytest.mark.wire

KEY = "0123456789abcdef0123456789abcdef"
URL = "https://voice.example.com"
FORM = {"CallSid": "CA1", "From": "+15550142", "To": "+15550100", "CallerName": "Zoë & Söhne"}


def signed(url: str, form: dict[str, str]) -> str:
    """The carrier's signature."""
    return str(RequestValidator(KEY).compute_signature(url, form))


def post(signature: str, *, form: dict[str, str] = FORM, key: str = KEY) -> bool:
    """Whether a post to the voice webhook is taken for the carrier's."""
    return is_signed_post(
        key, public_url=URL, target="/twilio/voice", form=form, signature=signature
    )


def test_a_signed_post_is_the_carriers() -> None:
    """Right signature, in; a changed field, another path, another key, none at all: out."""
    signature = signed(f"{URL}/twilio/voice", FORM)
    assert post(signature)
    assert not post(signature, form={**FORM, "From": "+15550143"})
    assert not post(signature, key="another")
    assert not post(signature, key="")
    assert not post("")
    assert not post("é")
    assert not post(signed(f"{URL}/twilio/after", FORM))
    assert not post(signed("https://other.example.com/twilio/voice", FORM))


def test_the_query_is_part_of_what_is_signed() -> None:
    """A target with a query is checked with it."""
    signature = signed(f"{URL}/twilio/after?call=1", FORM)
    given_to = {"public_url": URL + "/", "form": FORM, "signature": signature}
    assert is_signed_post(KEY, target="/twilio/after?call=1", **given_to)  # type: ignore[arg-type]
    assert not is_signed_post(KEY, target="/twilio/after", **given_to)  # type: ignore[arg-type]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_signed_upgrade_is_the_carriers(slash: str) -> None:
    """The wss URL is signed without parameters, with or without a slash at its end."""
    signature = signed(f"wss://voice.example.com/twilio/media{slash}", {})
    for right, key in ((True, KEY), (False, "another")):
        seen = is_signed_upgrade(key, public_url=URL, target="/twilio/media", signature=signature)
        assert seen is right
    assert not is_signed_upgrade(KEY, public_url=URL, target="/other", signature=signature)


@given(st.text(max_size=60))
def test_no_signature_is_ever_an_error(signature: str) -> None:
    """Whatever stands in the header, the answer is no."""
    assert not post(signature)


def test_connect_ends_in_what_comes_after() -> None:
    """Connect, stream with its token, then redirect: the shape the outside relies on."""
    root = ET.fromstring(connect_twiml(URL + "/", token="t0k3n", parameters={"from": "+1 & 2"}))
    assert [element.tag for element in root.iter()] == [
        "Response", "Connect", "Stream", "Parameter", "Parameter", "Redirect",
    ]  # fmt: skip
    stream = root.find("Connect/Stream")
    assert stream is not None
    assert stream.attrib == {"url": "wss://voice.example.com/twilio/media"}
    assert [p.attrib for p in stream] == [
        {"name": "token", "value": "t0k3n"},
        {"name": "from", "value": "+1 & 2"},
    ]
    redirect = root.find("Redirect")
    assert redirect is not None and redirect.text == f"{URL}/twilio/after"


def test_a_stream_without_a_token_has_no_parameter() -> None:
    """An empty token is not sent."""
    assert "Parameter" not in connect_twiml(URL)


def test_a_parameter_that_is_too_long_is_our_mistake() -> None:
    """The carrier would drop it in silence; we say so."""
    with pytest.raises(MisuseError):
        connect_twiml(URL, parameters={"note": "x" * 496})


def test_loopback_streams_without_tls() -> None:
    """Where the webhook is http the socket is ws; a path in front is kept."""
    assert (
        socket_url("http://127.0.0.1:7860", "/twilio/media") == "ws://127.0.0.1:7860/twilio/media"
    )
    assert socket_url("https://a.example/voice/", "/x") == "wss://a.example/voice/x"


def test_a_message_is_taken_once() -> None:
    """Say, record, hang up; the record names where to go on, or it would start over."""
    root = ET.fromstring(message_twiml(URL, words="Sorry, all <busy>.", say=tongue("en-GB")))
    assert [element.tag for element in root] == ["Say", "Record", "Hangup"]
    assert root[0].text == "Sorry, all <busy>." and root[0].attrib == {"language": "en-GB"}
    assert root[1].attrib["action"] == f"{URL}/twilio/recording"
    assert root[1].attrib["recordingStatusCallback"] == f"{URL}/twilio/recording"


def test_a_transfer_dials_a_person_who_hears_a_whisper_first() -> None:
    """Words if any, then the number; how it ended is told to us."""
    root = ET.fromstring(
        transfer_twiml(URL, number="+15550199", call_id="CA1", words="One moment.")
    )
    assert [element.tag for element in root.iter()] == ["Response", "Say", "Dial", "Number"]
    assert root[1].attrib["action"] == f"{URL}/twilio/dial"
    assert root[1][0].text == "+15550199"
    assert root[1][0].attrib["url"] == f"{URL}/twilio/whisper?call=CA1"
    assert ET.fromstring(transfer_twiml(URL, number="+1", call_id="CA1"))[0].tag == "Dial"


def test_the_whisper_is_one_line_and_may_be_empty() -> None:
    """At its end the caller is put through."""
    root = ET.fromstring(whisper_twiml("A caller & more.", say=tongue("ar")))
    assert root[0].attrib == {"language": "arb", "voice": "Polly.Zeina"}
    assert root[0].text == "A caller & more."
    assert len(ET.fromstring(whisper_twiml(""))) == 0


@pytest.mark.parametrize(
    ("language", "voice", "told"),
    [
        ("en", "", ("en-US", "")),
        ("ar", "", ("arb", "Polly.Zeina")),
        ("ar", "Polly.Hala", ("arb", "Polly.Hala")),
        ("en-GB", "Polly.Amy", ("en-GB", "Polly.Amy")),
        ("de-DE", "", ("de-DE", "")),
    ],
)
def test_the_carrier_speaks_the_agents_language(
    language: str, voice: str, told: tuple[str, str]
) -> None:
    """In a voice that knows it, or in the one that was named."""
    say = tongue(language, voice)
    assert (say.language, say.voice) == told


SID = "RE" + "0123456789abcdef" * 2
TOLD = {
    "RecordingSid": SID,
    "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{SID}",
    "RecordingDuration": "12",
    "RecordingStatus": "completed",
}


def test_a_recording_is_read_from_its_callback() -> None:
    """Where it is, how long, and whether the carrier has it whole."""
    found = recording(TOLD, api_url="https://api.twilio.com")
    assert found == Recording(SID, TOLD["RecordingUrl"], 12, is_complete=True)
    early = recording(
        {**TOLD, "RecordingStatus": "", "RecordingDuration": "x"}, api_url="https://api.twilio.com"
    )
    assert early == Recording(SID, TOLD["RecordingUrl"], 0, is_complete=False)


@pytest.mark.parametrize("host", ["https://api.ie1.twilio.com", "http://127.0.0.1:7900"])
def test_a_region_of_the_carrier_or_the_configured_address_keeps_recordings_too(host: str) -> None:
    """Europe, or the lab."""
    url = f"{host}/2010-04-01/Accounts/AC1/Recordings/{SID}"
    assert recording({**TOLD, "RecordingUrl": url}, api_url="http://127.0.0.1:7900") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"RecordingSid": ""},
        {"RecordingSid": "RE1"},
        {"RecordingSid": "RE" + "g" * 32},
        {"RecordingUrl": ""},
        {"RecordingUrl": f"https://evil.example/Recordings/{SID}"},
        {"RecordingUrl": f"https://api.twilio.com.evil.example/Recordings/{SID}"},
        {"RecordingUrl": f"https://evil.example#.twilio.com/Recordings/{SID}"},
        {"RecordingUrl": f"http://api.twilio.com/Recordings/{SID}"},
        {"RecordingUrl": f"javascript:alert(1)//x.twilio.com/Recordings/{SID}"},
        {"RecordingUrl": f"https://api.twilio.com/Recordings/{SID}?x=1"},
        {"RecordingUrl": "https://api.twilio.com/2010-04-01/Recordings/RE" + "0" * 32},
        {"RecordingUrl": f"https://api.twilio.com/{'x' * 300}/Recordings/{SID}"},
        {"RecordingUrl": f"https://[/Recordings/{SID}"},
    ],
)
def test_what_is_no_recording_of_the_carriers_is_none(wrong: dict[str, str]) -> None:
    """It would be shown as a link, and deleted with our account."""
    assert recording({**TOLD, **wrong}, api_url="https://api.twilio.com") is None


@given(st.dictionaries(st.sampled_from(sorted(TOLD)), st.text(max_size=80)))
def test_any_callback_is_a_recording_or_none(odd: dict[str, str]) -> None:
    """Whatever stands in its fields."""
    found = recording({**TOLD, **odd}, api_url="https://api.twilio.com")
    assert found is None or found.url.endswith(found.recording_id)


def test_hang_up() -> None:
    """One verb."""
    assert [element.tag for element in ET.fromstring(hangup_twiml())] == ["Hangup"]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"api_url": "api.twilio.com"}, "twilio.api_url"),
        ({"rest_timeout_s": 0}, "twilio.rest_timeout_s"),
        ({"token_life_s": 0}, "twilio.token_life_s"),
    ],
)
def test_settings_name_what_is_wrong(wrong: dict[str, object], named: str) -> None:
    """A setting out of range is refused with its name."""
    with pytest.raises(ValueError, match=named):
        Twilio(**wrong)  # type: ignore[arg-type]
