"""The lab's own doors: arm faults, turn knobs, read what the providers saw."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from lab.faults import NOW, SHAPES
from lab.world import WORLD, World, parse_object


def bad(message: str, *, status: int = 400) -> web.Response:
    """One clear line."""
    return web.json_response({"error": message}, status=status)


async def arm(request: web.Request) -> web.Response:
    """`POST /control`: one fault, or a list of them (all or none)."""
    world: World = request.app[WORLD]
    try:
        body: Any = await request.json()
    except ValueError:
        return bad("the body is not JSON")
    specs = body if isinstance(body, list) else [body]
    if not all(isinstance(spec, dict) for spec in specs):
        return bad("a fault is a JSON object with provider and shape")
    try:
        faults = [world.faults.add(spec) for spec in specs]
    except ValueError as error:
        return bad(str(error))
    dropped = [await world.restart(fault) for fault in faults if fault.moment == NOW]
    answer = [fault.as_dict() for fault in faults]
    for fault in answer:
        world.log.add("control", "armed", fault=fault)
    if isinstance(body, list):
        return web.json_response(answer, status=201)
    return web.json_response(answer[0] | ({"dropped": dropped[0]} if dropped else {}), status=201)


async def armed(request: web.Request) -> web.Response:
    """`GET /control`: what waits to strike, and what could."""
    world: World = request.app[WORLD]
    shapes = {
        name: {
            "meaning": shape.meaning,
            "providers": list(shape.providers),
            "moments": list(shape.moments),
            "parameters": dict(shape.parameters),
        }
        for name, shape in SHAPES.items()
    }
    return web.json_response(
        {
            "faults": [fault.as_dict() for fault in world.faults.armed()],
            "shapes": shapes,
            "profile": world.delays.name,
            "seed": world.delays.seed,
            "sockets": len(world.lines),
        }
    )


async def disarm(request: web.Request) -> web.Response:
    """`DELETE /control`: no faults. `DELETE /control/{id}`: not this one."""
    world: World = request.app[WORLD]
    number = request.match_info.get("id")
    if number is None:
        world.faults.clear()
        world.closed_until.clear()
    elif not number.isdecimal() or not world.faults.remove(int(number)):
        return bad(f"no fault {number} is armed", status=404)
    return web.json_response({"faults": [fault.as_dict() for fault in world.faults.armed()]})


async def reset(request: web.Request) -> web.Response:
    """`POST /control/reset`: as freshly started, sockets left open."""
    world: World = request.app[WORLD]
    world.reset()
    return web.json_response({"reset": True})


async def log(request: web.Request) -> web.Response:
    """`GET /control/log?provider=&kind=&since=&limit=`."""
    world: World = request.app[WORLD]
    query = request.query
    numbers = {
        name: query.get(name, default) for name, default in (("since", "0"), ("limit", "2000"))
    }
    for name, value in numbers.items():
        if not value.isdecimal():
            return bad(f"{name} must be a whole number, not {value!r}")
    entries = world.log.read(
        provider=query.get("provider", ""),
        kind=query.get("kind", ""),
        since=int(numbers["since"]),
        limit=int(numbers["limit"]),
    )
    return web.json_response({"entries": entries, "last": world.log.last})


async def knobs(request: web.Request) -> web.Response:
    """`GET /control/knobs`."""
    return web.json_response(request.app[WORLD].knobs.as_dict())


async def turn(request: web.Request) -> web.Response:
    """`PATCH /control/knobs {"deepgram": {"interim_s": 0.2}}`."""
    world: World = request.app[WORLD]
    body = parse_object(await request.text())
    if body is None or not all(isinstance(group, dict) for group in body.values()):
        return bad('the body must be like {"deepgram": {"interim_s": 0.2}}')
    try:
        for provider, group in body.items():
            for name, value in group.items():
                world.knobs.set(provider, name, value)
    except ValueError as error:
        return bad(str(error))
    return web.json_response(world.knobs.as_dict())


def routes() -> list[web.RouteDef]:
    """Where the lab's own doors are."""
    return [
        web.post("/control", arm),
        web.get("/control", armed),
        web.delete("/control", disarm),
        web.delete("/control/{id:\\d+}", disarm),
        web.post("/control/reset", reset),
        web.get("/control/log", log),
        web.get("/control/knobs", knobs),
        web.patch("/control/knobs", turn),
    ]
