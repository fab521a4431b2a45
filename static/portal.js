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

// A code in blocks: a full one leads to the next, and what is pasted runs on.
each("[data-with-script]", (words) => (words.hidden = false));
const blocks = [...document.querySelectorAll("[data-block]")];
blocks.forEach((block, i) => {
  block.addEventListener("input", () => {
    const signs = block.value.replace(/[^\p{L}\p{N}]/gu, "");
    const [next, rest] = [blocks[i + 1], signs.slice(4)];
    if (!next || signs.length < 4 || (next.value && rest.length < 4)) return;
    block.value = signs.slice(0, 4);
    next.value = rest;
    next.focus();
    next.dispatchEvent(new Event("input"));
  });
  block.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !block.value) blocks[i - 1]?.focus();
  });
});

// Blocks of four, unless the caret stands inside.
each("[data-group]", (input) => {
  const other = input.dataset.group === "digits" ? /\P{Nd}/gu : /[^0-9a-z]/gi;
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
    const label = button.querySelector(".kern-label");
    const live = button.closest("dl").parentElement.querySelector("[data-live]");
    const asks = label.textContent;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      label.textContent = live.textContent = button.dataset.copied;
      setTimeout(() => {
        label.textContent = asks;
        live.textContent = "";
      }, 3000);
    });
  });
}

// No phone scans its own screen: its banking app may take the picture from the share sheet.
const asFile = (bytes, name) => ({ files: [new File([bytes], name, { type: "image/png" })] });
each("[data-share]", (button) => {
  button.hidden = !navigator.canShare?.(asFile("", button.dataset.share));
  button.addEventListener("click", async () => {
    const picture = document.querySelector(".scan-code");
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = picture.naturalWidth;
    canvas.getContext("2d").drawImage(picture, 0, 0);
    canvas.toBlob((blob) => navigator.share(asFile(blob, button.dataset.share)).catch(() => {}));
  });
});

each("[data-print]", (button) => {
  button.hidden = false;
  button.addEventListener("click", () => print());
});
// The time runs anew whenever the server was asked.
let reminder;
const remind = () => {
  clearTimeout(reminder);
  each("[data-session-seconds]", (notice) => {
    const seconds = notice.dataset.sessionSeconds - 120;
    reminder = setTimeout(() => (notice.hidden = false), seconds * 1000);
  });
};
remind();

// Looks again, and shows another page only when there is news: who is reading is not interrupted.
const said = (page) => page.querySelector("main").textContent.replace(/\s+/g, " ");
const lookAgain = (part) => {
  if (!part) return;
  setTimeout(async () => {
    const { href } = part.querySelector("a");
    const html = await fetch(href).then((answer) => answer.text()).catch(() => "");
    if (!html) return lookAgain(part); // the line is down: once more
    const page = new DOMParser().parseFromString(html, "text/html");
    if (said(page) !== said(document)) return location.replace(href);
    remind();
    lookAgain(page.querySelector("[data-refresh]"));
  }, part.dataset.refresh * 1000);
};
lookAgain(document.querySelector("[data-refresh]"));
