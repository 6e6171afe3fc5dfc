#!/usr/bin/env node
/** The `millrace` command. */
import { systemMachine } from '../base/machine.ts'
import { createProgram } from './program.ts'

await createProgram({ machine: systemMachine, process }).parseAsync()
