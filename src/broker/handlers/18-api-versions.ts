/**
 * ApiVersions, versions 0–4.
 * The ranges are those that the handlers registered.
 * Left out: features (none is finalized, so clients stay with the first transaction protocol).
 */
import { handler } from '../handler.ts'

export const apiVersions = handler('ApiVersions', { min: 0, max: 4 }, (_request, broker) => {
  const apiKeys = broker.supported().map(({ apiKey, minVersion, maxVersion }) => ({ apiKey, minVersion, maxVersion }))
  return { errorCode: 0, apiKeys, throttleTimeMs: 0 }
})
