// Hostile surroundings: threads and processes that end, that have no memory, or that load the package twice.
// The groups, in this order:
//
// - worker threads that are terminated while they load, compile and ask
// - processes that exit while workers ask; exit handlers and finalisers
// - heaps that are too small, for a worker and for a process; what a hostile document takes
// - two copies of the package, and policies of another realm
//
// A V8 that finds no memory ends its worker with an error, or the process; the core, which is Rust, ends the process.
// The limits keep a document from getting there. JavaScript has no forks: a child process starts anew.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'
import { ALL_TRAFFIC, Policy, diff, equivalent, tightens, widening } from 'sandgate'

const entry = fileURLToPath(import.meta.resolve('sandgate')).replace('index.mjs', 'index.cjs')
const require = createRequire(import.meta.url)
const closed = { allowIn: ['203.0.113.0/24:443'], denyIn: [ALL_TRAFFIC], denyOut: ['198.51.100.0/24'] }
const policy = new Policy(closed)

const preface = `
  const { Policy, PolicyError, check, diff } = require(${JSON.stringify(entry)})
  const policy = new Policy(${JSON.stringify(closed)})
  function ask() {
    if (policy.allowsIngress('203.0.113.7', 443) !== true) throw new Error('denied')
    if (policy.allowsIngress('198.51.100.7', 443) !== false) throw new Error('allowed')
    if (policy.decideEgress({ address: '198.51.100.7', port: 443, sni: 'a.example' }).verdict !== 'deny') throw new Error('allowed')
    if (policy.allowsIngressMany(new Uint32Array(1000), 443).includes(1)) throw new Error('allowed')
    return 'asked'
  }
  const entries = Array.from({ length: 5000 }, (_, index) => '198.' + (index % 250) + '.' + (index >> 8) + '.0/24')
`

/** A process of its own, which has to end by itself. */
const run = (code, ...flags) => spawnSync(process.execPath, [...flags, '-e', preface + code], { encoding: 'utf8', timeout: 60_000 })

/** What a process prints that ends well and complains of nothing. */
function told(code, ...flags) {
  const { status, signal, stdout, stderr } = run(code, ...flags)
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' })
  return stdout.trim()
}

/** Starts workers and terminates each after a while, for some seconds; gives how many there were. */
async function terminated(work, milliseconds) {
  const end = performance.now() + milliseconds
  let count = 0
  while (performance.now() < end) {
    const workers = Array.from({ length: 3 }, () => new Worker(`${preface} require('node:worker_threads').parentPort.postMessage(0); while (true) { ${work} }`, { eval: true }))
    const ends = workers.map(async (worker, index) => {
      await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject) })
      await new Promise((resolve) => setTimeout(resolve, (count + index) % 7))
      return worker.terminate()
    })
    assert.deepEqual(await Promise.all(ends), [1, 1, 1])
    count += 3
    assert.equal(policy.allowsIngress('198.51.100.7', 443), false)
  }
  return count
}

for (const [name, work] of [
  ['compiling', 'new Policy({ denyOut: entries })'],
  ['asking', 'ask()'],
  ['asking many', `policy.allowsIngressMany(new Uint32Array(2_000_000), 443)`],
  ['being refused', `try { new Policy({ denyOut: [...entries, 'x y'] }) } catch (error) { if (!(error instanceof PolicyError)) throw error }`],
  ['saving and restoring', 'Policy.restore(policy.save())'],
  ['explaining', `policy.explainEgress({ address: '198.51.100.7', port: 443, sni: 'a.example' })`],
  ['comparing', 'diff(policy, new Policy({ denyOut: entries }))'],
]) {
  test(`a worker that is terminated while ${name} ends alone`, async () => {
    assert.ok((await terminated(work, 1500)) >= 6)
  })
}

test('a worker that is terminated while it loads the package ends alone', async () => {
  for (let round = 0; round < 60; round += 1) {
    const worker = new Worker(preface, { eval: true })
    await new Promise((resolve) => setTimeout(resolve, round % 20))
    await worker.terminate()
  }
  assert.equal(policy.allowsIngress('198.51.100.7', 443), false)
})

