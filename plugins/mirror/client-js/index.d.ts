import type { Mirror, MirrorChanges, MirrorMessage, NearMiss, NewMirror, RequestDetails, RequestSummary } from "./shapes.d.ts";
export type ClientOptions = {
    token?: string | undefined;
    signal?: AbortSignal | undefined;
};
export type Conditions = Record<string, unknown>;
export type ListOptions = {
    after?: string;
    order?: "asc" | "desc";
    before?: string;
    limit?: number;
    q?: string;
    when?: Conditions;
};
export type WaitOptions = {
    timeout?: number;
    after?: string;
    signal?: AbortSignal;
};
export type NewResponse = NonNullable<MirrorChanges["response"]> & {
    when?: Conditions;
};
/** What the server refused, or a wait in vain: its message has the requests that came nearest, too. */
export declare class MirrorError extends Error {
    status: number;
    nearest: NearMiss[];
    /** @param {number} status @param {string} message @param {NearMiss[]} nearest */
    constructor(status: number, message: string, nearest?: NearMiss[]);
}
/** Makes a mirror; `base` is where mirrors are mounted. @param {string | URL} base @param {NewMirror & ClientOptions} options */
export declare function createMirror(base: string | URL, { token, signal, ...wanted }?: NewMirror & ClientOptions): Promise<MirrorClient>;
/** A mirror that exists. What asks the server throws `MirrorError`, and ends when the signal is aborted. */
export declare class MirrorClient {
    #private;
    code: string;
    /** Where requests are recorded. */
    url: string;
    /** @param {string | URL} base @param {string} code @param {ClientOptions} options */
    constructor(base: string | URL, code: string, options?: ClientOptions);
    /** The mirror itself: its response, its rules, how many requests it has. @returns {Promise<Mirror>} */
    show(): Promise<Mirror>;
    /** Requests without their bodies, oldest first. @param {ListOptions} options @returns {Promise<RequestSummary[]>} */
    requests({ when, ...options }?: ListOptions): Promise<RequestSummary[]>;
    /** One request, whole, by default the newest. @returns {Promise<RequestDetails>} */
    request(id?: string): Promise<RequestDetails>;
    /**
     * Waits for a request that meets the conditions; one that came before will do, unless `after` says otherwise.
     * @param {Conditions} when @param {WaitOptions} options @returns {Promise<RequestDetails>}
     */
    wait(when?: Conditions, { signal, ...options }?: WaitOptions): Promise<RequestDetails>;
    /**
     * Has the mirror respond like that to all requests or, before its other rules, to those that meet `when`.
     * @param {NewResponse} response @returns {Promise<Mirror>}
     */
    respond({ when, ...response }: NewResponse): Promise<Mirror>;
    /** Changes the response, all rules, or how many are kept. @param {MirrorChanges} changes @returns {Promise<Mirror>} */
    change(changes: MirrorChanges): Promise<Mirror>;
    /** Deletes the mirror with all its requests. @returns {Promise<void>} */
    delete(): Promise<void>;
    /**
     * What happens to the mirror, each once and in order though the connection breaks, until it is no more. Without
     * `after` all requests that are kept come first; "now": only what comes from now on.
     * @param {{ after?: string, signal?: AbortSignal }} options @returns {AsyncGenerator<MirrorMessage, void>}
     */
    events({ after, signal }?: {
        after?: string;
        signal?: AbortSignal;
    }): AsyncGenerator<MirrorMessage, void>;
    /** The JSON of any call; `path` follows that of the mirror. @param {string} method @param {string} path
     *  @param {unknown} [body] @param {AbortSignal} [signal] @returns {Promise<any>} */
    ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<any>;
}
