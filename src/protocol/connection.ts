/**
 * The seam between a client and a broker (D2). A client has a `Connection`; a broker is a `RequestHandler`; a carrier
 * joins the two. Nothing here knows of sockets.
 */
import type { Machine } from '../base/machine.ts'
import type { ApiName, RequestOf, ResponseOf } from './api.ts'

/** One way to a log. Requests reach the broker in the order they were made. */
export interface Connection {
  /**
   * One job. Never resolves inside the call. The body and the batches in it are immutable from here on.
   * Rejects with NET_DISCONNECTED when the way is closed, also for requests that still wait for their answer.
   */
  request<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>>
  /** True when the process that checked the CRC of fetched batches hands them over by reference (the direct carrier). */
  readonly checked: boolean
  /** True once `close` was called: no request can succeed any more, and a client stops trying. */
  readonly closed?: boolean
  close(): Promise<void>
}

/** Who asks, and in which version. */
export interface RequestContext {
  readonly clientId: string
  readonly version: number
  readonly connectionId: number
}

/** Versions of one API key that a broker serves. */
export interface SupportedVersions {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** What a broker is to a carrier. */
export interface RequestHandler {
  handle<A extends ApiName>(api: A, body: RequestOf<A>, context: RequestContext): Promise<ResponseOf<A>>
  supported(): readonly SupportedVersions[]
}

/** Where an application finds its log: `embedded(dir)` now, a cluster later. */
export interface LogProvider {
  /** For messages: what and where. */
  readonly description: string
  acquire(machine?: Machine): Promise<LogLease>
}

/** A log in use, until released. */
export interface LogLease {
  connect(clientId: string): Connection
  /** The folder of an embedded log, else null. */
  readonly directory: string | null
  /**
   * Optional: calls back, until the release, with a sentence for each partition that is damaged, offline or was cut at
   * its end, naming file and offset. What is known already is told inside the call. One listener per lease.
   */
  onTrouble?(tell: (trouble: string) => void): void
  release(): Promise<void>
}
