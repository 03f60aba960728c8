// The queue from the keyboard: J and K to move, A to approve, R to reject, C to ask for changes, X to select.
(() => {
  "use strict";
  const root = document.querySelector("[data-queue]");
  if (!root) return;
  const rows = [...root.querySelectorAll("[data-row]")];
  const peek = root.querySelector("[data-peek]");
  const form = root.querySelector("[data-decide]");
  const announceBox = document.querySelector("[data-announce]");
  const wide = window.matchMedia("(min-width: 1181px)");
  let current = -1;
  let busy = false;
  let asked = 0;
  let shownId = "";

  const announce = (text) => { announceBox.textContent = text; };
  const isOpen = (row) => !row.hasAttribute("data-done");

  function go(index, { focus = true } = {}) {
    if (index < 0 || index >= rows.length) return;
    rows[current]?.removeAttribute("data-current");
    current = index;
    const row = rows[current];
    row.setAttribute("data-current", "");
    if (focus) row.querySelector(".cs-row__main").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    look(row);
  }
  function next(step) {
    go(current < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, current + step)));
  }
  function nextOpen() {
    const after = rows.findIndex((row, index) => index > current && isOpen(row));
    const any = after >= 0 ? after : rows.findIndex(isOpen);
    if (any >= 0) go(any);
    else {
      announce("Nothing on this page waits any more.");
      window.setTimeout(() => window.location.reload(), 900);
    }
  }

  // Beside the list: what the line stands for. A decision stays bound to the digest of the line.
  async function look(row) {
    if (!wide.matches) return;
    const mine = ++asked;
    shownId = "";
    peek.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(`${root.dataset.peekBase}${row.dataset.id}/`, { redirect: "manual" });
      if (mine !== asked) return;
      if (!response.ok) throw new Error(String(response.status));
      peek.innerHTML = await response.text();
      peek.scrollTop = 0;
      shownId = row.dataset.id;
      if (isOpen(row)) row.querySelector(".cs-row__said").textContent = "";
      const shown = peek.querySelector("[data-peeked]");
      const acts = root.querySelector("[data-acts]");
      if (acts) acts.hidden = !shown || !shown.hasAttribute("data-decidable") || !isOpen(row);
      if (shown && shown.dataset.digest !== row.dataset.digest) {
        say(row, false, "It changed since this list was loaded. Reload, then decide.");
      }
    } catch {
      if (mine === asked) peek.textContent = "It cannot be shown here. Open its page.";
    } finally {
      if (mine === asked) peek.removeAttribute("aria-busy");
    }
  }

  function say(row, ok, words) {
    const place = row.querySelector(".cs-row__said");
    place.textContent = words;
    place.dataset.ok = String(ok);
  }

  async function decide(targets, verdict, reason) {
    if (busy || !form || !targets.length) return;
    busy = true;
    const data = new FormData();
    data.set("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    data.set("verdict", verdict);
    data.set("reason", reason);
    targets.forEach((row) => data.append("pick", `${row.dataset.id}:${row.dataset.digest}`));
    try {
      const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" }, redirect: "manual" });
      if (response.type === "opaqueredirect") throw new Error("You are logged out. Load the page again.");
      const answer = await response.json().catch(() => ({ detail: "The server did not answer as it should. Load the page again.", results: [] }));
      if (!answer.results.length) throw new Error(answer.detail || "Nothing was decided.");
      const byId = new Map(rows.map((row) => [row.dataset.id, row]));
      let good = 0;
      answer.results.forEach((result) => {
        const row = byId.get(result.id);
        if (!row) return;
        say(row, result.ok, result.words);
        if (result.ok) {
          good += 1;
          row.setAttribute("data-done", "");
          const box = row.querySelector("input[type=checkbox]");
          if (box) { box.checked = false; box.disabled = true; }
        }
      });
      announce(answer.results.length === 1 ? `${answer.results[0].words}: ${answer.results[0].title}` : `${good} of ${answer.results.length} decided.`);
      count();
      if (targets.length === 1 && good === 1) nextOpen();
    } catch (error) {
      announce(error.message);
      targets.forEach((row) => say(row, false, error.message));
    } finally {
      busy = false;
    }
  }

  // Reasons
  const dialog = document.querySelector('[data-dialog="reason"]');
  function ask(title, about, needed, then) {
    dialog.querySelector("[data-reason-title]").textContent = title;
    dialog.querySelector("[data-reason-about]").textContent = about;
    const text = dialog.querySelector("[data-reason-text]");
    text.value = "";
    text.required = needed;
    dialog.querySelector("[data-reason-go]").textContent = title.replace("?", "");
    dialog.onclose = () => {
      if (dialog.returnValue === "go") then(text.value.trim());
      rows[current]?.querySelector(".cs-row__main").focus({ preventScroll: true });
    };
    dialog.returnValue = "";
    dialog.showModal();
    text.focus();
  }
  dialog.querySelector('button[value=""]').addEventListener("click", () => dialog.close(""));
  dialog.querySelector("[data-reason-text]").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) dialog.querySelector("[data-reason-go]").click();
  });

  function one(verdict) {
    const row = rows[current];
    if (!row || !isOpen(row) || !form?.querySelector("[data-bulk]")) return;
    const about = row.querySelector(".cs-row__subject").textContent.trim();
    // Nobody approves with one key what is not on the screen.
    if (verdict === "approve" && !wide.matches) window.location.href = row.querySelector(".cs-row__main").href;
    else if (verdict === "approve" && shownId !== row.dataset.id) say(row, false, "Wait until it is shown beside the list.");
    else if (verdict === "approve") decide([row], verdict, "");
    else if (verdict === "reject") ask("Reject", about, false, (reason) => decide([row], verdict, reason));
    else ask("Ask for changes", about, true, (reason) => decide([row], verdict, reason));
  }

  // Several
  const boxes = () => rows.map((row) => row.querySelector("input[type=checkbox]")).filter(Boolean);
  function count() {
    const picked = boxes().filter((box) => box.checked).length;
    const place = root.querySelector("[data-picked]");
    if (place) place.textContent = picked;
    const bar = root.querySelector("[data-bulk]");
    if (bar) bar.toggleAttribute("data-idle", picked === 0);
  }
  count();
  root.addEventListener("change", (event) => { if (event.target.matches('input[type="checkbox"]')) count(); });
  form?.addEventListener("submit", (event) => {
    const verdict = event.submitter?.value;
    const picked = rows.filter((row) => row.querySelector("input[type=checkbox]")?.checked);
    const reason = form.querySelector("[data-reason]").value.trim();
    if (!verdict) { event.preventDefault(); return; }
    event.preventDefault();
    if (!picked.length) { announce("Nothing is selected."); form.querySelector("[data-picked]").parentElement.focus(); return; }
    if (verdict === "request_changes" && !reason) {
      ask("Ask for changes", `${picked.length} selected`, true, (text) => decide(picked, verdict, text));
      return;
    }
    decide(picked, verdict, reason);
  });

  root.addEventListener("click", (event) => {
    const main = event.target.closest(".cs-row__main");
    // On a wide screen a click looks; a double click, Enter or a modified click opens.
    if (!main || !wide.matches || event.metaKey || event.ctrlKey || event.shiftKey || event.detail === 0) return;
    event.preventDefault();
    const index = rows.indexOf(main.closest("[data-row]"));
    if (index === current && event.detail > 1) window.location.href = main.href;
    else go(index);
  });

  root.querySelectorAll("[data-verdict]").forEach((button) => button.addEventListener("click", () => one(button.dataset.verdict)));

  const help = document.querySelector('[data-dialog="help"]');
  root.querySelector("[data-help]")?.addEventListener("click", () => help.showModal());

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.closest("input:not([type=checkbox]), textarea, select, dialog")) {
      if (event.key === "Escape" && target.matches("[data-search]")) target.blur();
      return;
    }
    const acts = {
      j: () => next(1),
      k: () => next(-1),
      a: () => one("approve"),
      r: () => one("reject"),
      c: () => one("request_changes"),
      x: () => { const box = rows[current]?.querySelector("input[type=checkbox]"); if (box && !box.disabled) { box.checked = !box.checked; count(); } },
      "/": () => root.querySelector("[data-search]")?.focus(),
      "?": () => help.showModal(),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) {
      event.preventDefault();
      if (event.repeat && !"jk".includes(event.key.toLowerCase())) return; // a key held down decides once
      act();
    } else if (event.key === "Enter" && current >= 0 && !target.closest("a, button, summary")) {
      window.location.href = rows[current].querySelector(".cs-row__main").href;
    }
  });
  document.querySelector("#results")?.focus();
  if (rows.length && wide.matches) go(0, { focus: !document.querySelector("#results") });
})();
