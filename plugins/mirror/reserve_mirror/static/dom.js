/** Everything on the page is built here or with plain DOM calls: what was recorded becomes text, never markup. */

/** @typedef {Node | string | null | undefined | false} Child  A node or its text; the others stand for nothing. */
/** @typedef {Child | Children[]} Children */
/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Attribute */

/**
 * The class of the element that `h` makes of a tag.
 * @template {string} Tag
 * @typedef {Tag extends `${infer Name}.${string}` ? ElementNamed<Name> : ElementNamed<Tag>} ElementOf
 */

/**
 * @template {string} Name
 * @typedef {Name extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Name] : HTMLElement} ElementNamed
 */

/**
 * An element with attributes, listeners (`onclick`) and children; strings become text nodes, null is left out.
 * `tag` may carry classes: `h("span.method.get")`.
 * @template {string} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} attributes
 * @param {Children[]} children
 * @returns {ElementOf<Tag>}
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice("on".length), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  append(element, children);
  return /** @type {ElementOf<Tag>} */ (element);
}

/**
 * Replaces what is in an element.
 * @param {Element} element
 * @param {Children[]} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * The element of the page with an id, and of a class if one is given. Raises `TypeError` when the page has no such.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export const byId = (id, kind) => find(document, `#${id}`, kind);

/**
 * The first element below `root` that a selector matches, and of a class if one is given. Raises `TypeError` when there
 * is no such.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof (kind ?? HTMLElement))) throw new TypeError(`The page has no such element: ${selector}`);
  return /** @type {Kind} */ (element);
}

/**
 * What is there of `parts`, with dots between.
 * @param {Child[]} parts
 * @returns {Child[]}
 */
export const dotted = (parts) => parts.filter(Boolean).flatMap((part, index) => (index ? [" · ", part] : [part]));

/**
 * @param {Element} element
 * @param {Children[]} children
 */
function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}
