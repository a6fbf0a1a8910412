"""What the carrier does with a call besides the stream: follows TwiML, document by document, to the
call's end, and keeps what it did.

A document that cannot be had is asked of the number's Voice Fallback URL instead, once. `<Record>`
takes the caller's message and tells the bot where it is; `<Dial>` calls a person, who hears the
whisper before the caller does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import aiohttp

from lab.clock import Clock
from lab.conformance import Conformance
from lab.dialling import DialError, StreamOffer, Verb, ask, stream_offer, verbs
from lab.plan import Plan

MAX_DOCUMENTS = 10  # TwiML that redirects for ever is cut off
REST = "https://api.twilio.com"
HTTP_FAILURE = "11200"  # the carrier's code for a document it could not fetch
SPOKEN = ("Say", "Play")


@dataclass(frozen=True)
class Deed:
    """Something the carrier did: say, record, dial, whisper, fallback, reject, hang_up, dropped."""

    did: str
    told: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """For the report."""
        return {"did": self.did, **self.told}


@dataclass(frozen=True)
class _Next:
    """The document to ask for."""

    url: str
    form: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


class Switchboard:
    """One call at the carrier."""

    def __init__(
        self,
        plan: Plan,
        *,
        session: aiohttp.ClientSession,
        conformance: Conformance,
        clock: Clock,
        connect: Callable[[StreamOffer], Awaitable[str]],
    ) -> None:
        """`connect` stays with a stream until it is over and says who ended it."""
        self._plan = plan
        self._session = session
        self._conformance = conformance
        self._clock = clock
        self._connect = connect
        self._has_streamed = False
        self._has_fallen_back = False
        self._callbacks: list[asyncio.Task[None]] = []
        self.verbs: list[Verb] = []
        self.deeds: list[Deed] = []

    async def follow(self, url: str) -> None:
        """From the voice webhook to the end of the call; `DialError` if nobody answers at all."""
        try:
            await self._follow(url)
        finally:
            await asyncio.gather(*self._callbacks, return_exceptions=True)

    async def _follow(self, url: str) -> None:
        following: _Next | None = _Next(url)
        documents = 0
        while following is not None and documents <= MAX_DOCUMENTS:
            documents += 1
            url, todo = await self._document(following)
            following = await self._obey(todo, url)

    async def _document(self, wanted: _Next) -> tuple[str, list[Verb]]:
        """The verbs of a document and where it came from; of the fallback if it cannot be had."""
        is_first = not self.verbs
        rule = "webhook-answers" if is_first else "next-verb"
        try:
            todo = await self._ask(wanted, status="ringing" if is_first else "in-progress")
            self._conformance.kept(rule)
            return wanted.url, todo
        except DialError as error:
            self._conformance.broken(rule, str(error))
            if self._plan.fallback and not self._has_fallen_back:
                return await self._fall_back(str(error), failed=wanted.url)
            if is_first:
                raise
            self._note("dropped", because=str(error))
            return wanted.url, []

    async def _fall_back(self, why: str, *, failed: str) -> tuple[str, list[Verb]]:
        self._has_fallen_back = True
        fallback = self._plan.fallback
        self._note("fallback", url=fallback, because=why)
        if "://" not in fallback:
            return fallback, _read(fallback)
        form = {"ErrorCode": HTTP_FAILURE, "ErrorUrl": failed}
        try:
            return fallback, await self._ask(_Next(fallback, form, "GET"), status="in-progress")
        except DialError as error:
            self._note("dropped", because=str(error))
            return fallback, []

    async def _ask(self, wanted: _Next, *, status: str) -> list[Verb]:
        form = {**self._plan.phone.form(status), **wanted.form}
        return await ask(
            self._session, wanted.url, phone=self._plan.phone, form=form, method=wanted.method
        )

    def _note(self, did: str, **told: object) -> None:
        self.deeds.append(Deed(did, told))

    # ── verbs ────────────────────────────────────────────────────────────────────────
    async def _obey(self, todo: list[Verb], url: str) -> _Next | None:
        """Carry out a document; the next one, or None when the call is over."""
        for verb in todo:
            self.verbs.append(verb)
            offer = stream_offer(verb, base_url=url, conformance=self._conformance)
            if offer and not self._has_streamed:  # a second stream is not followed
                self._has_streamed = True
                if await self._connect(offer) != "bot":
                    return None
                continue
            if verb.name in ("Hangup", "Reject"):
                self._note("hang_up" if verb.name == "Hangup" else "reject")
                return None
            following = await self._go_on(verb, url)
            if following is not None:
                return following
        if todo:
            self._note("hang_up")  # the document is at its end, and so is the call
        return None

    async def _go_on(self, verb: Verb, url: str) -> _Next | None:
        """The document that takes over, or None: the next verb does."""
        match verb.name:
            case "Redirect":
                return _Next(urljoin(url, verb.text), method=_method(verb))
            case "Record":
                return await self._record(verb, url)
            case "Dial":
                return await self._dial(verb, url)
            case name if name in SPOKEN:
                self._note("say", text=verb.text)
        return None

    async def _record(self, verb: Verb, url: str) -> _Next | None:
        """A tone, then the caller's message; of silence nothing is kept."""
        spoken_s = min(self._plan.message_s, float(verb.attributes.get("maxLength", 3600)))
        await self._clock.sleep_until(self._clock.now() + spoken_s)
        if not spoken_s:
            self._note("record", seconds=0)
            return None
        sid = "RE" + secrets.token_hex(16)
        account = self._plan.phone.ids.account_sid
        rest = self._plan.rest_url or REST
        form = {
            "RecordingSid": sid,
            "RecordingUrl": f"{rest}/2010-04-01/Accounts/{account}/Recordings/{sid}",
            "RecordingDuration": f"{max(1, round(spoken_s))}",
        }
        await self._keep(sid)
        self._note("record", seconds=spoken_s, sid=sid, url=form["RecordingUrl"])
        callback = verb.attributes.get("recordingStatusCallback")
        if callback:
            more = {**form, "RecordingStatus": "completed", "RecordingChannels": "1"}
            self._callbacks.append(asyncio.create_task(self._tell(urljoin(url, callback), more)))
        action = verb.attributes.get("action", url)
        return _Next(urljoin(url, action), {**form, "Digits": "#"}, _method(verb))

    async def _keep(self, sid: str) -> None:
        """Have the lab's REST know of the recording."""
        if self._plan.rest_url:
            async with self._session.put(f"{self._plan.rest_url}/control/recordings/{sid}"):
                pass

    async def _tell(self, url: str, form: Mapping[str, str]) -> None:
        """A callback; what it answers is nobody's business, but that it does is a rule's."""
        phone = self._plan.phone
        whole = {**phone.form("completed"), **form}
        try:
            async with self._session.post(
                phone.route(url), data=whole, headers=phone.signed(url, whole)
            ) as answer:
                detail = f"{url}: answered {answer.status}"
                self._conformance.judge("callbacks", answer.status < 300, detail=detail)
        except aiohttp.ClientError as error:
            self._conformance.broken("callbacks", f"{url}: {type(error).__name__}")

    async def _dial(self, verb: Verb, url: str) -> _Next | None:
        """Call a person; who answers hears the whisper first."""
        child = "CA" + secrets.token_hex(16)
        number = verb.element.find("Number")
        person = self._plan.person
        is_answered = person == "completed"
        self._note("dial", number=verb.text, status=person)
        if is_answered and number is not None and number.get("url"):
            await self._whisper(urljoin(url, number.get("url", "")), child, called=verb.text)
        action = verb.attributes.get("action")
        if action is None:
            return None
        form = {"DialCallStatus": person, "DialCallSid": child}
        if is_answered:
            form |= {"DialCallDuration": "1", "DialBridged": "true"}
        return _Next(urljoin(url, action), form, _method(verb))

    async def _whisper(self, url: str, child: str, *, called: str) -> None:
        """What the person hears before the caller is put through."""
        form = {
            "CallSid": child,
            "ParentCallSid": self._plan.phone.ids.call_sid,
            "To": called,
            "Called": called,
            "Direction": "outbound-dial",
        }
        try:
            heard = await self._ask(_Next(url, form), status="in-progress")
            self._conformance.kept("next-verb")
        except DialError as error:
            self._conformance.broken("next-verb", str(error))
            return
        self._note("whisper", text=" ".join(verb.text for verb in heard if verb.name in SPOKEN))


def led_to(deeds: list[Deed]) -> str:
    """Where the caller ended up: with a person, at the voicemail, or nowhere."""
    if any(deed.did == "record" and deed.told["seconds"] for deed in deeds):
        return "voicemail"
    if any(deed.did == "dial" and deed.told["status"] == "completed" for deed in deeds):
        return "person"
    return ""


def _read(file: str) -> list[Verb]:
    return verbs(Path(file).read_text("utf-8"), url=file)


def _method(verb: Verb) -> str:
    return verb.attributes.get("method", "POST").upper()
