// The copy button of a terminal session copies what is typed: its commands, without prompts and output. The theme copies
// what this attribute says, where a button has it.
document.addEventListener(
  "click",
  (event) => {
    const session = event.target.closest("[data-clipboard-target]")?.closest(".language-console");
    if (session) {
      const lines = session.querySelector("code").textContent.split("\n");
      const commands = lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
      event.target.closest("[data-clipboard-target]").dataset.clipboardText = commands.join("\n");
    }
  },
  { capture: true },
);
