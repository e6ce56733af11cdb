// Runs every vector of the suite through the public API, one named test each.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import {
  ClientAddress,
  HostMask,
  Policy,
  PolicyError,
  applyUpdate,
  canonicalEntry,
  check,
  checkGuardrails,
  checkJson,
  checkUpdate,
  checkUpdateJson,
  diff,
  equivalent,
  fromInternalHeader,
  repairJson,
  tightens,
  widening,
} from 'sandgate'

const repository = process.env.SANDGATE_REPOSITORY ?? join(import.meta.dirname, '../..')
const folder = join(repository, 'tests/vectors')

function load() {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json')).toSorted()
  return files.flatMap((file) => {
    const { vectors } = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    return vectors.map((vector) => [`${basename(file, '.json')}::${vector.name}`, vector])
  })
}

function policy({ policy: document, options }) {
  const compiled = new Policy(document, options)
  assert.ok(compiled.equals(Policy.fromJson(JSON.stringify(document), options)))
  assert.ok(compiled.equals(Policy.restore(compiled.save())))
  return compiled
}

function runHelp(given = '', { help = [], helpLacks = [] }) {
  for (const text of help) assert.ok(given.includes(`\`${text}\``), `${given} offers ${text}`)
  for (const text of helpLacks) assert.ok(!given.includes(text), `${given} lacks ${text}`)
}

function runDiagnostics(report, expected = []) {
  const found = [...report.errors, ...report.warnings]
  assert.deepEqual(found.map(({ code, path }) => [code, path]), expected.map(({ code, path }) => [code, path]))
  found.forEach((diagnostic, index) => {
    assert.equal(diagnostic.severity, expected[index].severity ?? 'error')
    if ('span' in expected[index]) assert.deepEqual(diagnostic.span, expected[index].span)
    runHelp(diagnostic.help, expected[index])
  })
}

function refusal(question) {
  try {
    question()
  } catch (error) {
    assert.ok(error instanceof PolicyError)
    return error
  }
  assert.fail('it is accepted')
}

function runFlaw(question, flaw) {
  const [found, ...others] = refusal(question).diagnostics
  assert.deepEqual([found.code, found.path, others], [flaw.code, '', []])
  if ('span' in flaw) assert.deepEqual(found.span, flaw.span)
  runHelp(found.help, flaw)
}

const placeless = (report) => ({
  ...report,
  errors: report.errors.map(({ line, column, ...rest }) => rest),
  warnings: report.warnings.map(({ line, column, ...rest }) => rest),
})

const SENTENCES = new Set(['title', 'why', 'flaw', 'combination', 'note', 'noFlip'])
const withoutSentence = (name, value) => (SENTENCES.has(name) && typeof value === 'string' && value !== '' ? undefined : value)

/** What a vector states of an explanation: all but what is only for people. A `null` in its place stays. */
function stated(explanation) {
  return JSON.parse(JSON.stringify(explanation, withoutSentence))
}

/** Asks the witnesses of a difference again. */
function replay({ changes, resolved, hostMask }, policies) {
  const sides = policies.map((compiled, index) => [compiled, ['before', 'after'][index]])
  for (const { direction, regions } of changes) {
    for (const { witness } of regions) {
      const { address, port, host } = witness
      for (const [compiled, side] of sides) {
        const { verdict, reason, entry = null } =
          direction === 'ingress' ? compiled.decideIngress(address, port) : compiled.decideEgress({ address, port, sni: host })
        assert.deepEqual({ verdict, reason, entry }, witness[side])
      }
    }
  }
  for (const change of resolved) {
    for (const [compiled, side] of sides) assert.equal(compiled.allowsResolved(change.witness), change[side] === 'allow')
  }
  if (hostMask !== null) assert.notEqual(...policies.map((compiled) => compiled.maskedHost(hostMask.port)))
}

const NOTHING = { changes: [], resolved: [], accessToken: null, hostMask: null }

