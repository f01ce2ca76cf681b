// Written by tests/page/declarations.py from reserve_mirror/json_shapes.py: `make format` writes it anew.

export type BodyEncoding = "utf-8" | "base64";

export type TraceOutcome = "passed-over" | "responds" | "passes" | "redirects" | "undecided";

/**
 * The response of a mirror to each request that it records.
 *
 * PATCH takes any subset of its members, as `{"response": {...}}`; what isn't given stays. `headers` replaces all, and
 * may be given as an object, {"name": "value"}, too. A new `body` without `body_encoding` is text.
 */
export interface MirrorResponse {
  /** 200 to 599 */
  status: number;
  /** [name, value] */
  headers: string[][];
  body: string;
  /** "utf-8" unless the body isn't that */
  body_encoding: "utf-8" | "base64";
  /** seconds to wait before the response, up to 30 */
  delay: number;
}

/**
 * What a mirror responds with to the requests that meet some conditions: `PATCH api/mirrors/<code>` takes all rules
 * as `{"rules": [...]}`, and refuses with 422 what can't be; with `?dry-run=true` nothing is changed.
 *
 * It has one of `response`, `sequence` and `fault`. What isn't given of a response is as in a new mirror, its body the
 * reason of its status.
 */
export interface Rule {
  /** conditions that all hold: {"path": "/orders/*"}; none: any request */
  when?: Record<string, unknown>;
  /** members of a `MirrorResponse` */
  response?: Record<string, unknown>;
  /** statuses, responses, or "pass" for the mirror's own; the last one stays */
  sequence?: unknown[];
  /** delay, status, reset, drip or truncate, as of the handler `fault` */
  fault?: Record<string, unknown>;
}

/** What is to be other in the response of a mirror. */
export interface ResponseChanges {
  status?: number;
  headers?: string[][] | Record<string, string>;
  body?: string;
  body_encoding?: "utf-8" | "base64";
  delay?: number;
}

/** What a mirror is to be made with: `POST api/mirrors`. */
export interface NewMirror {
  /** a random one without it */
  code?: string;
  response?: ResponseChanges;
  rules?: Rule[];
}

/** What is to be other in a mirror: `PATCH api/mirrors/<code>`. */
export interface MirrorChanges {
  response?: ResponseChanges;
  /** all of them */
  rules?: Rule[];
  max_requests?: number;
}

/** A mirror: `GET api/mirrors/<code>`. */
export interface Mirror {
  code: string;
  /** absolute, where requests are recorded */
  url: string;
  /** absolute, the live page */
  page: string;
  /** ISO 8601, UTC, with milliseconds: 2026-01-31T12:00:00.000Z */
  created: string;
  /** the same; None: never. A request, the page and the WebSocket put it off */
  expires_at: string | null;
  /** the seconds they put it off to */
  expiration_time: number | null;
  /** PATCH takes up to as many as the mapping's "max-requests"; those beyond it are dropped at once */
  max_requests: number;
  /** bytes that it keeps, about; None: any */
  max_size: number | null;
  /** of requests: "50/s", "1000/m", "10000/h"; None: any */
  max_rate: string | null;
  /** bytes kept of a body */
  max_body_size: number;
  /** requests kept */
  count: number;
  /** requests that have come to it, those that it doesn't keep any more included */
  received: number;
  /** the id of the newest of them, "" when there is none */
  newest: string;
  /** how many it has dropped since it was made, as newer ones came */
  dropped: number;
  /** "<created>.<deletions>": another one after each deletion */
  revision: string;
  response: MirrorResponse;
  /** the first one that a request meets holds; else the response */
  rules: Rule[];
  /** the origins to which requests may be sent again; none for who may only look */
  resend_to: string[];
  /** the scheme by which signatures are verified here */
  signature?: string;
  /** of a public one: the code of `page` and of the API; not told to who may only look */
  read_code?: string;
  /** of a public one: absolute, its page for those who may only look */
  share?: string;
}

/**
 * What the server says of a request's signature, where the configuration has the mirror verify it.
 *
 * `cause` is a word: "valid"; "missing", "other-scheme" or "malformed": there is none to verify; "secret", "body" or
 * "signature": it fits when that is taken otherwise, as `reason` says; "clock": it's right, and too old or of the
 * future; "incomplete": not all of the body is there; "differs": nothing fits that was tried.
 */
