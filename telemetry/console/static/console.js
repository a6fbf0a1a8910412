"use strict";
// The pages are whole without this. It listens to the calls' events and asks for fresh parts.
(() => {
  const DOING = {
    "caller.speaking": "caller speaks",
    "caller.silent": "is the caller done?",
    "agent.speaking": "agent speaks",
    "agent.silent": "listening",
    "agent.held": "agent held",
    "interruption": "caller interrupts",
  };
  const PARTS_EVERY_MS = 5000; // whole pages are worked out from stored calls: not more often
  const LIVE_EVERY_MS = 1000;
  const stream = document.getElementById("stream");
  const watched = document.body.dataset.call || "";
  const skewS = Date.now() / 1000 - Number(document.body.dataset.now);

  function say(state, words) {
    stream.hidden = false;
    stream.dataset.state = state;
    stream.textContent = words;
  }

  // Run at once, then at most once per `everyMs`; what comes meanwhile is done once, later.
  function sparingly(work, everyMs) {
    let timer = null;
    let lastAt = -Infinity;
    return () => {
      if (timer !== null) return;
      const waitMs = Math.max(0, lastAt + everyMs - performance.now());
      timer = setTimeout(() => {
        timer = null;
        lastAt = performance.now();
        work().catch(() => {}); // the stream's own state says when the server is away
      }, waitMs);
    };
  }

  function put(old, fresh) {
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceWith(fresh);
    if (focused) {
      const again = [...fresh.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused);
      if (again) again.focus({ preventScroll: true });
    }
  }

  async function refresh(url) {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-fresh]")) {
      const fresh = page.getElementById(old.id);
      if (fresh && fresh.outerHTML !== old.outerHTML) put(old, document.adoptNode(fresh));
    }
  }

  const page = sparingly(() => refresh(location.href), watched ? LIVE_EVERY_MS : PARTS_EVERY_MS);
  const live = document.getElementById("live")
    ? sparingly(() => refresh("/console/live"), LIVE_EVERY_MS)
    : () => {};

  function happened(message) {
    const event = JSON.parse(message.data);
    const doing = DOING[event.type];
    if (doing) {
      for (const row of document.querySelectorAll("[data-live-call]")) {
        if (row.dataset.liveCall === event.call_id) row.querySelector("[data-doing]").textContent = doing;
      }
      return;
    }
    if (watched) {
      if (event.call_id === watched) page();
      return;
    }
    live();
    if (event.type === "call.ended") page();
  }

  function tick() {
    const nowS = Date.now() / 1000 - skewS;
    for (const cell of document.querySelectorAll("[data-since]")) {
      const whole = Math.max(0, Math.round(nowS - Number(cell.dataset.since)));
      const rest = String(whole % 60).padStart(2, "0");
      cell.textContent = whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${rest} s`;
    }
  }

  const events = new EventSource("/api/events");
  events.onopen = () => {
    say("open", "live");
    live(); // what happened while nobody listened
  };
  events.onerror = () => say("lost", "reconnecting");
  for (const type of [...Object.keys(DOING), "call.started", "turn", "tool", "fault", "call.ended"]) {
    events.addEventListener(type, happened);
  }
  setInterval(tick, 1000);
})();
