/**
 * OffsetFetch (key 9), versions 1–9.
 * 5: leader epoch · 6: flexible · 7: requireStable · 8: several groups · 9: the new group protocol
 */
import { api } from '../message.ts'
import { array, boolean, from, int16, int32, int64, nullable, string, struct } from '../schema.ts'

export const offsetFetch = api({
  key: 9,
  versions: [1, 9],
  pinned: 8,
  oldest: 7,
  flexible: 6,
  request: struct({
    groupId: from('1-7', string, ''),
    topics: from(
      '1-7',
      nullable(
        array(
          struct({
            name: string,
            partitionIndexes: array(int32),
          }),
        ),
        '2-7',
      ),
      [],
    ),
    groups: from(
      '8+',
      array(
        struct({
          groupId: string,
          memberId: from('9+', nullable(string), null),
          memberEpoch: from('9+', int32, -1),
          topics: nullable(
            array(
              struct({
                name: string,
                partitionIndexes: array(int32),
              }),
            ),
          ),
        }),
      ),
      [],
    ),
    requireStable: from('7+', boolean, false),
  }),
  response: struct({
    throttleTimeMs: from('3+', int32, 0),
    topics: from(
      '1-7',
      array(
        struct({
          name: string,
          partitions: array(
            struct({
              partitionIndex: int32,
              committedOffset: int64,
              committedLeaderEpoch: from('5-7', int32, -1),
              metadata: nullable(string),
              errorCode: int16,
            }),
          ),
        }),
      ),
      [],
    ),
    errorCode: from('2-7', int16, 0),
    groups: from(
      '8+',
      array(
        struct({
          groupId: string,
          topics: array(
            struct({
              name: string,
              partitions: array(
                struct({
                  partitionIndex: int32,
                  committedOffset: int64,
                  committedLeaderEpoch: int32,
                  metadata: nullable(string),
                  errorCode: int16,
                }),
              ),
            }),
          ),
          errorCode: int16,
        }),
      ),
      [],
    ),
  }),
})
