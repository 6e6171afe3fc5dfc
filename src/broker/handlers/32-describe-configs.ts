/**
 * DescribeConfigs, versions 1–4.
 * Configs of topics, with where each value comes from.
 * Left out: configs of brokers and of loggers, which answer with an empty list.
 */
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { configSources, describeConfig } from '../topics/config-description.ts'
import { type TopicConfigs, topicConfigDefinitions } from '../topics/topic-configs.ts'

type Asked = RequestOf<'DescribeConfigs'>['resources'][number]
type Answer = ResponseOf<'DescribeConfigs'>['results'][number]

export const resourceTypes = { topic: 2, broker: 4 } as const

export const describeConfigs = handler('DescribeConfigs', { min: 1, max: 4 }, (request, broker) => ({
  throttleTimeMs: 0,
  results: request.resources.map((asked) => {
    return answer(broker, asked, request.includeSynonyms, request.includeDocumentation)
  }),
}))

function answer(broker: BrokerRooms, asked: Asked, synonyms: boolean, documentation: boolean): Answer {
  const { resourceType, resourceName } = asked
  const result = { errorCode: 0, errorMessage: null, resourceType, resourceName, configs: [] }
  if (resourceType === resourceTypes.broker) return result
  if (resourceType !== resourceTypes.topic) {
    const errorMessage = `resource type ${resourceType} has no configs here; ask for a topic (2)`
    return { ...result, errorCode: codeOf('INVALID_REQUEST'), errorMessage }
  }
  const topic = broker.topics.get(resourceName)
  if (topic === undefined) {
    const errorMessage = `there is no topic ${resourceName}`
    return { ...result, errorCode: codeOf('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage }
  }
  return { ...result, configs: described(topic.configs, asked.configurationKeys, synonyms, documentation) }
}

function described(
  configs: TopicConfigs,
  keys: readonly string[] | null,
  synonyms: boolean,
  documentation: boolean,
): Answer['configs'] {
  const asked = [...topicConfigDefinitions.values()].filter(({ name }) => keys === null || keys.includes(name))
  return asked.map((definition) => {
    const { name } = definition
    const { value, configSource, configType, isDefault } = describeConfig(definition, configs)
    const own = isDefault ? [] : [{ name, value, source: configSources.topic }]
    const fallback = { name, value: definition.defaultValue, source: configSources.default }
    return {
      name,
      value,
      readOnly: false,
      configSource,
      isSensitive: false,
      synonyms: synonyms ? [...own, fallback] : [],
      configType,
      documentation: documentation ? definition.documentation : null,
    }
  })
}