export interface SignatureVerdict {
  scheme: string;
  valid: boolean;
  cause: string;
  /** in sentences */
  reason: string;
}

/** The response that `tap` recorded, in a summary. */
export interface TappedResponse {
  /** 0: cut before its head */
  status: number;
  headers: string[][];
  size: number;
  sha256: string;
  truncated: boolean;
  /** milliseconds from the request to the end of the response */
  duration: number;
  /** False: cut before its end */
  complete: boolean;
}

/**
 * The response of a server that a request was sent on to, as `reserve listen` tells by
 * `POST api/mirrors/<code>/requests/<id>/response`: 204, and it takes the place of the one before. For those who may
 * change the mirror.
 */
export interface ListenerResponse {
  /** the URL that the request was sent on to */
  to: string;
  status: number;
  /** [name, value], as received */
  headers: string[][];
  /** up to 64 kB of it */
  body: string;
  body_encoding: "utf-8" | "base64";
  /** bytes of the whole body */
  size: number;
  /** milliseconds */
  duration: number;
}

/** Why a request is not complete, or got no further than the server: it's malformed, over a limit, or was cut. */
export interface RequestFailure {
  /** what the sender was told; 0: nothing, it has closed the connection */
  status: number;
  /** a sentence */
  reason: string;
}

/** A request without its body: in lists and messages. */
export interface RequestSummary {
  id: string;
  /** when it came: ISO 8601, UTC, with milliseconds */
  time: string;
  method: string;
  /** what follows the code, "" or "/..."; percent-decoded but for %2F %3F %23 %25, unless it was refused */
  path: string;
  /** absolute, the request target as received */
  url: string;
  /** [name, value], decoded, in order */
  query: string[][];
  /** [name, value], as received, in order; a char per byte (Latin-1) */
  headers: string[][];
  /** "1.1"; "" when it wasn't received */
  http_version: string;
  /** the sender's address */
  remote: string;
  /** bytes received */
  size: number;
  /** hexadecimal, of all bytes received */
  sha256: string;
  /** the body is not kept to its end */
  truncated: boolean;
  /** the number of the rule that it got its response by, from 1 on */
  rule?: number;
  failure?: RequestFailure;
  /** of a tap only */
  response?: TappedResponse;
  /** whether the signature is valid, where the mirror verifies it; bodies up to 1 MB */
  signed?: boolean;
}

/**
 * A file of a multipart body, or a part that is of no form.
 *
 * Its content is at `.../<id>/files/<n>`, n its place in the list from 0.
 */
export interface UploadedFile {
  name: string;
  filename: string;
  type: string;
  size: number;
}

/** A body without its content-encoding (gzip, deflate, br, zstd). */
export interface DecodedBody {
  body: string;
  body_encoding: "utf-8" | "base64";
  /** only the first megabyte is given */
  truncated: boolean;
}

/** The response that `tap` recorded, with its body; exact bytes at `.../<id>/response/body`. */
export interface TappedResponseDetails extends TappedResponse {
  body: string;
  body_encoding: "utf-8" | "base64";
  lost: boolean;
  decoded: DecodedBody | null;
  notes: string[];
}

/**
 * What one mapping had to do with a request; those of `reserve explain --json` have the same members.
 *
 * Texts are kept up to 300 characters, passwords and tokens in URLs are `***`.
 */
export interface TraceStep {
  /** where the mapping stands: "reserve.json:14"; what it is called where no file has it */
  place: string;
  /** what it is called */
  mapping: string;
  prefix: string;
  outcome: "passed-over" | "responds" | "passes" | "redirects" | "undecided";
  /** the condition that doesn't hold, or "handler" */
  reason: string;
  /** the reason in words, or what became of the request */
  text: string;
  /** the canonical URL from this step on, where it isn't that of the step before */
  url?: string;
  /** the prefix's property with the groups filled in */
  value?: string;
  /** the URL with which the request begins anew */
  redirect?: string;
  status?: number;
  /** milliseconds of the handler, up to the end of the response if it was still at work */
  time_spent?: number;
  /** steps right behind this one that aren't kept */
  omitted?: number;
}