test('a worker that is terminated in a getter of a document ends alone', async () => {
  for (let round = 0; round < 20; round += 1) {
    const worker = new Worker(`${preface} check({ get denyIn() { require('node:worker_threads').parentPort.postMessage(0); while (true); } })`, { eval: true })
    await new Promise((resolve) => worker.once('message', resolve))
    assert.equal(await worker.terminate(), 1)
  }
})

test('a process exits while workers ask and compile', () => {
  for (const how of ['process.exit(0)', 'process.reallyExit(0)', 'process.exitCode = 0; for (const worker of workers) worker.unref()']) {
    for (const milliseconds of [0, 3, 20]) {
      const { status, signal, stderr } = run(`
        const { Worker } = require('node:worker_threads')
        const code = ${JSON.stringify(`${preface} require('node:worker_threads').parentPort.postMessage(0); while (true) { ask(); new Policy({ denyOut: entries }) }`)}
        const workers = Array.from({ length: 3 }, () => new Worker(code, { eval: true }))
        Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)))).then(() => setTimeout(() => { ${how} }, ${milliseconds}))`)
      assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' }, how)
    }
  }
})

test('a policy answers in exit handlers and finalisers', () => {
  assert.equal(
    told(
      `process.on('exit', () => console.log('exit', ask()))
       const registry = new FinalizationRegistry((held) => { held.allowsIngress('198.51.100.7', 443) === false && globalThis.finalised++ })
       globalThis.finalised = 0
       for (let index = 0; index < 1000; index += 1) registry.register(new Policy({}), policy)
       global.gc()
       setTimeout(() => { global.gc(); console.log(globalThis.finalised > 0) }, 50)`,
      '--expose-gc',
    ),
    'true\nexit asked',
  )
})

test('an exception that nobody catches ends the process and allows nothing', () => {
  const { status, stdout } = run(`console.log(policy.allowsEgress('x', 443))`)
  assert.deepEqual([status, stdout], [1, ''])
})

test('a worker with a small heap ends with an error, and alone', async () => {
  for (const work of [
    'const kept = []; while (true) kept.push(new Policy({ denyOut: entries.slice() }), check({ denyOut: entries.map((entry) => entry + "x") }))',
    'const kept = []; while (true) kept.push(policy.decideIngress("198.51.100.7", 443))',
    'while (true) check({ denyIn: Array(3_000_000).fill("192.0.2.1").map((entry, index) => entry + index) })',
  ]) {
    const worker = new Worker(preface + work, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } })
    const error = await new Promise((resolve) => worker.once('error', resolve))
    assert.equal(error.code, 'ERR_WORKER_OUT_OF_MEMORY')
    assert.equal(policy.allowsIngress('198.51.100.7', 443), false)
  }
})

test('a process with a small heap asks, or ends and answers nothing', () => {
  assert.equal(told(`new Policy({ denyOut: entries }); console.log(ask())`, '--max-old-space-size=16'), 'asked')
  const { signal, status, stdout } = run(`const kept = []; while (true) kept.push(check({ denyIn: entries.map((entry) => 'x ' + entry) })); console.log(ask())`, '--max-old-space-size=16')
  assert.equal(stdout, '')
  assert.ok(signal === 'SIGABRT' || status === 134, `${signal} ${status}`)
})

test('a hostile document takes no more memory than its limits', () => {
  const lines = told(`
    const text = 'x'.repeat(16 << 20)
    for (const make of [
      () => ({ denyIn: Array(100_000).fill(text) }), () => ({ denyIn: Array(8_000_000).fill('192.0.2.1') }), () => ({ denyIn: Array(4_000_000).fill([]) }), () => ({ denyIn: Array(2 ** 32 - 1) }),
      () => ({ denyIn: Array(100_000).fill('192.0.2.1/33') }), () => Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [index, null])),
    ]) {
      const document = make()
      const before = process.resourceUsage().maxRSS
      const { errors } = check(document)
      console.log(errors[0].code, (process.resourceUsage().maxRSS - before) >> 10)
    }`)
  const grown = lines.split('\n').map((line) => line.split(' '))
  assert.deepEqual(grown.map(([code]) => code), ['document-too-large', 'document-too-large', 'wrong-type', 'document-too-large', 'invalid-prefix-length', 'unknown-field'])
  // The bound is a few times what was measured; copied whole, the first would be 1.6 TB.
  for (const [, megabytes] of grown) assert.ok(Number(megabytes) < 600, lines)
})

