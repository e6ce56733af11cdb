// What users of JavaScript expect: no coercion, errors with structure, values that cannot change.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { inspect } from 'node:util'
import vm from 'node:vm'
import * as sandgate from 'sandgate'

const { ALL_TRAFFIC, ClientAddress, HostMask, Policy, PolicyError, check, checkJson } = sandgate
const require = createRequire(import.meta.url)

const policy = new Policy({
  allowOut: ['*.example.com', '192.0.2.0/24'],
  denyOut: [ALL_TRAFFIC],
  allowIn: ['203.0.113.0/24:443'],
  denyIn: [ALL_TRAFFIC],
  maskRequestHost: 'app-${PORT}.example.com',
})

const codes = (document, options) => check(document, options).errors.map(({ code, path }) => `${code} ${path}`)

test('both module systems give the same package', () => {
  const required = require('sandgate')
  assert.deepEqual(Object.keys(required).toSorted(), Object.keys(sandgate).filter((name) => name !== 'default' && name !== 'module.exports').toSorted())
  for (const name of Object.keys(required)) assert.equal(required[name], sandgate[name], name)
})

test('an unknown client is denied, and no exception', () => {
  const unknown = [null, undefined, '', '203.0.113.07', '203.0.113.7:443', 'localhost', 'fe80::1%eth0', '\ud800', '203.0.113.7\0', ' 203.0.113.7']
  for (const client of [...unknown, 'x'.repeat(60), 'x'.repeat(63), 'x'.repeat(64), '203.0.113.7' + ' '.repeat(80), 'é'.repeat(31)]) {
    assert.equal(policy.allowsIngress(client, 443), false, String(client))
    assert.equal(policy.decideIngress(client, 443).reason, 'unknown-client')
  }
  assert.equal(policy.allowsIngress('203.0.113.7', 443), true)
  assert.equal(policy.allowsIngress('::ffff:203.0.113.7', 443), true)
})

test('a text is never cut into an address', () => {
  const address = '203.0.113.7'
  for (let length = 1; length < 200; length += 1) {
    for (const filler of ['.', '\0', 'é', '😀']) {
      assert.equal(policy.allowsIngress(address + filler.repeat(length), 443), false)
      assert.throws(() => policy.allowsEgress(address + filler.repeat(length), 443), RangeError)
    }
  }
})

test('another type of address is a TypeError', () => {
  for (const address of [1, 1n, true, {}, [], ['203.0.113.7'], Symbol('x'), () => '203.0.113.7', new String('203.0.113.7')]) {
    assert.throws(() => policy.allowsIngress(address, 443), TypeError)
    assert.throws(() => policy.decideIngress(address, 443), TypeError)
    assert.throws(() => policy.allowsEgress(address, 443), TypeError)
    assert.throws(() => policy.decideEgress({ address, port: 443 }), TypeError)
    assert.throws(() => policy.allowsResolved(address), TypeError)
  }
  for (const address of [null, undefined]) assert.throws(() => policy.allowsEgress(address, 443), TypeError)
  assert.throws(() => policy.allowsEgress('example.com', 443), RangeError)
})

test('another type of port is a TypeError, another number a RangeError', () => {
  const questions = [
    (port) => policy.allowsIngress('203.0.113.7', port),
    (port) => policy.decideIngress('203.0.113.7', port),
    (port) => policy.allowsEgress('203.0.113.7', port),
    (port) => policy.decideEgress({ address: '203.0.113.7', port }),
    (port) => policy.allowsIngressMany(['203.0.113.7'], port),
    (port) => policy.maskedHost(port),
    (port) => new HostMask('a.example').masked(port),
  ]
  for (const question of questions) {
    for (const port of ['443', '443abc', 1.5, NaN, Infinity, 443n, true, null, undefined, {}, [443], new Number(443)]) {
      assert.throws(() => question(port), TypeError, inspect(port))
    }
    for (const port of [-1, 65536, 2 ** 53]) assert.throws(() => question(port), RangeError)
  }
  assert.throws(() => policy.allowsIngress('203.0.113.7'), TypeError)
})

