// Explanations and differences as values: their form, that they cannot change, and that the types know all of them.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { ALL_TRAFFIC, Policy, diff, equivalent, tightens, widening } from 'sandgate'

const repository = process.env.SANDGATE_REPOSITORY ?? join(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)

const policy = new Policy({ allowIn: ['203.0.113.64/26:5432'], denyIn: [ALL_TRAFFIC] })

test('an explanation is what the command prints', () => {
  const page = readFileSync(join(repository, 'docs/cli.md'), 'utf8')
  const [, example] = page.match(/With `--format json`, wrapped here:\n\n```json\n(.*?)```/s)
  const { addresses: [{ steps, ...judged }], ...explanation } = policy.explainIngress('203.0.113.70', 80)
  assert.deepEqual(steps.map(({ rule }) => rule), ['I-1', 'I-2', 'I-3', 'I-4', 'I-5', 'I-6', 'I-7'])
  // The page shows the first step, without its sentence.
  const shown = { ...JSON.parse(example), addresses: [{ ...judged, steps: [{ ...steps[0], why: '...' }] }] }
  assert.deepEqual(JSON.parse(example), shown)
  const whole = { ...JSON.parse(example), addresses: [{ ...judged, steps }] }
  assert.equal(JSON.stringify(policy.explainIngress('203.0.113.70', 80)), JSON.stringify(whole))
  assert.deepEqual({ ...explanation, addresses: whole.addresses }, whole)
})

test('a difference has every field, in the order of the wire', () => {
  const before = new Policy({ allowOut: ['*.example.com'], denyOut: [ALL_TRAFFIC] })
  const after = new Policy({ allowOut: ['a.example.com', '*.b.example.com', 'example.org'], denyOut: [ALL_TRAFFIC], allowPublicTraffic: false, maskRequestHost: 'a.example' })
  const { changes: [opened, closed], ...others } = diff(before, after)
  assert.deepEqual(Object.keys(diff(before, after)), ['changes', 'resolved', 'accessToken', 'hostMask'])
  assert.equal(
    JSON.stringify(others),
    '{"resolved":[],"accessToken":{"noLongerNeeded":[],"needed":[{"low":1,"high":49982},{"low":49984,"high":65535}]},"hostMask":{"before":null,"after":"a.example","port":1}}',
  )
  assert.equal(JSON.stringify(opened.names), '{"matching":[{"pattern":"example.org","except":[]}]}')
  assert.equal(JSON.stringify(closed.names), '{"matching":[{"pattern":"*.example.com","except":["a.example.com","*.b.example.com"]}]}')
  const { addresses, networks, ...region } = closed.regions[0]
  assert.deepEqual([addresses[0].first, networks[0]], ['1.0.0.0', '1.0.0.0/8'])
  assert.equal(
    JSON.stringify(region),
    '{"ports":[{"low":0,"high":65535}],' +
      '"witness":{"address":"1.0.0.0","port":1,"host":"www.example.com",' +
      '"before":{"verdict":"allow-by-name","reason":"allow-name","entry":{"list":"allowOut","index":0,"text":"*.example.com"}},' +
      '"after":{"verdict":"deny","reason":"deny-entry","entry":{"list":"denyOut","index":0,"text":"0.0.0.0/0"}}},' +
      '"entriesBefore":[{"list":"allowOut","index":0,"text":"*.example.com"}],' +
      '"entriesAfter":[{"list":"denyOut","index":0,"text":"0.0.0.0/0"}],"citesAll":false}',
  )
})

test('what is compared twice is the same, and what tightens widens nothing', () => {
  const open = new Policy({})
  const nothing = { changes: [], resolved: [], accessToken: null, hostMask: null }
  for (const [before, after, tighter, same] of [[policy, policy, true, true], [open, policy, true, false], [policy, open, false, false]]) {
    assert.deepEqual([tightens(before, after), equivalent(before, after)], [tighter, same])
    assert.deepEqual([widening(before, after), diff(before, after)].map((told) => told.changes.length === 0), [tighter, same])
    if (tighter) assert.deepEqual(widening(before, after), nothing)
  }
})

const vectors = (file) => JSON.parse(readFileSync(join(repository, 'tests/vectors', file), 'utf8')).vectors

function explained({ policy: document, options, query: { direction, client, address, port, ...names } }) {
  const compiled = new Policy(document, options)
  return direction === 'ingress' ? compiled.explainIngress(client, port) : compiled.explainEgress({ address, port, ...names })
}

const compared = ({ old, new: other }) => diff(new Policy(old.policy, old.options), new Policy(other.policy, other.options))

/** Every explanation and every difference that the vectors draw, by its type. */
const results = { Explanation: vectors('explain.json').map(explained), Difference: vectors('difference.json').map(compared) }

/** Every object in a value, the arrays aside, and the value itself. */
function objects(value) {
  if (typeof value !== 'object' || value === null) return []
  const within = Object.values(value).flatMap(objects)
  return Array.isArray(value) ? within : [value, ...within]
}

test('results are frozen with all that is in them', () => {
  const told = Object.values(results).flat().flatMap(objects)
  assert.ok(told.length > 500, String(told.length))
  for (const object of told) assert.ok(Object.isFrozen(object) && Object.values(object).every(Object.isFrozen), inspect(object))
})

test('every object of the results is an interface of the types, and every interface is an object of the results', () => {
  const types = readFileSync(join(dirname(fileURLToPath(import.meta.resolve('sandgate'))), 'analysis.d.cts'), 'utf8')
  const interfaces = [...types.matchAll(/^export interface \w+ \{\n(.*?)^\}/gms)]
  const declared = interfaces.map(([, fields]) => [...fields.matchAll(/^ {2}readonly (\w+): /gm)].map(([, name]) => name).join(' '))
  const found = new Set(Object.values(results).flat().flatMap(objects).map((object) => Object.keys(object).join(' ')))
  assert.deepEqual([...found].toSorted(), declared.toSorted())
})

test('the compiler accepts every result as what it is declared to be', () => {
  // Beside this file, so that the package is found from there.
  const folder = mkdtempSync(join(import.meta.dirname, 'results-'))
  try {
    const file = join(folder, 'results.mts')
    const lines = Object.entries(results).flatMap(([type, values]) => values.map((value) => `void (${JSON.stringify(value)} satisfies ${type})`))
    const compile = (more) => {
      writeFileSync(file, ["import type { Difference, Explanation } from 'sandgate'", ...lines, ...more].join('\n'))
      const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--ignoreConfig']
      return spawnSync(process.execPath, [join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), ...options, file], { encoding: 'utf8' })
    }
    const { status, stdout } = compile([])
    assert.equal(status, 0, stdout)
    // It would tell a field too few, and one too many.
    const { more, ...fewer } = policy.explainIngress(null, 80)
    const wrong = [[fewer, /Property 'more' is missing/], [{ ...fewer, more, less: 0 }, /'"less"' does not exist/], [{ ...fewer, more, verdict: 'maybe' }, /'"maybe"' is not assignable/]]
    for (const [result, message] of wrong) assert.match(compile([`void (${JSON.stringify(result)} satisfies Explanation)`]).stdout, message)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