const run = {
  entry(vector) {
    if ('code' in vector) return runFlaw(() => canonicalEntry(vector.entry), vector)
    assert.equal(canonicalEntry(vector.entry), vector.canonical)
    assert.equal(canonicalEntry(vector.canonical), vector.canonical)
  },

  mask(vector) {
    if ('code' in vector) return runFlaw(() => new HostMask(vector.mask), vector)
    const mask = new HostMask(vector.mask)
    assert.equal(String(mask), vector.mask)
    for (const [port, host] of Object.entries(vector.masked)) assert.equal(mask.masked(Number(port)), host)
  },

  check({ document, text: given = JSON.stringify(document), form, options, valid, diagnostics, more = 0, canonical }) {
    // A text, or texts and how often each stands there.
    const text = typeof given === 'string' ? given : given.map(([part, times]) => part.repeat(times)).join('')
    const update = form === 'update'
    const report = (update ? checkUpdateJson : checkJson)(text, options)
    assert.deepEqual([report.valid, report.more], [valid, more])
    runDiagnostics(report, diagnostics)
    // What only text can be, objects are not: too many bytes.
    if (document !== undefined && report.errors[0]?.code !== 'document-too-large') {
      assert.deepEqual((update ? checkUpdate : check)(document, options), placeless(report))
    }
    if (!valid && !update) {
      assert.deepEqual(refusal(() => Policy.fromJson(text, options)).diagnostics, report.errors)
    }
    for (const [name, texts] of Object.entries(canonical ?? {})) {
      assert.deepEqual(Policy.fromJson(text, options).config[name] ?? [], texts)
    }
  },

  decide(vector) {
    const compiled = policy(vector)
    for (const { query, verdict, reason, entry, name, maskedHost } of vector.queries) {
      const { direction, client, address, port, ...names } = query
      let decision
      if (direction === 'ingress') {
        decision = compiled.decideIngress(client, port)
        assert.equal(compiled.allowsIngress(client, port), decision.allowed)
        assert.deepEqual([...compiled.allowsIngressMany([client], port)], [Number(decision.allowed)])
        assert.equal(compiled.maskedHost(port), maskedHost ?? null)
      } else {
        decision = compiled.decideEgress({ address, port, ...names })
        if (names.host == null && names.sni == null) {
          assert.equal(compiled.allowsEgress(address, port), decision.allowed)
          assert.deepEqual([...compiled.allowsEgressMany([address], Uint16Array.of(port))], [Number(decision.allowed)])
        }
      }
      const expected = { verdict, allowed: verdict === 'allow', reason, entry, name }
      assert.deepEqual({ entry: undefined, name: undefined, ...decision }, expected)
    }
  },

  resolved(vector) {
    const compiled = policy(vector)
    for (const { address, allowed } of vector.addresses) assert.equal(compiled.allowsResolved(address), allowed)
  },

  client({ mode, peer, forwardedFor = [], client = null }) {
    const derive = mode.peer
      ? ClientAddress.peer()
      : 'trustedHops' in mode
        ? ClientAddress.trustedHops(mode.trustedHops, { proxies: mode.trustedProxies })
        : ClientAddress.trustedProxies(mode.trustedProxies)
    assert.equal(derive.derive(peer, forwardedFor), client)
    assert.equal(derive.derive(peer, { 'x-forwarded-for': forwardedFor }), client)
    // As Node joins the lines of this header.
    const joined = forwardedFor.length === 0 ? {} : { 'x-forwarded-for': forwardedFor.join(', ') }
    assert.equal(derive.derive(peer, joined), client)
  },

  internalHeader({ values, client = null }) {
    assert.equal(fromInternalHeader(values), client)
  },

  update({ config, update, result }) {
    assert.deepEqual(applyUpdate(config, update), result)
  },

  explain(vector) {
    const { direction, client, address, port, ...names } = vector.query
    const compiled = policy(vector)
    const explanation =
      direction === 'ingress' ? compiled.explainIngress(client, port) : compiled.explainEgress({ address, port, ...names })
    assert.deepEqual(stated(explanation), vector.explanation)
  },

  diff({ old, new: other, difference, widening: wider = NOTHING, ...answers }) {
    const policies = [policy(old), policy(other)]
    const found = [diff(...policies), widening(...policies)]
    assert.deepEqual(found, [difference, wider])
    assert.deepEqual({ tightens: tightens(...policies), equivalent: equivalent(...policies) }, { tightens: answers.tightens, equivalent: answers.equivalent })
    for (const told of found) replay(told, policies)
  },

  repair({ text, hostBits, minimize, options, repaired: wanted, repairs, left = [] }) {
    const how = { ...options, hostBits, minimize }
    const { text: repaired, repairs: done, report } = repairJson(text, how)
    assert.equal(repaired, wanted)
    assert.deepEqual(done.map(({ list, index, before, after, reasons }) => ({ list, index, before, after, reasons: reasons.length })), repairs)
    assert.equal(report.valid, left.length === 0)
    if (!report.valid) runDiagnostics(report, left)
    assert.deepEqual(report, checkJson(repaired, options))
    // What is repaired has no more to repair.
    assert.deepEqual(repairJson(repaired, how), { text: repaired, repairs: [], report })
  },

  same({ left, right, same }) {
    assert.equal(policy(left).equals(policy(right)), same)
  },

  summary(vector) {
    const compiled = policy(vector)
    assert.equal(compiled.canonicalText, vector.text.map((line) => `${line}\n`).join(''))
    assert.equal(compiled.fingerprint, vector.fingerprint)
    assert.deepEqual(compiled.effects.map(({ code }) => code), vector.effects)
  },

  guardrails({ document, valid = false, diagnostics = [] }) {
    const report = checkGuardrails(document)
    assert.equal(report === null, valid && diagnostics.length === 0)
    if (report === null) return new Policy({}, { guardrails: document })
    runDiagnostics(report, diagnostics)
    // Options take a document; what is none is thrown as such.
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
      assert.deepEqual(refusal(() => new Policy({}, { guardrails: document })).diagnostics, report.errors)
    }
  },
}

const vectors = load()
if (process.argv.includes('--list')) {
  for (const [name] of vectors) console.log(name)
} else {
  for (const [name, vector] of vectors) test(name, () => run[vector.kind](vector))
}