test('what is no document is told and not guessed', () => {
  class Document { denyIn = [ALL_TRAFFIC] }
  for (const document of [null, undefined, [], '{}', 1, true, 1n, Symbol('x'), () => ({}), new Map(), new Set(), new Date(), new Document(), policy, /x/, new Proxy(() => {}, {})]) {
    assert.deepEqual(codes(document), ['wrong-type '], inspect(document))
    assert.throws(() => new Policy(document), PolicyError)
  }
  for (const list of ['0.0.0.0/0', { 0: ALL_TRAFFIC, length: 1 }, new Set([ALL_TRAFFIC]), new Uint8Array(1), 1, () => []]) {
    assert.deepEqual(codes({ denyIn: list }), ['wrong-type /denyIn'], inspect(list))
  }
  for (const entry of [1, 1n, null, undefined, true, {}, [], new String('192.0.2.1'), Symbol('x')]) {
    assert.deepEqual(codes({ denyOut: [entry] }), ['wrong-type /denyOut/0'], inspect(entry))
  }
  assert.deepEqual(codes({ denyOut: [, '192.0.2.1'] }), ['wrong-type /denyOut/0'])
  for (const flag of [0, 1, 'false', null, NaN]) assert.deepEqual(codes({ allowInternetAccess: flag }), ['wrong-type /allowInternetAccess'])
  for (const mask of [NaN, 1, [], {}]) assert.deepEqual(codes({ maskRequestHost: mask }), ['wrong-type /maskRequestHost'])
  assert.deepEqual(codes(JSON.parse('{"__proto__": [], "constructor": 1}')), ['unknown-field /__proto__', 'unknown-field /constructor'])
  assert.deepEqual(codes({ denyin: () => [] }), ['unknown-field /denyin'])
  assert.deepEqual(codes({ denyOut: ['\ud800'] }), ['invalid-idna /denyOut/0'])
  assert.deepEqual(codes({ deny_in: [] }), ['unknown-field /deny_in'])
})

test('plain objects of every realm are documents, and undefined is absent', () => {
  const other = vm.runInNewContext(`({ denyIn: ['192.0.2.1'], allowIn: undefined })`)
  assert.ok(new Policy(other).equals(new Policy({ denyIn: ['192.0.2.1'] })))
  assert.ok(new Policy(Object.assign(Object.create(null), { denyIn: ['192.0.2.1'] })).equals(new Policy(other)))
  assert.ok(new Policy(Object.freeze({ denyIn: null, maskRequestHost: null })).equals(new Policy({})))
  const inherited = Object.create({ denyIn: [ALL_TRAFFIC] })
  assert.deepEqual(codes(inherited), ['wrong-type '])
})

test('what a document throws is thrown, and nothing else', () => {
  const thrown = new Error('mine')
  const getter = { get denyIn() { throw thrown } }
  assert.throws(() => check(getter), thrown)
  const proxy = new Proxy({}, { ownKeys() { throw thrown } })
  assert.throws(() => new Policy(proxy), thrown)
})

test('a document that holds itself is short', () => {
  const cyclic = {}
  cyclic.denyOut = [cyclic, [cyclic]]
  cyclic.self = cyclic
  assert.deepEqual(codes(cyclic), ['wrong-type /denyOut/0', 'wrong-type /denyOut/1', 'unknown-field /self'])
})

test('options are what they say and nothing else', () => {
  for (const options of [null, 1, 'x', [], new Map(), { egressPorts: 1 }, { ipv6Ingress: 'true' }, { guardrails: 'default' }, { guardrails: null }, { guardrails: [] }, { limits: 3 }, { limits: { entryBytes: 1.5 } }, { limits: { entries: 1 } }, { egressport: true }]) {
    assert.throws(() => new Policy({}, options), TypeError, inspect(options))
    assert.throws(() => check({}, options), TypeError)
  }
  assert.throws(() => new Policy({}, { guardrails: { alwaysDeny: [] } }), PolicyError)
  assert.equal(new Policy({}, { guardrails: 'none' }).allowsEgress('10.0.0.1', 443), true)
  assert.equal(new Policy({}, { guardrails: { alwaysDenied: ['192.0.2.0/24'] } }).allowsEgress('192.0.2.1', 443), false)
  assert.equal(new Policy({}).allowsEgress('10.0.0.1', 443), false)
  assert.equal(check({ denyOut: ['x y', 'x y'] }, { limits: { diagnostics: 1 } }).more, 1)
  assert.deepEqual(codes({ denyOut: ['192.0.2.1'] }, { limits: { entryBytes: 3 } }), ['entry-too-long /denyOut/0'])
})

