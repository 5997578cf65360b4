// What a list that counts down and renews itself needs, on each service's pages: the service's
// clock, the words of a countdown, fetching the rows anew, and saying whether they are live.
"use strict";
const liveList = ({ path, live, between, put, tick }) => {
  const said = live.querySelector(".said");

  // --- the clock: the service's, because the browser's may be wrong ---
  let ahead = Date.parse(live.dataset.now) - Date.now();
  const now = () => Date.now() + ahead;
  const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
  const words = (milliseconds) => {
    const seconds = Math.max(0, Math.trunc(milliseconds / 1000));
    for (const [size, unit, smaller, name] of UNITS) {
      if (seconds < size) continue;
      const rest = String(Math.floor((seconds % size) / smaller)).padStart(2, "0");
      return `${Math.floor(seconds / size)}\u00a0${unit}\u00a0${rest}\u00a0${name}`;
    }
    return `${seconds}\u00a0s`;
  };
  // Just after each full second, so that no second is skipped.
  const tickOn = () => { tick(); setTimeout(tickOn, 1000 - (now() % 1000) + 5); };

  // --- the rows: changes often come in bursts, so they are fetched at most once in `between` ms ---
  let isFetching = false;
  let isStale = false;
  const refresh = async () => {
    if (isFetching) { isStale = true; return; }
    isFetching = true;
    isStale = false;
    try {
      const answer = await fetch(`${path}${location.search}`, { headers: { accept: "text/html" } });
      // Signed out, or signed in elsewhere: the page itself leads on.
      if (answer.redirected || [401, 403, 422].includes(answer.status)) { location.reload(); return; }
      if (answer.ok) {
        ahead = Date.parse(answer.headers.get("x-pledge-now")) - Date.now();
        put(await answer.text());
      }
    } catch {
      // The stream's loss says so; it tries again.
    } finally {
      setTimeout(() => { isFetching = false; if (isStale) refresh(); }, between);
    }
  };

  // --- whether the list is live ---
  const show = (state, text) => {
    live.dataset.state = state;
    if (said.textContent !== text) said.textContent = text;
  };
  // Since when the connection is lost; true when that is news. In UTC, which needs no zone data: the
  // browser's may contradict the due times beside it.
  const showLost = () => {
    const isNews = !live.dataset.since;
    if (isNews) live.dataset.since = `${new Date(now()).toISOString().slice(11, 19)} UTC`;
    const since = live.dataset.since;
    show("lost", `Connection lost at ${since}. The list may be out of date; trying again.`);
    return isNews;
  };
  // True when the connection had been lost.
  const showLive = () => {
    const wasLost = Boolean(live.dataset.since);
    delete live.dataset.since;
    show("live", "Live");
    return wasLost;
  };
  // How long until the next try after so many failures: twice as long each time, not all at once.
  const waitAfter = (failures) =>
    Math.min(30000, 1000 * 2 ** failures) * (0.75 + Math.random() / 2);

  return { now, words, tickOn, refresh, show, showLost, showLive, waitAfter };
};
