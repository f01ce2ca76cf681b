/** The way of a request through the mappings: which one it was, why the others weren't, and how long each took. */

import { h } from "./dom.js";
import { sent } from "./marks.js";
import { statusBadge } from "./row.js";
import { outcomeOf, spent, stepCount, traceRows } from "./tracerows.js";
import { plural } from "./wording.js";

/** @import { TraceStep } from "../../json_shapes.d.ts" */
/** @import { TraceRow } from "./tracerows.js" */

/**
 * @param {string} method
 * @param {TraceStep[]} steps
 */
export function traceView(method, steps) {
  return h(
    "section.trace",
    {},
    h(
      "header",
      {},
      h("h3", {}, "Way through the mappings"),
      h("span.about", {}, plural(stepCount(steps), "step")),
    ),
    h(
      "ol",
      { role: "list" },
      traceRows(steps).map((row) => h("li", {}, rowView(method, row))),
    ),
  );
}

/**
 * @param {string} method
 * @param {TraceRow} row
 */
function rowView(method, row) {
  switch (row.kind) {
    case "url":
      return h("p.way", {}, h("b", {}, method), " ", sent(row.url));
    case "step":
      return stepView(row.step);
    case "passed":
      return passedView(row.steps, row.omitted);
    case "omitted":
      return omittedView(row.count);
  }
}

/** @param {TraceStep} step */
function stepView(step) {
  const { outcome, why } = outcomeOf(step);
  const time = spent(step);
  return h(
    `div.step.${step.outcome}`,
    {},
    h("span.place", {}, sent(step.place)),
    h("span.what", {}, h("b", {}, sent(step.prefix)), step.value !== undefined && [" ", sent(step.value)]),
    h(
      "span.outcome",
      {},
      outcome !== "" && `${outcome} `,
      step.status !== undefined && [statusBadge(step.status), " "],
      why !== "" && sent(why, "bdi.why"),
    ),
    time !== "" && h("span.spent", {}, time),
  );
}

/**
 * @param {TraceStep[]} steps
 * @param {number} omitted
 */
function passedView(steps, omitted) {
  return h(
    "details",
    {},
    h("summary", {}, `${plural(steps.length + omitted, "mapping")} passed over`),
    h(
      "ol",
      { role: "list" },
      steps.map((step) => h("li", {}, stepView(step))),
      omitted > 0 && h("li", {}, omittedView(omitted)),
    ),
  );
}

/** @param {number} count */
const omittedView = (count) => h("p.nothing", {}, `${plural(count, "more step")} not kept`);