test('an error is an Error with structure', () => {
  let error
  try {
    Policy.fromJson('{"denyOut":\n ["10.1.2.3/8"]}')
  } catch (thrown) {
    error = thrown
  }
  assert.ok(error instanceof PolicyError && error instanceof Error)
  assert.equal(error.name, 'PolicyError')
  assert.equal(error.code, 'ERR_SANDGATE_POLICY')
  assert.match(error.message, /^\/denyOut\/0: error\[host-bits\]: /)
  const { message, ...rest } = error.diagnostics[0]
  assert.deepEqual(rest, { code: 'host-bits', severity: 'error', path: '/denyOut/0', span: [0, 10], help: 'write `10.0.0.0/8` or `10.1.2.3/32`', line: 2, column: 4 })
})

test('JSON text is a string', () => {
  for (const text of [{}, Buffer.from('{}'), null, undefined, 1]) {
    assert.throws(() => Policy.fromJson(text), TypeError)
    assert.throws(() => checkJson(text), TypeError)
  }
  assert.equal(checkJson('{"denyIn": [], "denyIn": []}').errors[0].code, 'duplicate-field')
})

test('a name is never true', () => {
  const decision = policy.decideEgress({ address: '198.51.100.1', port: 443, sni: 'api.example.com' })
  assert.deepEqual(decision, {
    verdict: 'allow-by-name',
    allowed: false,
    reason: 'allow-name',
    entry: { list: 'allowOut', index: 0, text: '*.example.com' },
    name: 'api.example.com',
  })
  assert.deepEqual(policy.decideEgress({ address: '198.51.100.1', port: 443, host: 'api.example.com:443' }), decision)
  assert.throws(() => policy.decideEgress({ address: '198.51.100.1', port: 443, host: 'a', sni: 'a' }), TypeError)
  assert.throws(() => policy.decideEgress({ address: '198.51.100.1', port: 443, hostname: 'api.example.com' }), TypeError)
  assert.throws(() => policy.decideEgress({ address: '198.51.100.1', port: 443, host: 1 }), TypeError)
  assert.throws(() => policy.decideEgress('198.51.100.1', 443), TypeError)
})

test('a policy is frozen, compares, and is saved with its options', () => {
  const options = { guardrails: { exemptPorts: [80] }, egressPorts: true, limits: { diagnostics: 3 } }
  const other = new Policy({ denyOut: ['192.0.2.1:443'] }, options)
  const again = Policy.restore(other.save())
  assert.ok(other.equals(again))
  assert.ok(!other.equals(policy) && !other.equals({}) && !other.equals(undefined))
  assert.deepEqual(again.options.guardrails.exemptPorts, [80])
  assert.deepEqual([again.options.capabilities.egressPorts, again.options.limits.diagnostics], [true, 3])
  assert.deepEqual(JSON.parse(JSON.stringify(other)), JSON.parse(other.save()))
  assert.throws(() => { 'use strict'; other.allowsIngress = () => true }, TypeError)
  assert.equal(inspect(other), `Policy { denyOut: [ '192.0.2.1/32:443' ] }`)
  for (const saved of ['', '{}', '{"config":{"denyin":[]},"options":{}}', '{"config":{},"options":{"guardrail":{}}}']) assert.throws(() => Policy.restore(saved))
  assert.throws(() => Policy.restore({}), TypeError)
})

test('methods do not work on what is no policy', () => {
  for (const name of ['allowsIngress', 'allowsEgress', 'decideIngress', 'explainIngress', 'save']) {
    assert.throws(() => Policy.prototype[name].call({}, '203.0.113.7', 443), TypeError)
  }
})

test('many questions are as many answers', () => {
  const clients = Uint32Array.of(0xcb007107, 0xc6336407)
  assert.deepEqual(policy.allowsIngressMany(clients, 443), Uint8Array.of(1, 0))
  assert.deepEqual(policy.allowsIngressMany(clients, Uint16Array.of(80, 443)), Uint8Array.of(0, 0))
  assert.deepEqual(policy.allowsIngressMany(['203.0.113.7', null, ''], 443), Uint8Array.of(1, 0, 0))
  const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 203, 0, 113, 7)
  assert.deepEqual(policy.allowsIngressMany(mapped, 443), Uint8Array.of(1))
  assert.deepEqual(policy.allowsIngressMany(new Uint32Array(0), new Uint16Array(0)), new Uint8Array(0))
  const window = new Uint32Array(clients.buffer, 4, 1)
  assert.deepEqual(policy.allowsIngressMany(window, 443), Uint8Array.of(0))
  assert.throws(() => policy.allowsIngressMany(clients, Uint16Array.of(443)), RangeError)
  assert.throws(() => policy.allowsEgressMany(['x'], 443), RangeError)
  for (const addresses of ['203.0.113.7', new Uint8Array(15), new Uint16Array(1), new Float64Array(1), new Int32Array(1), new ArrayBuffer(4), 1, null, undefined, {}, [1]]) {
    assert.throws(() => policy.allowsIngressMany(addresses, 443), TypeError, inspect(addresses))
  }
  for (const ports of ['443', [443, 443], new Uint32Array(2), new Uint8Array(2), null, undefined]) {
    assert.throws(() => policy.allowsIngressMany(clients, ports), TypeError, inspect(ports))
  }
})

