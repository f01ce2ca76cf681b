/** Long content, a piece at a time: what is not looked at costs nothing. */

import { h } from "../dom.js";

/**
 * Appends pieces to an element until all is there: `next(position)` returns the nodes of the piece there and the
 * position after it; a button asks for the next piece, and says what is left in `describe(left)`'s words.
 */
export function piecewise(container, total, next, describe) {
  let position = 0;
  const button = h("button.more", { type: "button", onclick: () => add(true) });

  function add(asked) {
    const [nodes, end] = next(position);
    position = end;
    button.before(...nodes);
    if (position < total) button.textContent = `Show more (${describe(total - position)} left)`;
    else {
      if (asked) focusOn(nodes[0]);
      button.remove();
    }
  }

  container.append(button);
  add(false);
  return container;
}

/** Keeps a keyboard's place when its button goes. */
function focusOn(node) {
  const element = node instanceof Element ? node : node?.parentElement;
  if (!element) return;
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
}
