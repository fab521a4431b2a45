// Comfort only: every page works without this file.
const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

// After the turn of autofocus, which does the same in newer browsers.
addEventListener("load", () => {
  requestAnimationFrame(() => document.querySelector("#errors")?.focus());
});

// A second click within five seconds sends nothing; the server is safe without this.
each("form[data-once]", (form) => {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 5000);
  });
});

// Blocks of four, unless the caret stands inside.
each("[data-group]", (input) => {
  const other = input.dataset.group === "digits" ? /\D/g : /[^0-9a-z]/gi;
  input.addEventListener("input", (event) => {
    const deleting = (event.inputType || "").startsWith("delete");
    if (deleting || input.selectionStart !== input.value.length) return;
    input.value = input.value.replace(other, "").replace(/(.{4})(?=.)/g, "$1 ");
  });
});

// Clipboards exist on secure pages only: elsewhere the buttons stay hidden.
if (navigator.clipboard) {
  each("[data-copy]", (button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const label = button.querySelector(".kern-label");
      const live = button.closest("dl").parentElement.querySelector("[data-live]");
      label.textContent = live.textContent = button.dataset.copied;
      setTimeout(() => (live.textContent = ""), 3000);
    });
  });
}

each("[data-print]", (button) => {
  button.hidden = false;
  button.addEventListener("click", () => print());
});
each("[data-refresh]", (part) => {
  setTimeout(() => location.replace(part.querySelector("a").href), part.dataset.refresh * 1000);
});
each("[data-session-seconds]", (notice) => {
  setTimeout(() => (notice.hidden = false), (notice.dataset.sessionSeconds - 120) * 1000);
});
