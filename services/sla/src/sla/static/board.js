// The live board: counts down, and fetches its rows anew when the service says that something
// changed. Without this script the page is the same, as of when it was loaded.
"use strict";
(() => {
  const rows = document.getElementById("rows");
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  // Times are the service's: the browser's clock may be wrong.
  const ahead = Date.parse(live.dataset.now) - Date.now();
  let ticketsSeenBreached = null;

  const words = (seconds) => {
    const sign = seconds < 0 ? "−" : "";
    let left = Math.abs(Math.trunc(seconds));
    const parts = [];
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
      const count = Math.floor(left / size);
      left -= count * size;
      if (count) parts.push(`${count}\u00a0${unit}`);
    }
    return sign + (parts.slice(0, 2).join("\u00a0") || "0\u00a0s");
  };

  const tick = () => {
    const now = Date.now() + ahead;
    for (const cell of rows.querySelectorAll("[data-due]")) {
      const text = words((Date.parse(cell.dataset.due) - now) / 1000);
      if (cell.textContent !== text) cell.textContent = text;
    }
  };

  const breached = () =>
    new Map([...rows.querySelectorAll('tr[data-state="breached"]')].map((row) => [
      row.id, `${row.cells[1].textContent}: ${row.cells[5].firstChild.textContent.trim()} breached`,
    ]));

  const announce = () => {
    const now = breached();
    if (ticketsSeenBreached !== null) {
      const fresh = [...now].filter(([id]) => !ticketsSeenBreached.has(id)).map(([, text]) => text);
      if (fresh.length) news.textContent = fresh.slice(0, 5).join("; ");
    }
    ticketsSeenBreached = new Set(now.keys());
  };

  let isFetching = false;
  let isStale = false;
  const refresh = async () => {
    if (isFetching) { isStale = true; return; }
    isFetching = true;
    try {
      const answer = await fetch(`/board/rows${location.search}`, { headers: { accept: "text/html" } });
      if (answer.status === 401 || answer.redirected) { location.reload(); return; }
      if (answer.ok) {
        const focused = document.activeElement?.closest?.("tr")?.id;
        rows.innerHTML = await answer.text();
        if (focused) document.getElementById(focused)?.querySelector("a")?.focus();
        tick();
        announce();
      }
    } finally {
      isFetching = false;
      if (isStale) { isStale = false; setTimeout(refresh, 250); }
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const links = [...rows.querySelectorAll("td a")];
    const at = links.indexOf(document.activeElement);
    const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step];
    if (next) { next.focus(); event.preventDefault(); }
  });

  const source = new EventSource("/board/changes");
  source.addEventListener("open", () => { live.textContent = "Live."; refresh(); });
  source.addEventListener("changed", refresh);
  source.addEventListener("error", () => { live.textContent = "Not live: the connection is lost, trying again."; });
  setInterval(tick, 1000);
  tick();
  announce();
})();
