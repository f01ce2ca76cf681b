/** The dialog that sends a request again, as it came or changed, and shows what came back. */

import { bytesOf, headerText } from "./bytes.js";
import { copyButton } from "./clipboard.js";
import { KEEP_OPEN, onSubmit } from "./dialogs.js";
import { byId, fill, find, h } from "./dom.js";
import { headerLinesProblem } from "./headerlines.js";
import { changesOf, editable } from "./resendchanges.js";
import { statusBadge } from "./row.js";
import { noBody } from "./summary.js";
import { pairsView } from "./views/pairsview.js";
import { textView } from "./views/textview.js";
import { size } from "./wording.js";

/** @import { Mirror, RequestDetails, ResendResult } from "../../json_shapes.d.ts" */
/** @import { MirrorApi } from "./mirrorapi.js" */
/** @import { Edited } from "./resendchanges.js" */

/**
 * Lets one send a request again.
 * @param {MirrorApi} api
 * @param {Mirror} mirror
 * @param {RequestDetails} request
 */
export function sendAgain(api, mirror, request) {
  const dialog = byId("resend-dialog", HTMLDialogElement);
  const result = find(dialog, ".resent");
  fill(result);
  showTargets(dialog, api, mirror, request);
  const fields = requestFields(dialog, editable(request, api.pathBelow(request)), request);
  const before = fields.values(); // as the browser has them: it knows one end of line
  const credentials = find(dialog, "[name=credentials]", HTMLInputElement);
  const sign = find(dialog, "[name=sign]", HTMLInputElement);
  credentials.checked = false;
  sign.checked = false;
  find(dialog, ".sign").hidden = mirror.signature === undefined;
  onSubmit(dialog, async () => {
    fill(result);
    const sent = await api.resend(request.id, {
      to: find(dialog, "[name=to]", HTMLSelectElement).value,
      credentials: credentials.checked,
      sign: sign.checked,
      ...changesOf(before, fields.values()),
    });
    fill(result, resultView(sent));
    result.scrollIntoView({ block: "nearest" });
    return KEEP_OPEN;
  });
  dialog.showModal();
}

/**
 * Shows where it may be sent to, or how to allow it, and how it is sent from one's own machine.
 * @param {HTMLDialogElement} dialog
 * @param {MirrorApi} api
 * @param {Mirror} mirror
 * @param {RequestDetails} request
 */
function showTargets(dialog, api, { resend_to: targets }, { id }) {
  const select = find(dialog, "[name=to]", HTMLSelectElement);
  const chosen = select.value;
  fill(
    select,
    targets.map((target) => h("option", {}, target)),
  );
  if (targets.includes(chosen)) select.value = chosen;
  const isAllowed = targets.length > 0;
  find(dialog, ".nowhere").hidden = isAllowed;
  find(dialog, ".fields").hidden = !isAllowed;
  find(dialog, "[type=submit]").hidden = !isAllowed;
  const command = `reserve resend '${api.sharedUrl}#${id}' --to http://localhost:3000`;
  fill(find(dialog, ".command"), h("code", {}, command), copyButton("Copy", () => command, "Copy the command"));
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Edited} edited
 * @param {RequestDetails} request
 */
function requestFields(dialog, edited, request) {
  const fields = {
    method: find(dialog, "[name=method]", HTMLInputElement),
    path: find(dialog, "[name=path]", HTMLInputElement),
    headers: find(dialog, "[name=headers]", HTMLTextAreaElement),
    body: find(dialog, "[name=body]", HTMLTextAreaElement),
  };
  fields.method.value = edited.method;
  fields.path.value = edited.path;
  fields.headers.value = edited.headers;
  fields.body.value = edited.body ?? "";
  const cut = request.truncated ? ", and not all of them are kept" : "";
  fields.body.placeholder =
    edited.body === null
      ? `${size(bytesOf(request).length)} that can't be edited${cut}. What you write replaces them.`
      : "";
  const validate = () => fields.headers.setCustomValidity(headerLinesProblem(fields.headers.value));
  fields.headers.oninput = validate;
  validate();
  return {
    /** @returns {Edited} */
    values: () => ({
      method: fields.method.value,
      path: fields.path.value,
      headers: fields.headers.value,
      body: fields.body.value,
    }),
  };
}

/** @param {ResendResult} result */
function resultView({ status, headers, body, body_encoding: encoding, size: bytes, truncated, duration_ms: duration }) {
  const isText = encoding === "utf-8";
  const cut = truncated ? ", of which the beginning is shown" : "";
  return [
    h("h3", {}, "Response ", statusBadge(status), ` ${duration.toFixed(1)} ms`),
    h("p.about", {}, bytes ? `${size(bytes)}${isText ? cut : " that are no text"}` : noBody({ truncated: false })),
    isText && body !== "" && textView(body),
    pairsView(
      headers.map(([name, value]) => [name, headerText(value)]),
      "Headers of the response",
    ),
  ];
}
