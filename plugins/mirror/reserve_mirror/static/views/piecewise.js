/** Long content, a piece at a time: what is not looked at costs nothing. */

import { h } from "../dom.js";

/**
 * Appends pieces to an element until all is there. A button asks for the next piece.
 * @template {HTMLElement} Container
 * @param {Container} container
 * @param {number} total
 * @param {(start: number) => [nodes: Node[], end: number]} next the nodes of the piece at a position, and the position
 *   after it
 * @param {(left: number) => string} describe says what is left
 */
export function piecewise(container, total, next, describe) {
  let position = 0;
  const button = h("button.more", { type: "button", onclick: () => add(true) });

  /** @param {boolean} asked */
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

/**
 * Keeps a keyboard's place when its button goes.
 * @param {Node | undefined} node
 */
function focusOn(node) {
  if (!(node instanceof HTMLElement)) return;
  node.tabIndex = -1;
  node.focus({ preventScroll: true });
}
