// The queue: counts down, puts in what changed, and goes by the keyboard. Without this script the
// page is the same, as of when it was loaded, and its forms work.
"use strict";
(() => {
  const list = document.getElementById("list");
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  const help = document.getElementById("help");
  const bulk = document.querySelector("details.bulk");
  // Changes often come in bursts: the list is fetched at most this often (milliseconds).
  const BETWEEN_FETCHES = 1000;
  // The service says every 15 s that it is there.
  const SILENT_TOO_LONG = 40000;

  const tick = () => {
    const at = now();
    for (const cell of list.querySelectorAll("[data-due]")) {
      const left = Date.parse(cell.dataset.due) - at;
      const text = left < 0 ? `over by ${words(-left)}` : words(left);
      if (cell.textContent !== text) cell.textContent = text;
      cell.classList.toggle("is-over", left < 0);
    }
  };

  // --- the list: what is selected and where one is stays when it is put in anew ---
  const rows = () => [...list.querySelectorAll("#rows > tr")];
  const boxes = () => [...list.querySelectorAll('#rows input[name="ticket"]')];
  let current = "";
  const mark = (row, { focus = true } = {}) => {
    for (const each of rows()) each.classList.toggle("is-current", each === row);
    current = row ? row.id : "";
    if (row && focus) {
      row.querySelector("a").focus();
      row.scrollIntoView({ block: "nearest" });
    }
  };
  const count = () => {
    const place = document.getElementById("selected");
    const number = boxes().filter((box) => box.checked).length;
    if (place) place.textContent = number ? `(${number})` : "";
  };
  const put = (html) => {
    const chosen = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const row = focused?.closest("#rows > tr")?.id;
    const isBox = focused?.type === "checkbox";
    list.innerHTML = html;
    for (const box of boxes()) box.checked = chosen.has(box.value);
    const found = (row || current) && document.getElementById(row || current);
    if (found) {
      mark(found, { focus: false });
      if (row) found.querySelector(isBox ? "input" : "a").focus({ preventScroll: true });
    }
    tick();
    count();
  };

  const { now, words, tickOn, refresh, show, showLost, showLive, waitAfter } = liveList(
    { path: "/queue/rows", live, between: BETWEEN_FETCHES, put, tick });

  // --- the stream: one for all pages of this browser, held by one of them ---
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("pledge-queue") : null;
  let watch = 0;
  const lost = () => {
    clearTimeout(watch);
    if (showLost()) news.textContent = "The connection is lost.";
  };
  const heard = (what) => {
    if (what === "lost") { lost(); return; }
    clearTimeout(watch);
    watch = setTimeout(lost, SILENT_TOO_LONG);
    // A change may have gone by while nobody listened.
    if (what === "changed" || live.dataset.state !== "live") refresh();
    if (showLive()) news.textContent = "The list is live again.";
  };
  const tell = (what) => { heard(what); channel?.postMessage(what); };
  channel?.addEventListener("message", (event) => {
    if (event.data !== "asked") heard(event.data);
  });
  // A page that comes later hears at once how it stands.
  channel?.postMessage("asked");
  const hold = () => new Promise(() => {
    let failures = 0;
    const listen = () => {
      const source = new EventSource("/queue/changes");
      let silence = 0;
      const again = () => {
        clearTimeout(silence);
        source.close();
        tell("lost");
        setTimeout(listen, waitAfter(failures));
        failures += 1;
      };
      const got = (what) => {
        failures = 0;
        clearTimeout(silence);
        silence = setTimeout(again, SILENT_TOO_LONG);
        tell(what);
      };
      source.addEventListener("alive", () => got("alive"));
      source.addEventListener("changed", () => got("changed"));
      source.addEventListener("error", again);
    };
    channel?.addEventListener("message", (event) => {
      if (event.data === "asked" && live.dataset.state === "live") channel.postMessage("alive");
    });
    listen();
  });

  // --- keys ---
  const step = (by) => {
    const all = rows();
    const at = all.findIndex((row) => row.id === current);
    mark(all[Math.min(all.length - 1, Math.max(0, at + by))]);
  };
  const select = () => {
    const box = document.getElementById(current)?.querySelector('input[name="ticket"]');
    if (box) { box.checked = !box.checked; count(); }
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    x: select,
    a: () => { if (bulk) { bulk.open = true; bulk.querySelector("input, select").focus(); } },
    n: () => document.querySelector('a[rel="next"]')?.click(),
    "/": () => document.getElementById("q").focus(),
    Enter: () => document.getElementById(current)?.querySelector("a").click(),
  };
  for (const number of [1, 2, 3, 4, 5]) {
    keys[number] = () => document.querySelectorAll("#views a")[number - 1]?.click();
  }
  pageKeys({ keys, help });
  list.addEventListener("focusin", (event) => {
    const row = event.target.closest("#rows > tr");
    if (row) mark(row, { focus: false });
  });
  list.addEventListener("change", count);
  count();
  tickOn();
  show("", "Connecting…");
  if (channel && navigator.locks) navigator.locks.request("pledge-queue", hold);
  else hold();
})();
