/**
 * FindCoordinator (key 10), versions 0–6.
 * 1: transactions · 3: flexible · 4: several keys
 */
import { api } from '../message.ts'
import { array, from, int8, int16, int32, nullable, string, struct } from '../schema.ts'

export const findCoordinator = api({
  key: 10,
  versions: [0, 6],
  pinned: 4,
  oldest: 1,
  flexible: 3,
  request: struct({
    key: from('0-3', string, ''),
    keyType: from('1+', int8, 0),
    coordinatorKeys: from('4+', array(string), []),
  }),
  response: struct({
    throttleTimeMs: from('1+', int32, 0),
    errorCode: from('0-3', int16, 0),
    errorMessage: from('1-3', nullable(string), ''),
    nodeId: from('0-3', int32, 0),
    host: from('0-3', string, ''),
    port: from('0-3', int32, 0),
    coordinators: from(
      '4+',
      array(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      ),
      [],
    ),
  }),
})