test('two copies of the package live in one process and do not take each other for their own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-'))
  try {
    const modules = dirname(dirname(entry))
    for (const name of ['sandgate', '@sandgate']) cpSync(join(modules, name), join(folder, 'node_modules', name), { recursive: true, dereference: true })
    const other = require(join(folder, 'node_modules/sandgate/index.cjs'))
    assert.notEqual(other.Policy, Policy)
    const copy = new other.Policy(closed)
    assert.equal(copy.allowsIngress('198.51.100.7', 443), false)
    assert.equal(policy.equals(copy) || copy.equals(policy), false)
    assert.throws(() => new Policy(copy), (error) => error.code === 'ERR_SANDGATE_POLICY' && !(error instanceof other.PolicyError))
    assert.throws(() => Policy.prototype.allowsIngress.call(copy, '198.51.100.7', 443), TypeError)
    assert.throws(() => new other.ClientAddress(copy), TypeError)
    for (const compare of [diff, widening, tightens, equivalent, other.diff, other.widening, other.tightens, other.equivalent]) {
      for (const [one, two] of [[policy, copy], [copy, policy]]) assert.throws(() => compare(one, two), TypeError)
    }
    assert.ok(Policy.restore(copy.save()).equals(policy))
    const native = require(join(folder, 'node_modules/sandgate/native.cjs'))
    const compiled = native.compile(closed, undefined)
    for (const receiver of [{}, policy, copy, Object.create(native.Compiled.prototype), new Proxy(compiled, {}), undefined]) {
      assert.throws(() => native.Compiled.prototype.save.call(receiver), Error)
      assert.throws(() => native.Compiled.prototype.ingress.call(receiver), Error)
    }
    assert.throws(() => new Policy(Object.create(native.Compiled.prototype)), (error) => error.code === 'ERR_SANDGATE_POLICY')
    assert.throws(() => compiled.equals(Object.create(native.Compiled.prototype)), Error)
    assert.throws(() => compiled.equals({}), Error)
    for (const compare of [native.diff, native.widening, native.tightens, native.equivalent]) {
      for (const forged of [{}, policy, undefined, null, new Proxy(compiled, {}), Object.create(native.Compiled.prototype)]) {
        assert.throws(() => compare(compiled, forged), Error)
        assert.throws(() => compare(forged, compiled), Error)
      }
    }
    const ask = compiled.ingress()
    for (const call of [() => ask.call(null, '198.51.100.7', 443), () => Reflect.apply(ask, {}, ['198.51.100.7', 443, 1, 2, 3])]) assert.equal(call(), false)
    for (const call of [() => ask(), () => ask('198.51.100.7'), () => new ask('198.51.100.7')]) assert.throws(call, TypeError)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the same package is loaded in many realms of a process', () => {
  for (let round = 0; round < 50; round += 1) {
    const realm = vm.createContext({ require, entry, policy })
    const answers = vm.runInContext(
      `const { Policy } = require(entry)
       const own = new Policy({ allowIn: ['203.0.113.0/24:443'], denyIn: ['0.0.0.0/0'], denyOut: ['198.51.100.0/24'] })
       ;[own.allowsIngress('198.51.100.7', 443), policy.allowsIngress('198.51.100.7', 443), own.equals(policy), policy.decideEgress({ address: '198.51.100.7', port: 443 }).verdict]`,
      realm,
    )
    assert.deepEqual([...answers], [false, false, true, 'deny'])
  }
})
