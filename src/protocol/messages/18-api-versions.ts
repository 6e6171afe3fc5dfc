/**
 * ApiVersions (key 18), versions 0–4.
 * 3: flexible, client software · 4: features with minimum 0
 */
import { api } from '../message.ts'
import { array, boolean, from, int16, int32, int64, string, struct, tagged } from '../schema.ts'

export const apiVersions = api({
  key: 18,
  versions: [0, 4],
  pinned: 3,
  oldest: 0,
  flexible: 3,
  request: struct({
    clientSoftwareName: from('3+', string, ''),
    clientSoftwareVersion: from('3+', string, ''),
  }),
  response: struct({
    errorCode: int16,
    apiKeys: array(
      struct({
        apiKey: int16,
        minVersion: int16,
        maxVersion: int16,
      }),
    ),
    throttleTimeMs: from('1+', int32, 0),
    supportedFeatures: tagged(
      0,
      '3+',
      array(
        struct({
          name: string,
          minVersion: int16,
          maxVersion: int16,
        }),
      ),
      [],
    ),
    finalizedFeaturesEpoch: tagged(1, '3+', int64, -1),
    finalizedFeatures: tagged(
      2,
      '3+',
      array(
        struct({
          name: string,
          maxVersionLevel: int16,
          minVersionLevel: int16,
        }),
      ),
      [],
    ),
    zkMigrationReady: tagged(3, '3+', boolean, false),
  }),
})
