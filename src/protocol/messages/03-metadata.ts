/**
 * Metadata (key 3), versions 0–12.
 * 4: topic creation is asked for · 5: offline replicas · 7: leader epoch · 8: authorized operations · 9: flexible · 10, 12: topic ids
 */
import { api } from '../message.ts'
import { array, boolean, from, int16, int32, nullable, string, struct, uuid, zeroUuid } from '../schema.ts'

export const metadata = api({
  key: 3,
  versions: [0, 12],
  pinned: 12,
  oldest: 10,
  flexible: 9,
  request: struct({
    topics: nullable(
      array(
        struct({
          topicId: from('10+', uuid, zeroUuid),
          name: nullable(string, '10+'),
        }),
      ),
      '1+',
    ),
    allowAutoTopicCreation: from('4+', boolean, true),
    includeClusterAuthorizedOperations: from('8-10', boolean, false),
    includeTopicAuthorizedOperations: from('8+', boolean, false),
  }),
  response: struct({
    throttleTimeMs: from('3+', int32, 0),
    brokers: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: from('1+', nullable(string), null),
      }),
    ),
    clusterId: from('2+', nullable(string), null),
    controllerId: from('1+', int32, -1),
    topics: array(
      struct({
        errorCode: int16,
        name: nullable(string, '12+'),
        topicId: from('10+', uuid, zeroUuid),
        isInternal: from('1+', boolean, false),
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: from('7+', int32, -1),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            offlineReplicas: from('5+', array(int32), []),
          }),
        ),
        topicAuthorizedOperations: from('8+', int32, -2147483648),
      }),
    ),
    clusterAuthorizedOperations: from('8-10', int32, -2147483648),
  }),
})