/** A request with its body: `GET api/mirrors/<code>/requests/<id>`. A summary's members, and these. */
export interface RequestDetails {
  id: string;
  time: string;
  method: string;
  path: string;
  url: string;
  query: string[][];
  headers: string[][];
  http_version: string;
  remote: string;
  size: number;
  sha256: string;
  truncated: boolean;
  rule?: number;
  failure?: RequestFailure;
  body: string;
  body_encoding: "utf-8" | "base64";
  /** Redis has dropped the body: `body` is "", `truncated` holds, and a note says so */
  lost: boolean;
  /** None: the body has no content-encoding, or isn't what it says */
  decoded: DecodedBody | null;
  /** [name, value] of a urlencoded or multipart body, in order */
  form: string[][];
  files: UploadedFile[];
  /** what of it can't be shown, or why it isn't complete: a sentence each */
  notes: string[];
  response?: TappedResponseDetails;
  /** where the mirror verifies it */
  signature?: SignatureVerdict;
  /** of a tap only: its way through the mappings */
  trace?: TraceStep[];
  /** the last one of a server that it was sent on to */
  forwarded?: ListenerResponse;
}

/**
 * How a request is sent again, `POST .../requests/<id>/resend`: what is given is other than it came.
 *
 * 403: `to` isn't listed; 409: the mirror hasn't kept all of it.
 */
export interface Resending {
  /** the URL of a listed server */
  to: string;
  method?: string;
  /** what follows the URL */
  path?: string;
  headers?: string[][] | Record<string, string>;
  body?: string;
  body_encoding?: "utf-8" | "base64";
  /** anew */
  sign?: boolean;
  /** Authorization and Cookie go along to another origin than the one it came to */
  credentials?: boolean;
}

/** What a request got that was sent again. */
export interface ResendResult {
  status: number;
  /** [name, value], as received */
  headers: string[][];
  /** up to a megabyte of it */
  body: string;
  body_encoding: "utf-8" | "base64";
  /** bytes received */
  size: number;
  /** there was more of it */
  truncated: boolean;
  duration_ms: number;
}

/** `GET .../requests?order=desc&before=ID&limit=N&q=WORDS`, or `?after=ID` (N: 100 unless told, 1000 at most). */
export interface RequestList {
  requests: RequestSummary[];
  /** the id with which the list goes on; None: there is nothing more */
  next: string | null;
}

/**
 * `GET .../wait`, with `count` up to 100 and `timeout` up to 3600 seconds: the first requests that match, whole.
 *
 * With `never=true` there are none, after the time; the 409 has the one that came, and `error`.
 */
export interface RequestsFound {
  requests: RequestDetails[];
}

/** A request that isn't what was waited for, and why: `["method is GET, not POST"]`. */
export interface NearMiss {
  request: RequestSummary;
  missed: string[];
}

/**
 * The 408 of `.../wait`: the requests that did match, and the nearest of the newest that didn't, nearest first.
 *
 * Those that have come already are looked at from the newest back: `error` says so when there was time for some only.
 */
export interface WaitTimeout {
  error: string;
  requests: RequestDetails[];
  nearest: NearMiss[];
}

/** Why a call is refused, or has failed. */
export interface Refusal {
  error: string;
}

export interface HelloMessage {
  type: "hello";
  /** the server's clock, by which all times are told: ISO 8601, UTC, with milliseconds */
  time: string;
  mirror: Mirror;
}

export interface RequestMessage {
  type: "request";
  request: RequestSummary;
}

/** One request was deleted. */
export interface DeletedMessage {
  type: "deleted";
  id: string;
  revision: string;
}

/** A request was sent on, and its `forwarded` is there. */
export interface ForwardedMessage {
  type: "forwarded";
  id: string;
}

/** All requests were deleted up to the one with the id `last`; those after it stay, so many as are `left`. */
export interface ClearedMessage {
  type: "cleared";
  last: string;
  revision: string;
  left: number;
}

/** The mirror's response or rules were changed, or how many requests it keeps. */
export interface UpdatedMessage {
  type: "updated";
  response: MirrorResponse;
  rules: Rule[];
  max_requests: number;
}

/** The mirror is no more; the WebSocket closes with 1000. */
export interface ExpiredMessage {
  type: "expired";
  reason: "time" | "deleted";
}

export type MirrorMessage = HelloMessage | RequestMessage | ForwardedMessage | DeletedMessage | ClearedMessage | UpdatedMessage | ExpiredMessage;
