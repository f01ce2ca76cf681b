/** What a request's summary tells in the list, in the detail and to the filter. */

/** @import { RequestSummary } from "../../json_shapes.d.ts" */

/**
 * How a request ended, if that is known: with the response that `tap` recorded, or refused or cut.
 * @param {Pick<RequestSummary, "response" | "failure">} item
 */
export const ending = ({ response, failure }) => response ?? failure;

/**
 * What is said instead of a size of 0. A tap sees of a body what the application has read.
 * @param {Pick<RequestSummary, "truncated" | "failure">} item
 */
export const noBody = ({ truncated, failure }) =>
  truncated ? (failure ? "No body came" : "Body not read") : "No body";

/**
 * The query with its question mark, as it was received; "" when there is none.
 * @param {Pick<RequestSummary, "url">} item
 */
export function rawQuery({ url }) {
  const start = url.indexOf("?");
  return start < 0 ? "" : url.slice(start);
}
