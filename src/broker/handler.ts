/**
 * A handler: one function for one API key, and the versions it serves. ApiVersions is built from what registered.
 */
import type { Machine } from '../base/machine.ts'
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../protocol/api.ts'
import type { RequestContext, SupportedVersions } from '../protocol/connection.ts'
import type { DiskGuard } from './disk-guard.ts'
import type { GroupCoordinator } from './groups/group-coordinator.ts'
import type { BrokerSettings } from './options.ts'
import type { Topics } from './topics/topics.ts'
import type { TransactionCoordinator } from './transactions/transaction-coordinator.ts'
import type { WaitingFetches } from './waiting-fetches.ts'

/** What handlers work with. */
export interface BrokerRooms {
  readonly machine: Machine
  readonly settings: BrokerSettings
  readonly topics: Topics
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly disk: DiskGuard
  readonly fetches: WaitingFetches
  readonly supported: () => readonly SupportedVersions[]
}

type Handle<A extends ApiName> = (
  request: RequestOf<A>,
  broker: BrokerRooms,
  context: RequestContext,
) => ResponseOf<A> | Promise<ResponseOf<A>>

export interface Handler<A extends ApiName> extends SupportedVersions {
  readonly api: A
  readonly handle: Handle<A>
}

export function handler<A extends ApiName>(
  api: A,
  versions: { readonly min: number; readonly max: number },
  handle: Handle<A>,
): Handler<A> {
  return Object.freeze({ api, apiKey: apis[api].key, minVersion: versions.min, maxVersion: versions.max, handle })
}

/** The one node there is. */
export const node = Object.freeze({ nodeId: 0, host: 'localhost', port: 0, rack: null })
