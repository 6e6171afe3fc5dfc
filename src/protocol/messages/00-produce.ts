/**
 * Produce (key 0), versions 3–11.
 * 3: transactions · 8: record errors · 9: flexible · 10: leader hints
 */
import { api } from '../message.ts'
import { array, from, int16, int32, int64, nullable, records, string, struct, tagged } from '../schema.ts'

export const produce = api({
  key: 0,
  versions: [3, 11],
  pinned: 9,
  oldest: 3,
  flexible: 9,
  request: struct({
    transactionalId: nullable(string),
    acks: int16,
    timeoutMs: int32,
    topicData: array(
      struct({
        name: string,
        partitionData: array(
          struct({
            index: int32,
            records,
          }),
        ),
      }),
    ),
  }),
  response: struct({
    responses: array(
      struct({
        name: string,
        partitionResponses: array(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: int64,
            logAppendTimeMs: int64,
            logStartOffset: from('5+', int64, -1),
            recordErrors: from(
              '8+',
              array(
                struct({
                  batchIndex: int32,
                  batchIndexErrorMessage: nullable(string),
                }),
              ),
              [],
            ),
            errorMessage: from('8+', nullable(string), null),
            currentLeader: tagged(
              0,
              '10+',
              struct({
                leaderId: int32,
                leaderEpoch: int32,
              }),
              { leaderId: -1, leaderEpoch: -1 },
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32,
    nodeEndpoints: tagged(
      0,
      '10+',
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
