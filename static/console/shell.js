// The frame of every console page: menu, colours, times, numbers that stay current. No framework, nothing evaluated.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);

  // Colours. unfold's pages keep their own choice in the browser; the cookie is the one both go by.
  const cookie = /(?:^|; )countersign_theme=(light|dark)/.exec(document.cookie);
  try {
    localStorage.setItem("adminTheme", JSON.stringify(cookie ? cookie[1] : "auto"));
  } catch { /* storage may be off; the cookie is enough */ }

  function chooseTheme(theme) {
    document.cookie = `countersign_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    document.documentElement.classList.remove("light", "dark");
    if (theme) document.documentElement.classList.add(theme);
    try {
      localStorage.setItem("adminTheme", JSON.stringify(theme || "auto"));
    } catch { /* as above */ }
    all("[data-theme-choice]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.themeChoice === theme)));
  }

  // Times
  const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [1209600, 86400, "d"]];
  function relative(seconds) {
    for (const [below, unit, word] of STEPS) {
      if (Math.abs(seconds) < below) {
        const number = Math.floor(Math.abs(seconds) / unit);
        if (unit === 1 && number < 10) return seconds >= 0 ? "just now" : "in a moment";
        return seconds >= 0 ? `${number} ${word} ago` : `in ${number} ${word}`;
      }
    }
    return null;
  }
  function refreshTimes() {
    const now = Date.now();
    all("time[data-relative]").forEach((element) => {
      const words = relative((now - Date.parse(element.dateTime)) / 1000);
      if (words && words !== element.textContent) element.textContent = words;
    });
  }
  function countDown() {
    const now = Date.now();
    all("[data-countdown]").forEach((element) => {
      const left = Math.round((Date.parse(element.dataset.countdown) - now) / 1000);
      if (left > 0) {
        element.textContent = left >= 60 ? `${Math.floor(left / 60)} min ${left % 60} s` : `${left} s`;
      } else if (!element.dataset.over) {
        element.dataset.over = "true";
        element.textContent = "a moment";
        window.setTimeout(() => window.location.reload(), 1500);
      }
    });
  }

  // Numbers: asked for while the page is looked at; the server answers 304 while nothing changed.
  let tag = "";
  let waiting = false;
  async function pulse() {
    const top = one("[data-pulse-address]");
    if (!top || document.hidden || waiting) return;
    waiting = true;
    try {
      const from = encodeURIComponent(window.location.pathname + window.location.search);
      const response = await fetch(`${top.dataset.pulseAddress}?from=${from}`, {
        headers: tag ? { "If-None-Match": tag } : {},
        cache: "no-store",
        redirect: "manual",
      });
      if (response.status === 200) {
        const first = !tag;
        tag = response.headers.get("ETag") || "";
        show(await response.json(), first);
      }
    } catch { /* the server is away for a moment; the next try tells */ } finally {
      waiting = false;
    }
  }
  let held = null;
  function show(facts, first) {
    all("[data-pulse]").forEach((element) => {
      const number = facts[element.dataset.pulse];
      if (number === undefined) return;
      const text = Number(number).toLocaleString("en");
      const target = element.classList.contains("cs-flight") ? one("b", element) : element;
      if (target.textContent !== text) target.textContent = text;
      if (element.hasAttribute("data-count")) element.dataset.count = number;
    });
    all("[data-flight]").forEach((element) => { element.dataset.flying = String(facts.in_flight > 0); });
    const before = held === null ? first && currentHolds() : held;
    held = facts.held.join();
    if (before !== held && !one(".cs-hold details[open]")) {
      const strip = one("#cs-holds");
      if (strip) strip.outerHTML = facts.holds_html;
    }
  }
  function currentHolds() {
    return all("[data-hold]").map((element) => element.dataset.hold).join();
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const theme = target.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    const opener = target.closest("[data-open-menu]");
    if (opener) {
      const open = document.body.classList.toggle("cs-open");
      opener.setAttribute("aria-expanded", String(open));
      if (open) one("#cs-side a")?.focus();
    }
    if (target.closest("[data-close-menu]")) closeMenu();
    const copy = target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = "Copied"; });
    const view = target.closest("[data-view]");
    if (view) {
      const views = view.closest("[data-views]");
      all("[data-view]", views).forEach((tab) => tab.setAttribute("aria-selected", String(tab === view)));
      all("[data-panel]", views).forEach((panel) => { panel.hidden = panel.dataset.panel !== view.dataset.view; });
    }
    // A menu closes when something else is pressed.
    all("details.cs-kill[open], details.cs-switch[open], details.cs-who[open]").forEach((menu) => {
      if (!menu.contains(target)) menu.open = false;
    });
  });
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (menu instanceof HTMLDetailsElement && menu.open && menu.matches(".cs-kill, .cs-inline")) {
      one("input:not([type=hidden]):not([type=radio])", menu)?.focus();
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeMenu();
    all("details.cs-kill[open], details.cs-switch[open], details.cs-who[open]").forEach((menu) => {
      menu.open = false;
      one("summary", menu)?.focus();
    });
  });
  function closeMenu() {
    if (!document.body.classList.contains("cs-open")) return;
    document.body.classList.remove("cs-open");
    const opener = one("[data-open-menu]");
    opener?.setAttribute("aria-expanded", "false");
    opener?.focus();
  }

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post" || form.matches("[data-no-busy], [data-decide]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
    window.setTimeout(() => { delete form.dataset.sent; }, 8000);
  });
  window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  function start() {
    refreshTimes();
    countDown();
    window.setInterval(refreshTimes, 15000);
    window.setInterval(countDown, 1000);
    const every = Number(one("[data-pulse-every]")?.dataset.pulseEvery || 5000);
    window.setInterval(pulse, every);
    document.addEventListener("visibilitychange", pulse);
    const reload = Number(document.body.dataset.reload || 0);
    if (reload) window.setInterval(() => { if (!document.hidden) window.location.reload(); }, reload);
    all("[data-select]").forEach((input) => input.select());
    const results = one("#results, #stale");
    if (results) results.focus();
    document.addEventListener("change", (event) => {
      if (event.target instanceof HTMLInputElement && event.target.matches("[data-pick]")) {
        const picked = one('[data-reach][value="picked"]');
        if (picked) picked.checked = true;
      }
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