test('clients come from headers of Node and of Fetch', () => {
  const one = ClientAddress.trustedHops(1)
  const lines = ['203.0.113.7', '10.0.0.9']
  assert.equal(one.derive('10.0.0.1', { 'x-forwarded-for': '203.0.113.7, 10.0.0.9' }), '203.0.113.7')
  const headers = new Headers()
  for (const line of lines) headers.append('X-Forwarded-For', line)
  assert.equal(one.derive('10.0.0.1', headers), '203.0.113.7')
  assert.equal(one.derive('10.0.0.1', lines), '203.0.113.7')
  assert.equal(one.derive('10.0.0.1', {}), null)
  assert.equal(one.derive('10.0.0.1', Object.create({ 'x-forwarded-for': '203.0.113.7, 10.0.0.9' })), null)
  assert.equal(one.derive('10.0.0.1'), null)
  assert.equal(ClientAddress.peer().derive('::ffff:192.0.2.1'), '192.0.2.1')
  for (const peer of [undefined, null, '', 'unix:']) assert.equal(one.derive(peer, lines), null)
  assert.throws(() => one.derive('10.0.0.1', '203.0.113.7'), TypeError)
  assert.throws(() => one.derive('10.0.0.1', [1]), TypeError)
  for (const hops of [0, -1, 1.5, '1', null, undefined]) assert.throws(() => ClientAddress.trustedHops(hops), TypeError)
  assert.throws(() => ClientAddress.trustedHops(1, { proxy: [] }), TypeError)
  assert.throws(() => ClientAddress.trustedProxies('10.0.0.0/8'), TypeError)
  assert.throws(() => ClientAddress.trustedProxies(), TypeError)
  assert.throws(() => ClientAddress.trustedProxies(['10.0.0.1/8']), PolicyError)
  assert.throws(() => new ClientAddress(), TypeError)
  assert.equal(sandgate.fromInternalHeader({ [sandgate.INTERNAL_HEADER]: '192.0.2.1' }), '192.0.2.1')
  assert.equal(sandgate.fromInternalHeader(new Headers({ [sandgate.INTERNAL_HEADER]: '192.0.2.1' })), '192.0.2.1')
  assert.equal(sandgate.fromInternalHeader({}), null)
})

test('the schemas implement Standard Schema', () => {
  const { networkConfigSchema, networkUpdateSchema } = sandgate
  const { version, vendor, validate } = networkConfigSchema['~standard']
  assert.deepEqual([version, vendor], [1, 'sandgate'])
  const document = { denyOut: ['192.0.2.1'] }
  assert.deepEqual(validate(document), { value: document })
  const { issues } = validate({ denyOut: ['192.0.2.1', '10.1.2.3/8'], 'a/b': 1 })
  assert.deepEqual(issues.map(({ path, code }) => [path, code]), [[['denyOut', 1], 'host-bits'], [['a/b'], 'unknown-field']])
  assert.equal(validate({ denyOut: Array(200).fill('x y') }).issues.at(-1).message, 'and 100 more')
  assert.ok(networkUpdateSchema['~standard'].validate({ allowPublicTraffic: true }).issues)
  assert.ok(validate({ denyOut: ['192.0.2.1:443'] }).issues)
  assert.ok(!networkConfigSchema.with({ egressPorts: true })['~standard'].validate({ denyOut: ['192.0.2.1:443'] }).issues)
  assert.equal(networkConfigSchema.jsonSchema.additionalProperties, false)
})

test('a panic of the core is an exception', () => {
  const native = require(require.resolve('sandgate').replace('index.cjs', 'native.cjs'))
  assert.throws(() => native._provokePanic(), Error)
})
