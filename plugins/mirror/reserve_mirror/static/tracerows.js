/** The way of a request through the mappings, as rows to show: those that were passed over are told together. */

/** @import { TraceOutcome, TraceStep } from "../../json_shapes.d.ts" */

/** @typedef {{ kind: "url", url: string }} UrlRow  From here on the mappings are tried with this URL. */
/** @typedef {{ kind: "step", step: TraceStep }} StepRow  A mapping that was applied. */
/** @typedef {{ kind: "passed", steps: TraceStep[], omitted: number }} PassedRow  Mappings in a row that weren't. */
/** @typedef {{ kind: "omitted", count: number }} OmittedRow  Steps that aren't kept. */
/** @typedef {UrlRow | StepRow | PassedRow | OmittedRow} TraceRow */

/**
 * @param {TraceStep[]} steps
 * @returns {TraceRow[]}
 */
export function traceRows(steps) {
  /** @type {TraceRow[]} */
  const rows = [];
  for (const step of steps) {
    if (step.url !== undefined) rows.push({ kind: "url", url: step.url });
    const omitted = step.omitted ?? 0;
    if (step.outcome === "passed-over") {
      const last = rows.at(-1);
      if (last?.kind === "passed") {
        last.steps.push(step);
        last.omitted += omitted;
      } else {
        rows.push({ kind: "passed", steps: [step], omitted });
      }
    } else {
      rows.push({ kind: "step", step });
      if (omitted) rows.push({ kind: "omitted", count: omitted });
    }
  }
  return rows;
}

/** @type {Record<TraceOutcome, string>} */
const OUTCOMES = {
  "passed-over": "", // its group says so
  passes: "passes it on",
  responds: "responds",
  redirects: "redirects",
  undecided: "undecided",
};

/**
 * What became of the request at a step, and why; "" if the outcome says it all.
 * @param {TraceStep} step
 */
export function outcomeOf(step) {
  const said = step.outcome === "passes" || step.text === String(step.status);
  return { outcome: OUTCOMES[step.outcome], why: said ? "" : step.text };
}

/**
 * How long a handler took: "0.04 ms", "12.3 ms"; "" for one that wasn't run.
 * @param {TraceStep} step
 */
export function spent({ time_spent }) {
  if (time_spent === undefined) return "";
  return `${time_spent.toFixed(time_spent < 1 ? 2 : 1)} ms`;
}

/**
 * How many steps there were, those that aren't kept included.
 * @param {TraceStep[]} steps
 */
export const stepCount = (steps) => steps.reduce((count, { omitted = 0 }) => count + 1 + omitted, 0);
