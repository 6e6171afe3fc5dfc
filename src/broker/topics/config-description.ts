import { type ConfigDefinition, configTypes, type TopicConfigs } from './topic-configs.ts'

/** Where a value comes from, as DescribeConfigs numbers it. */
export const configSources = { topic: 1, staticBroker: 4, default: 5 } as const

export interface ConfigDescription {
  readonly value: string
  readonly configSource: number
  readonly isDefault: boolean
  readonly configType: number
}

export function describeConfig(definition: ConfigDefinition, configs: TopicConfigs): ConfigDescription {
  const own = configs[definition.name]
  return {
    value: own ?? definition.defaultValue,
    configSource: own === undefined ? configSources.default : configSources.topic,
    isDefault: own === undefined,
    configType: configTypes[definition.type],
  }
}
