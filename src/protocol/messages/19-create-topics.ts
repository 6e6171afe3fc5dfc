/**
 * CreateTopics (key 19), versions 2–7.
 * 4: default partitions and replicas · 5: flexible, configs in the answer · 7: topic ids
 */
import { api } from '../message.ts'
import {
  array,
  boolean,
  from,
  int8,
  int16,
  int32,
  nullable,
  string,
  struct,
  tagged,
  uuid,
  zeroUuid,
} from '../schema.ts'

export const createTopics = api({
  key: 19,
  versions: [2, 7],
  pinned: 7,
  oldest: 4,
  flexible: 5,
  request: struct({
    topics: array(
      struct({
        name: string,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: array(
          struct({
            partitionIndex: int32,
            brokerIds: array(int32),
          }),
        ),
        configs: array(
          struct({
            name: string,
            value: nullable(string),
          }),
        ),
      }),
    ),
    timeoutMs: int32,
    validateOnly: boolean,
  }),
  response: struct({
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        topicId: from('7+', uuid, zeroUuid),
        errorCode: int16,
        errorMessage: nullable(string),
        topicConfigErrorCode: tagged(0, '5+', int16, 0),
        numPartitions: from('5+', int32, -1),
        replicationFactor: from('5+', int16, -1),
        configs: from(
          '5+',
          nullable(
            array(
              struct({
                name: string,
                value: nullable(string),
                readOnly: boolean,
                configSource: int8,
                isSensitive: boolean,
              }),
            ),
          ),
          [],
        ),
      }),
    ),
  }),
})
