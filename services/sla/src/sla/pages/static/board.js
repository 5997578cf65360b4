// The live board: counts down, and puts in what changed when the service says that something did.
// Without this script the page is the same, as of when it was loaded.
"use strict";
(() => {
  const list = document.getElementById("list");
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  // Changes often come in bursts: the list is fetched at most this often (milliseconds).
  const BETWEEN_FETCHES = 400;
  // A screen reader announces breaches at most this often.
  const BETWEEN_NEWS = 5000;
  // The service says every 15 s that it is there.
  const SILENT_TOO_LONG = 40000;
  // A page that nobody sees gives its connection to others: a browser has but six per service.
  const HIDDEN_FOR = 60000;

  const tick = () => {
    const at = now();
    for (const cell of list.querySelectorAll("[data-due]")) {
      const left = Date.parse(cell.dataset.due) - at;
      const text = cell.dataset.counts === "up" ? `over by ${words(-left)}` : words(left);
      if (cell.textContent !== text) cell.textContent = text;
    }
  };

  // --- news, for who does not see the list ---
  const breached = () => new Set(
    [...list.querySelectorAll('tr[data-state="breached"]')].map((row) => row.id));
  let known = breached();
  let untold = [];
  let isTelling = false;
  const tellSoon = () => {
    if (isTelling || !untold.length) return;
    isTelling = true;
    const first = untold.slice(0, 3).join("; ");
    const more = untold.length > 3 ? `; and ${untold.length - 3} more` : "";
    news.textContent = `Breached: ${first}${more}`;
    untold = [];
    setTimeout(() => { isTelling = false; tellSoon(); }, BETWEEN_NEWS);
  };
  const noteBreaches = () => {
    const found = breached();
    for (const id of found) {
      if (known.has(id)) continue;
      const row = document.getElementById(id);
      row.classList.add("is-new");
      const promise = row.querySelector(".c-promise").firstChild.textContent.trim();
      untold.push(`${row.querySelector("a").textContent}, ${promise}`);
    }
    known = found;
    tellSoon();
  };

  // --- the list, row by row: what did not change stays, with its focus and selection ---
  const asSent = new Map();
  const content = (row) => {
    const copy = row.cloneNode(true);
    for (const cell of copy.querySelectorAll("[data-due]")) cell.textContent = "";
    return copy.innerHTML + copy.dataset.state;
  };
  const remember = () => {
    asSent.clear();
    for (const row of list.querySelectorAll("#rows > tr")) asSent.set(row.id, content(row));
  };
  const putRows = (rows, fresh) => {
    const wanted = new Set([...fresh.children].map((row) => row.id));
    for (const row of [...rows.children]) if (!wanted.has(row.id)) row.remove();
    let place = rows.firstElementChild;
    for (const row of [...fresh.children]) {
      const html = content(row);
      let shown = document.getElementById(row.id);
      if (!shown) {
        rows.insertBefore(row, place);
      } else {
        if (asSent.get(row.id) !== html) {
          const hasFocus = shown.contains(document.activeElement);
          if (shown === place) place = row;
          shown.replaceWith(row);
          shown = row;
          if (hasFocus) row.querySelector("a").focus();
        }
        if (shown === place) place = shown.nextElementSibling;
        else move(rows, shown, place);
      }
      asSent.set(row.id, html);
    }
    for (const id of asSent.keys()) if (!wanted.has(id)) asSent.delete(id);
  };
  const move = (rows, row, place) => {
    const focused = row.contains(document.activeElement) ? document.activeElement : null;
    rows.insertBefore(row, place);
    focused?.focus({ preventScroll: true });
  };
  const put = (html) => {
    const sent = document.createElement("template");
    sent.innerHTML = html;
    const fresh = sent.content.getElementById("rows");
    const rows = document.getElementById("rows");
    if (!fresh || !rows) {
      list.replaceChildren(sent.content);
      remember();
    } else {
      for (const id of ["states", "pages"]) {
        const [old, other] = [document.getElementById(id), sent.content.getElementById(id)];
        if (old.innerHTML !== other.innerHTML) putLinks(old, other);
      }
      putRows(rows, fresh);
    }
    tick();
    noteBreaches();
  };
  const putLinks = (old, fresh) => {
    const place = [...old.querySelectorAll("a")].indexOf(document.activeElement);
    old.replaceChildren(...fresh.childNodes);
    if (place >= 0) old.querySelectorAll("a")[place]?.focus();
  };

  const { now, words, tickOn, refresh, show, showLost, showLive, waitAfter } = liveList(
    { path: "/board/rows", live, between: BETWEEN_FETCHES, put, tick });

  // --- the stream ---
  let source = null;
  let failures = 0;
  let retry = 0;
  let watch = 0;
  const received = () => {
    clearTimeout(watch);
    watch = setTimeout(lost, SILENT_TOO_LONG);
    failures = 0;
  };
  const stop = () => {
    clearTimeout(retry);
    clearTimeout(watch);
    source?.close();
    source = null;
  };
  const lost = () => {
    stop();
    if (showLost()) news.textContent = "The connection is lost.";
    retry = setTimeout(listen, waitAfter(failures));
    failures += 1;
  };
  const listen = () => {
    stop();
    if (failures) refresh();
    source = new EventSource("/board/changes");
    source.addEventListener("alive", () => {
      // A change may have gone by while nobody listened.
      if (live.dataset.state !== "live") refresh();
      if (showLive()) news.textContent = "The board is live again.";
      received();
    });
    source.addEventListener("changed", () => { received(); refresh(); });
    source.addEventListener("error", lost);
  };
  let hidden = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(() => { stop(); show("", "Resting"); }, HIDDEN_FOR);
    else if (!source) { failures = 0; listen(); }
  });
  // A browser that keeps the page for "back" keeps no stream with it.
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });

  // --- keys and clicks ---
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const links = [...list.querySelectorAll("#rows a")];
    const at = links.indexOf(document.activeElement);
    if (at < 0) return;
    const place = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (place === undefined) return;
    event.preventDefault();
    links[place]?.focus();
  });
  list.addEventListener("click", (event) => {
    const row = event.target.closest("#rows > tr");
    // Links open themselves, and who marks text does not want to leave.
    if (!row || event.target.closest("a") || String(getSelection())) return;
    row.querySelector("a").click();
  });
  remember();
  tickOn();
  show("", "Connecting…");
  listen();
})();
