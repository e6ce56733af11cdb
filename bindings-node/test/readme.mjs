// Runs the examples of the README as ESM, CommonJS and TypeScript, and compares what they print.
//
//     node readme.mjs README TSC     in a project that has the package; TSC compiles TypeScript

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const [readme, tsc] = process.argv.slice(2)
const examples = [...readFileSync(readme, 'utf8').matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)]
if (examples.length < 2) throw new Error('the README has no examples')

const required = (code) => code.replace(/^import (\{.*?\}) from ('.*?')/gms, 'const $1 = require($2)')
const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--ignoreConfig']

function run(file, expected) {
  const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  if (stdout !== expected || stderr !== '') {
    throw new Error(`${file} prints\n${stdout}${stderr}\nand the README says\n${expected}`)
  }
}

for (const [index, [, code, expected]] of examples.entries()) {
  const name = `example-${index}`
  writeFileSync(`${name}.mjs`, code)
  run(`${name}.mjs`, expected)
  writeFileSync(`${name}.cjs`, required(code))
  run(`${name}.cjs`, expected)
  // In a folder of its own name, so that what is compiled is not what was run before.
  writeFileSync(`${name}-typed.mts`, code)
  const compiled = spawnSync(process.execPath, [tsc, ...options, `${name}-typed.mts`], { encoding: 'utf8' })
  if (compiled.status !== 0) throw new Error(`${name} is refused by tsc\n${compiled.stdout}${compiled.stderr}`)
  run(`${name}-typed.mjs`, expected)
}
console.log(`${examples.length} examples print what the README says, as ESM, CommonJS and TypeScript`)
