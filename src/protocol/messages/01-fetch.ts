/**
 * Fetch (key 1), versions 4–17.
 * 4: isolation level · 5: log start offset · 7: sessions · 9: leader epoch · 11: rack · 12: flexible · 13: topic ids · 15: replica state
 */
import { api } from '../message.ts'
import {
  array,
  from,
  int8,
  int16,
  int32,
  int64,
  nullable,
  records,
  string,
  struct,
  tagged,
  uuid,
  zeroUuid,
} from '../schema.ts'

export const fetch = api({
  key: 1,
  versions: [4, 17],
  pinned: 13,
  oldest: 4,
  flexible: 12,
  request: struct({
    clusterId: tagged(0, '12+', nullable(string), null),
    replicaId: from('4-14', int32, -1),
    replicaState: tagged(
      1,
      '15+',
      struct({
        replicaId: int32,
        replicaEpoch: int64,
      }),
      { replicaId: -1, replicaEpoch: -1 },
    ),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    isolationLevel: int8,
    sessionId: from('7+', int32, 0),
    sessionEpoch: from('7+', int32, -1),
    topics: array(
      struct({
        topic: from('4-12', string, ''),
        topicId: from('13+', uuid, zeroUuid),
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: from('9+', int32, -1),
            fetchOffset: int64,
            lastFetchedEpoch: from('12+', int32, -1),
            logStartOffset: from('5+', int64, -1),
            partitionMaxBytes: int32,
            replicaDirectoryId: tagged(0, '17+', uuid, zeroUuid),
          }),
        ),
      }),
    ),
    forgottenTopicsData: from(
      '7+',
      array(
        struct({
          topic: from('7-12', string, ''),
          topicId: from('13+', uuid, zeroUuid),
          partitions: array(int32),
        }),
      ),
      [],
    ),
    rackId: from('11+', string, ''),
  }),
  response: struct({
    throttleTimeMs: int32,
    errorCode: from('7+', int16, 0),
    sessionId: from('7+', int32, 0),
    responses: array(
      struct({
        topic: from('4-12', string, ''),
        topicId: from('13+', uuid, zeroUuid),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: int64,
            logStartOffset: from('5+', int64, -1),
            divergingEpoch: tagged(
              0,
              '12+',
              struct({
                epoch: int32,
                endOffset: int64,
              }),
              { epoch: -1, endOffset: -1 },
            ),
            currentLeader: tagged(
              1,
              '12+',
              struct({
                leaderId: int32,
                leaderEpoch: int32,
              }),
              { leaderId: -1, leaderEpoch: -1 },
            ),
            snapshotId: tagged(
              2,
              '12+',
              struct({
                endOffset: int64,
                epoch: int32,
              }),
              { endOffset: -1, epoch: -1 },
            ),
            abortedTransactions: nullable(
              array(
                struct({
                  producerId: int64,
                  firstOffset: int64,
                }),
              ),
            ),
            preferredReadReplica: from('11+', int32, -1),
            records,
          }),
        ),
      }),
    ),
    nodeEndpoints: tagged(
      0,
      '16+',
      array(
        struct({
          nodeId: int32,
          host: string,
          port: int32,
          rack: nullable(string),
        }),
      ),
      [],
    ),
  }),
})
