/** The dialog with the response that the mirror gives, and the rules by which some requests get another one. */

import { bytesOf } from "./bytes.js";
import { onSubmit } from "./dialogs.js";
import { byId, find } from "./dom.js";
import { headerLines, headerLinesProblem, parseHeaderLines } from "./headerlines.js";
import { messageOf, size } from "./wording.js";

/** @import { Mirror, MirrorResponse, Rule } from "../../json_shapes.d.ts" */

/** @typedef {Pick<MirrorResponse, "status" | "delay" | "headers" | "body">} Edited */
/** @typedef {{ response?: Partial<Edited>, rules?: Rule[], max_requests?: number }} Changes */
/**
 * `check` asks the server whether rules can be; it raises why they can't. `save` changes what was edited.
 * @typedef {{ check: (rules: Rule[]) => Promise<unknown>, save: (changes: Changes) => Promise<void> }} ResponseActions
 */

const PAUSE = 300; // milliseconds without a key before the server is asked

/** @type {Record<string, Edited>} */
const PRESETS = {
  "200": { status: 200, delay: 0, headers: [], body: "OK" },
  "204": { status: 204, delay: 0, headers: [], body: "" },
  "404": { status: 404, delay: 0, headers: [], body: "Not Found" },
  "503": { status: 503, delay: 0, headers: [["Retry-After", "5"]], body: "Service Unavailable" },
  "timeout": { status: 504, delay: 30, headers: [], body: "Gateway Timeout" },
};

/**
 * Lets one edit the response and the rules of a mirror.
 * @param {Mirror} mirror
 * @param {ResponseActions} actions
 */
export function editResponse(mirror, { check, save }) {
  const dialog = byId("response-dialog", HTMLDialogElement);
  const response = responseFields(dialog, mirror.response);
  const rules = rulesField(dialog, mirror.rules, check);
  const before = response.values();
  onSubmit(dialog, () => {
    const changed = changes(before, response.values());
    return save({
      ...(Object.keys(changed).length > 0 && { response: changed }),
      ...(rules.isChanged() && { rules: rules.value() }),
    });
  });
  dialog.showModal();
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {MirrorResponse} response
 */
function responseFields(dialog, response) {
  const fields = {
    status: find(dialog, "[name=status]", HTMLInputElement),
    delay: find(dialog, "[name=delay]", HTMLInputElement),
    headers: find(dialog, "[name=headers]", HTMLTextAreaElement),
    body: find(dialog, "[name=body]", HTMLTextAreaElement),
  };
  const isText = response.body_encoding === "utf-8";
  const validate = () => fields.headers.setCustomValidity(headerLinesProblem(fields.headers.value));
  /** @param {Edited} values */
  const show = ({ status, delay, headers, body }) => {
    fields.status.value = String(status);
    fields.delay.value = String(delay);
    fields.headers.value = headerLines(headers);
    fields.body.value = body;
    validate();
  };
  fields.headers.oninput = validate;
  fields.body.placeholder = isText
    ? ""
    : `${size(bytesOf(response).length)} that are no text. What you write replaces them.`;
  show({ ...response, body: isText ? response.body : "" });
  const presets = find(dialog, ".presets");
  presets.onclick = ({ target }) => {
    const preset = target instanceof HTMLButtonElement ? PRESETS[target.value] : undefined;
    if (preset) show(preset);
  };
  return {
    /** @returns {Edited} */
    values: () => ({
      status: Number(fields.status.value),
      delay: Number(fields.delay.value),
      headers: parseHeaderLines(fields.headers.value),
      body: fields.body.value,
    }),
  };
}

/**
 * The rules as JSON, checked as one types.
 * @param {HTMLDialogElement} dialog
 * @param {Rule[]} rules
 * @param {ResponseActions["check"]} check
 */
function rulesField(dialog, rules, check) {
  const field = find(dialog, "[name=rules]", HTMLTextAreaElement);
  const problem = find(dialog, ".rules-problem");
  const before = rules.length ? JSON.stringify(rules, null, 2) : "";
  let timer = 0;
  /** @returns {Rule[]} */
  const value = () => JSON.parse(field.value.trim() || "[]");
  /** @param {string} text */
  const tell = (text) => {
    problem.textContent = text;
    field.setCustomValidity(text);
  };
  const ask = async () => {
    const asked = field.value;
    const reason = await check(value()).then(() => "", messageOf);
    if (field.value === asked) tell(reason);
  };
  field.value = before;
  field.oninput = () => {
    clearTimeout(timer);
    try {
      value();
    } catch (error) {
      return tell(messageOf(error));
    }
    tell("");
    timer = setTimeout(ask, PAUSE);
  };
  tell("");
  find(dialog, "details", HTMLDetailsElement).open = rules.length > 0;
  dialog.onclose = () => clearTimeout(timer);
  return { value, isChanged: () => field.value !== before };
}

/**
 * The members of `after` that are not as they were.
 * @param {Edited} before
 * @param {Edited} after
 * @returns {Partial<Edited>}
 */
function changes(before, after) {
  const old = new Map(Object.entries(before));
  const changed = Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old.get(name)));
  return Object.fromEntries(changed);
}
