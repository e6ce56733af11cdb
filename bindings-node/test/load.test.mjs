// What only shows under load: worker threads, memory, functions that outlive their policy.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { ALL_TRAFFIC, Policy } from 'sandgate'

const document = { allowIn: ['203.0.113.0/24:443'], denyIn: [ALL_TRAFFIC] }

test('a policy crosses to worker threads', async () => {
  const policy = new Policy(document, { guardrails: { exemptPorts: [80] } })
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { Policy } = require(${JSON.stringify(fileURLToPath(import.meta.resolve('sandgate')).replace('index.mjs', 'index.cjs'))})
    const policy = Policy.restore(workerData)
    let allowed = 0
    for (let index = 0; index < 100_000; index += 1) allowed += policy.allowsIngress('203.0.113.' + (index % 256), 443)
    parentPort.postMessage([allowed, policy.allowsIngress('198.51.100.7', 80), policy.save()])`
  const run = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(code, { eval: true, workerData: policy.save() })
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  for (const answer of await Promise.all(Array.from({ length: 4 }, run))) {
    assert.deepEqual(answer, [100_000, true, policy.save()])
  }
})

/** Runs code in a process of its own, where garbage can be collected, and gives what it prints. */
function inProcess(code) {
  const source = `import { Policy, diff } from ${JSON.stringify(import.meta.resolve('sandgate'))}
    const document = ${JSON.stringify(document)}
    const settle = async () => { for (let i = 0; i < 5; i += 1) { global.gc(); await new Promise((done) => setTimeout(done, 5)) } }
    async function grownBy(rounds, work) {
      const half = async () => { for (let i = 0; i < rounds / 2; i += 1) { work(); if (i % 1000 === 0) await null } await settle() }
      await half()
      const before = process.memoryUsage().rss
      await half()
      return process.memoryUsage().rss - before
    }
    ${code}`
  const run = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', source], { encoding: 'utf8' })
  assert.equal(run.status, 0, run.stderr)
  return JSON.parse(run.stdout)
}

test('a million decisions leak nothing', () => {
  const grown = inProcess(`
    const policy = new Policy(document)
    const boolean = await grownBy(1_000_000, () => policy.allowsIngress('203.0.113.7', 443))
    const explained = await grownBy(200_000, () => policy.decideIngress('203.0.113.7', 443))
    console.log(JSON.stringify([boolean, explained]))`)
  for (const bytes of grown) assert.ok(bytes < 8 << 20, `${bytes} bytes`)
})

test('explanations and differences leak nothing', () => {
  const grown = inProcess(`
    const [policy, other] = [new Policy(document), new Policy({})]
    const explained = await grownBy(10_000, () => policy.explainIngress('203.0.113.7', 80))
    const compared = await grownBy(10_000, () => diff(policy, other))
    console.log(JSON.stringify([explained, compared]))`)
  // Each takes more than 2,000 bytes: half of them, kept, would be 10 million.
  for (const bytes of grown) assert.ok(bytes < 8 << 20, `${bytes} bytes`)
})

test('ten thousand policies are freed with their functions', () => {
  const grown = inProcess(`
    const entries = Array.from({ length: 200 }, (_, third) => '198.51.' + third + '.0/24')
    const grown = await grownBy(20_000, () => new Policy({ denyOut: entries }))
    console.log(JSON.stringify(grown))`)
  // Each takes more than 10,000 bytes: kept, they would be 100 million.
  assert.ok(grown < 32 << 20, `${grown} bytes`)
})

test('without a binary for the platform, loading says what to do', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-'))
  try {
    const from = dirname(fileURLToPath(import.meta.resolve('sandgate')))
    for (const file of ['index.cjs', 'native.cjs']) copyFileSync(join(from, file), join(folder, file))
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'index.cjs')], { encoding: 'utf8' })
    assert.notEqual(status, 0)
    assert.match(stderr, /sandgate has no binary for \w+-\w+\. .*install again without '--omit=optional'/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a process ends while policies are alive', () => {
  assert.equal(inProcess(`globalThis.kept = Array.from({ length: 1000 }, () => new Policy(document)); console.log(kept.length)`), 1000)
})
