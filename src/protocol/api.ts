/**
 * The list of APIs: name → key, versions and tables.
 */
import type { Api } from './message.ts'
import { produce } from './messages/00-produce.ts'
import { fetch } from './messages/01-fetch.ts'
import { listOffsets } from './messages/02-list-offsets.ts'
import { metadata } from './messages/03-metadata.ts'
import { offsetCommit } from './messages/08-offset-commit.ts'
import { offsetFetch } from './messages/09-offset-fetch.ts'
import { findCoordinator } from './messages/10-find-coordinator.ts'
import { joinGroup } from './messages/11-join-group.ts'
import { heartbeat } from './messages/12-heartbeat.ts'
import { leaveGroup } from './messages/13-leave-group.ts'
import { syncGroup } from './messages/14-sync-group.ts'
import { describeGroups } from './messages/15-describe-groups.ts'
import { listGroups } from './messages/16-list-groups.ts'
import { apiVersions } from './messages/18-api-versions.ts'
import { createTopics } from './messages/19-create-topics.ts'
import { deleteTopics } from './messages/20-delete-topics.ts'
import { deleteRecords } from './messages/21-delete-records.ts'
import { initProducerId } from './messages/22-init-producer-id.ts'
import { offsetForLeaderEpoch } from './messages/23-offset-for-leader-epoch.ts'
import { addPartitionsToTxn } from './messages/24-add-partitions-to-txn.ts'
import { addOffsetsToTxn } from './messages/25-add-offsets-to-txn.ts'
import { endTxn } from './messages/26-end-txn.ts'
import { txnOffsetCommit } from './messages/28-txn-offset-commit.ts'
import { describeConfigs } from './messages/32-describe-configs.ts'
import { createPartitions } from './messages/37-create-partitions.ts'
import { deleteGroups } from './messages/42-delete-groups.ts'
import { incrementalAlterConfigs } from './messages/44-incremental-alter-configs.ts'
import { describeCluster } from './messages/60-describe-cluster.ts'
import type { Infer } from './schema.ts'

export const apis = {
  Produce: produce,
  Fetch: fetch,
  ListOffsets: listOffsets,
  Metadata: metadata,
  OffsetCommit: offsetCommit,
  OffsetFetch: offsetFetch,
  FindCoordinator: findCoordinator,
  JoinGroup: joinGroup,
  Heartbeat: heartbeat,
  LeaveGroup: leaveGroup,
  SyncGroup: syncGroup,
  DescribeGroups: describeGroups,
  ListGroups: listGroups,
  ApiVersions: apiVersions,
  CreateTopics: createTopics,
  DeleteTopics: deleteTopics,
  DeleteRecords: deleteRecords,
  InitProducerId: initProducerId,
  OffsetForLeaderEpoch: offsetForLeaderEpoch,
  AddPartitionsToTxn: addPartitionsToTxn,
  AddOffsetsToTxn: addOffsetsToTxn,
  EndTxn: endTxn,
  TxnOffsetCommit: txnOffsetCommit,
  DescribeConfigs: describeConfigs,
  CreatePartitions: createPartitions,
  DeleteGroups: deleteGroups,
  IncrementalAlterConfigs: incrementalAlterConfigs,
  DescribeCluster: describeCluster,
} as const

export type ApiName = keyof typeof apis
export type RequestOf<A extends ApiName> = Infer<(typeof apis)[A]['request']>
export type ResponseOf<A extends ApiName> = Infer<(typeof apis)[A]['response']>

/** The names, by key. */
export const apiNames: readonly ApiName[] = Object.keys(apis) as ApiName[]

const byKey = new Map<number, ApiName>(apiNames.map((name) => [apis[name].key, name]))

/** The API of a key, or undefined when we do not know it. */
export function apiNameOf(key: number): ApiName | undefined {
  return byKey.get(key)
}

/** An API's definition with its own message types. */
export function definitionOf<A extends ApiName>(name: A): Api<RequestOf<A>, ResponseOf<A>> {
  return apis[name] as Api<RequestOf<A>, ResponseOf<A>>
}
