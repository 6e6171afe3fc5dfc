/** The configurations of topics. */
import { brokerError } from '../broker-error.ts'
import type { Caller } from '../caller.ts'

export interface ConfigEntry {
  /** Null where it is sensitive. */
  readonly value: string | null
  /** Set for this topic, not inherited from the broker. */
  readonly ownToTopic: boolean
  readonly readOnly: boolean
}

const topicResource = 2
const topicSource = 1
const operations = { set: 0, remove: 1 } as const

export async function describeTopicConfigs(
  caller: Caller,
  topics: readonly string[],
): Promise<Map<string, Map<string, ConfigEntry>>> {
  const response = await caller.call(
    'DescribeConfigs',
    {
      resources: topics.map((name) => {
        return { resourceType: topicResource, resourceName: name, configurationKeys: null }
      }),
      includeSynonyms: false,
      includeDocumentation: false,
    },
    { codeOf: () => 0, what: 'describe configurations' },
  )
  const described = new Map<string, Map<string, ConfigEntry>>()
  for (const { resourceName, configs, errorCode, errorMessage } of response.results) {
    if (errorCode !== 0) throw brokerError(errorCode, `describe the configuration of ${resourceName}`, errorMessage)
    const entries = configs.map(({ name, value, configSource, readOnly }): [string, ConfigEntry] => {
      return [name, { value, ownToTopic: configSource === topicSource, readOnly }]
    })
    described.set(resourceName, new Map(entries))
  }
  return described
}

export async function alterTopicConfigs(
  caller: Caller,
  topic: string,
  configs: Readonly<Record<string, string | null>>,
): Promise<void> {
  const response = await caller.call(
    'IncrementalAlterConfigs',
    {
      resources: [
        {
          resourceType: topicResource,
          resourceName: topic,
          configs: Object.entries(configs).map(([name, value]) => {
            return { name, configOperation: value === null ? operations.remove : operations.set, value }
          }),
        },
      ],
      validateOnly: false,
    },
    { codeOf: () => 0, what: `configure ${topic}` },
  )
  for (const { errorCode, errorMessage } of response.responses) {
    if (errorCode !== 0) throw brokerError(errorCode, `configure ${topic}`, errorMessage)
  }
}
